"""`riskwire model import`: labels by name, whatever their order; nothing that isn't named, nothing that is unsafe."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: make train")

import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, pipeline

from models import artefact
from models.corpora.toy import load as toy_items
from models.huggingface import fetch
from models.imported import import_model
from models.inference import OnnxScorer
from models.toy_tokenizer import make_tokenizer
from riskwire.errors import InputError, ModelError

pytestmark = pytest.mark.train
torch.set_num_threads(1)
TEXTS = [item.text for item in toy_items()][::7]
ROOT = Path(__file__).parents[2]
PERMUTED = ("Negative", "NEUTRAL", "positive")


def save(folder: Path, *, labels: tuple[str, ...] = PERMUTED, spread: float = 0.5) -> Path:
    """A randomly initialised BERT of FinBERT's shape, its outputs in an order that isn't ours.

    `spread` of its weights: large, so that texts differ.
    """
    folder.mkdir()
    make_tokenizer([item.text for item in toy_items()], folder / "tokenizer.json")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        initializer_range=spread,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save(tmp_path / "finbert")


def configure(source: Path, **changes: object) -> None:
    path = source / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def by_name(source: Path, texts: list[str]) -> list[dict[str, float]]:
    """What transformers' own pipeline says."""
    ask = pipeline(
        "text-classification",
        model=BertForSequenceClassification.from_pretrained(source),
        tokenizer=BertTokenizerFast(tokenizer_file=str(source / "tokenizer.json")),
        top_k=None,
    )
    return [{one["label"].lower(): one["score"] for one in answer} for answer in ask(texts)]


def test_it_scores_as_transformers_does_by_the_label_s_name(source: Path, tmp_path: Path) -> None:
    manifest = import_model(source, tmp_path / "out", name="finbert")
    assert manifest.sentiments == ("negative", "neutral", "positive")
    assert manifest.metrics["checks"]["parity"] <= 1e-4
    answers = OnnxScorer(artefact.load(tmp_path / "out")).score(TEXTS)
    labels = set()
    for answer, expected in zip(answers, by_name(source, TEXTS), strict=True):
        assert answer.sentiment.probabilities == pytest.approx(expected, abs=1e-4)
        assert answer.sentiment.label == max(expected, key=lambda name: expected[name])
        assert answer.entities == ()
        labels.add(answer.sentiment.label)
    assert len(labels) > 1  # a wrong order would show


def test_int8_says_nearly_the_same_and_is_smaller(tmp_path: Path) -> None:
    source = save(tmp_path / "calm", spread=0.15)
    exact = import_model(source, tmp_path / "fp32", name="finbert")
    small = import_model(source, tmp_path / "int8", name="finbert", int8=True)
    assert small.files[small.model_file].size < exact.files[exact.model_file].size
    assert small.precision == "int8 rowwise"
    one, other = (OnnxScorer(artefact.load(tmp_path / name)).score(TEXTS) for name in ("fp32", "int8"))
    gaps = [abs(a.sentiment.score - b.sentiment.score) for a, b in zip(one, other, strict=True)]
    spread = max(a.sentiment.score for a in one) - min(a.sentiment.score for a in one)
    assert max(gaps) < 0.2 * spread


def test_outputs_without_names_are_refused_until_they_are_named(tmp_path: Path) -> None:
    source = save(tmp_path / "plain", labels=("LABEL_0", "LABEL_1", "LABEL_2"))
    with pytest.raises(ModelError, match=r"its outputs are called LABEL_0, LABEL_1, LABEL_2.*--labels"):
        import_model(source, tmp_path / "out", name="plain")
    found = import_model(source, tmp_path / "out", name="plain", labels=("neutral", "positive", "negative"))
    assert found.sentiments == ("neutral", "positive", "negative")


@pytest.mark.parametrize(
    ("labels", "given"),
    [
        (("bullish", "neutral", "bearish"), ()),
        (("positive", "negative"), ()),
        (PERMUTED, ("positive", "neutral", "negative")),  # the configuration says otherwise
        (("LABEL_0", "LABEL_1", "LABEL_2"), ("positive", "positive", "negative")),
    ],
)
def test_what_can_not_be_named_is_refused(tmp_path: Path, labels: tuple[str, ...], given: tuple[str, ...]) -> None:
    source = save(tmp_path / "model", labels=labels)
    with pytest.raises(ModelError, match=r"its (outputs|configuration)"):
        import_model(source, tmp_path / "out", name="model", labels=given)
    assert not (tmp_path / "out").exists()


def test_a_pickled_model_is_read_only_when_told_to_and_only_its_tensors(source: Path, tmp_path: Path) -> None:
    state = BertForSequenceClassification.from_pretrained(source).state_dict()
    (source / "model.safetensors").unlink()
    torch.save(state, source / "pytorch_model.bin")
    with pytest.raises(ModelError, match="--allow-bin"):
        import_model(source, tmp_path / "out", name="model")
    assert import_model(source, tmp_path / "out", name="model", allow_bin=True).tags == ()


