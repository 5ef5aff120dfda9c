"""A base that a Java archive carries as an ONNX graph."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path

import onnx
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from models import joined, onnx_base
from models.config import Base
from models.network import base_folder, build

CONFIG = BertConfig(
    vocab_size=1000,
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=48,
    attn_implementation="eager",
)


class ByName(nn.Module):
    """A BERT that takes its inputs in their order, which the exporter does."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        states: torch.Tensor = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        return states


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BertModel]:
    """A small BERT as an exporter that keeps names writes it."""
    torch.manual_seed(0)
    network = BertModel(CONFIG, add_pooling_layer=False).eval()
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.1)  # the exporter writes equal weights only once, and fresh biases are all 0
    path = tmp_path_factory.mktemp("graph") / "some-base.onnx"
    names = ["input_ids", "attention_mask", "token_type_ids"]
    ones = torch.ones((1, 8), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the way of exporting is an old one, as the archives are
        torch.onnx.export(
            ByName(network),
            (ones, ones, ones),
            path,
            dynamo=False,
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_axes={name: {0: "b", 1: "t"} for name in [*names, "last_hidden_state"]},
            opset_version=17,
        )
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = node.name.replace("/bert/", "/")
        node.input[:] = [name.removeprefix("bert.") for name in node.input]
    for tensor in model.graph.initializer:
        tensor.name = tensor.name.removeprefix("bert.")
    onnx.save(model, path)
    return path, network


def archive(folder: Path, graph: Path) -> Path:
    path = folder / "some-base.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.write(graph, "some-base.onnx")
        jar.writestr("some-base-tokenizer.json", "{}")
        jar.writestr("org/Some.class", b"never unpacked")
    return path


def maven(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `mvn` that runs `line`, with $OUT the folder that it is told to fill."""
    program = folder / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nfor a; do case $a in -DoutputDirectory=*) OUT="${{a#*=}}";; esac; done\n{line}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(joined, "CACHE", folder / "cache")


def test_an_archive_becomes_a_base(
    graph: tuple[Path, BertModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven(tmp_path, f'cp "{archive(tmp_path, graph[0])}" "$OUT"', monkeypatch)
    base = Base(source="archive:org.some:some-base:1.0", case_feature=False)
    folder = base_folder(base)
    assert folder is not None
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    network = build(base, vocabulary=1000, dropout=0.0)
    assert network.encoder.config.num_attention_heads == 3
    for name, weight in graph[1].state_dict().items():
        assert torch.equal(network.encoder.state_dict()[name], weight), name
    (tmp_path / "bin" / "mvn").unlink()
    assert base_folder(base) == folder  # not fetched again


@pytest.mark.parametrize(
    ("line", "says"),
    [("echo '[ERROR] no such artifact'; exit 1", "no such artifact"), ("exit 1", "it said nothing")],
)
def test_an_archive_that_does_not_come_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, says: str
) -> None:
    maven(tmp_path, line, monkeypatch)
    with pytest.raises(FileNotFoundError, match=says):
        onnx_base.unpack_archive("org.some:some-base:1.0")


def test_without_maven_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="install mvn"):
        onnx_base.unpack_archive("org.some:some-base:1.0")


def test_a_graph_that_says_other_than_its_weights_is_refused(graph: tuple[Path, BertModel], tmp_path: Path) -> None:
    model = onnx.load(graph[0])
    for node in model.graph.node:
        if node.op_type == "Erf":  # another activation than BERT's
            node.op_type = "Sigmoid"
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="whatever the number of heads"):
        onnx_base.write_bert(tmp_path / "other.onnx", tmp_path)


def test_a_graph_that_is_no_bert_is_refused(tmp_path: Path) -> None:
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "none", [], [])), tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="no BERT"):
        onnx_base.write_bert(tmp_path / "none.onnx", tmp_path)