def test_a_pickle_that_would_run_something_is_not_run(source: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (mark,)

    (source / "model.safetensors").unlink()
    with (source / "pytorch_model.bin").open("wb") as file:
        pickle.dump(Bomb(), file, protocol=2)
    with pytest.raises(ModelError, match="can't be read"):
        import_model(source, tmp_path / "out", name="model", allow_bin=True)
    assert not mark.exists()


def test_old_names_of_norms_are_known(source: Path, tmp_path: Path) -> None:
    state = BertForSequenceClassification.from_pretrained(source).state_dict()
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in state.items()
    }
    (source / "model.safetensors").unlink()
    torch.save(old, source / "pytorch_model.bin")
    import_model(source, tmp_path / "out", name="model", allow_bin=True)
    (answer,) = OnnxScorer(artefact.load(tmp_path / "out")).score(TEXTS[:1])
    torch.save(state, source / "pytorch_model.bin")
    assert answer.sentiment.probabilities == pytest.approx(by_name(source, TEXTS[:1])[0], abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_type": "roberta"}, "type 'roberta'"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"num_hidden_layers": 3}, "lack bert.encoder.layer.2"),
        ({"vocab_size": 7}, "not those of its configuration"),
    ],
)
def test_a_model_that_is_something_else_is_refused(
    source: Path, tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    configure(source, **changes)
    with pytest.raises(ModelError, match=says):
        import_model(source, tmp_path / "out", name="model")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("content", [None, b"", b"[]", b"\x00\xff" * 40])
def test_a_damaged_folder_is_an_error_of_ours(source: Path, tmp_path: Path, name: str, content: bytes | None) -> None:
    (source / name).unlink()
    if content is not None:
        (source / name).write_bytes(content)
    with pytest.raises(ModelError):
        import_model(source, tmp_path / "out", name="model")


def test_shards_outside_the_folder_are_not_read(source: Path, tmp_path: Path) -> None:
    (source / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    index = {"weight_map": {"classifier.weight": "../elsewhere.safetensors"}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ModelError, match="outside its folder"):
        import_model(source, tmp_path / "out", name="model")


@pytest.mark.parametrize("name", ["../x", "a/b/c", "no such", "", "-x"])
def test_a_name_that_the_hub_can_not_have_is_refused_before_anything_is_fetched(name: str) -> None:
    with pytest.raises(InputError, match="neither a folder nor a name"):
        fetch(name)


def test_a_vocabulary_of_old_is_enough(source: Path, tmp_path: Path) -> None:
    """FinBERT has a vocab.txt and no tokenizer.json."""
    words = Tokenizer.from_file(str(source / "tokenizer.json")).get_vocab()
    (source / "tokenizer.json").unlink()
    (source / "vocab.txt").write_text("\n".join(sorted(words, key=lambda word: words[word])) + "\n", encoding="utf-8")
    import_model(source, tmp_path / "out", name="old")
    ask = pipeline(
        "text-classification",
        model=BertForSequenceClassification.from_pretrained(source),
        tokenizer=BertTokenizerFast(vocab=str(source / "vocab.txt")),
        top_k=None,
    )
    for answer, expected in zip(OnnxScorer(artefact.load(tmp_path / "out")).score(TEXTS), ask(TEXTS), strict=True):
        by_label = {one["label"].lower(): one["score"] for one in expected}
        assert answer.sentiment.probabilities == pytest.approx(by_label, abs=1e-4)


@pytest.fixture
def hub(source: Path) -> Iterator[tuple[str, list[str]]]:
    """A hub that has one model, me/finbert; its address, and what was asked of it."""
    asked: list[str] = []
    (source / "pytorch_model.bin").write_bytes(b"pickled")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked.append(path)
            files = {file.name: file.read_bytes() for file in source.iterdir()}
            if path.startswith("/api/models/me/finbert/revision/"):
                self.answer(
                    json.dumps({"id": "me/finbert", "sha": COMMIT, "siblings": [{"rfilename": n} for n in files]})
                )
            elif path.startswith("/api/models/me/finbert/tree/"):
                rows = [{"type": "file", "path": n, "size": len(raw), "oid": sha1(raw)} for n, raw in files.items()]
                self.answer(json.dumps(rows))
            elif (name := path.removeprefix(f"/me/finbert/resolve/{COMMIT}/")) in files:
                self.answer(files[name], ETag=f'"{sha1(files[name])}"', **{"X-Repo-Commit": COMMIT})
            else:
                self.send_error(404)

        def do_HEAD(self) -> None:
            self.do_GET()

        def answer(self, content: str | bytes, **headers: str) -> None:
            raw = content.encode() if isinstance(content, str) else content
            self.send_response(200)
            for name, value in {"Content-Length": str(len(raw)), "Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(raw)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def sha1(raw: bytes) -> str:
    return hashlib.sha1(raw).hexdigest()


COMMIT = "0123456789abcdef0123456789abcdef01234567"
COMMAND = "from riskwire.cli import main; main()"


def riskwire(address: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: the hub's client reads its address when it is imported."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "RISKWIRE_"))}
    env |= {"HF_ENDPOINT": address, "HF_HOME": str(home / "hub"), "RISKWIRE_DATA": str(home / "data")}
    command = [sys.executable, "-c", COMMAND, "model", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


def test_a_name_of_the_hub_is_fetched_without_what_is_not_read(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = hub
    done = riskwire(address, tmp_path, "import", "me/finbert")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "data" / "models").glob("finbert-*")
    assert folder.name == done.stdout.strip()
    found = artefact.load(folder).manifest
    assert found.base["source"] == f"hub:me/finbert@{COMMIT}"
    assert found.sentiments == ("negative", "neutral", "positive")
    assert not [path for path in asked if path.endswith("pytorch_model.bin")]


def test_a_name_that_the_hub_does_not_have_is_one_clear_line(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    done = riskwire(hub[0], tmp_path, "import", "me/other")
    assert done.returncode == 1
    assert done.stderr.startswith("riskwire: me/other: can't be fetched from the hub")
    assert len(done.stderr.splitlines()) == 1
