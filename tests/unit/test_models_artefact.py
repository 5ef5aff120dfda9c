"""An artefact is what its manifest says, or it is refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from models import artefact
from models.artefact import MANIFEST, PRETRAINED, has_external_data, seal
from models.inference import load_scorer
from riskwire.errors import ModelError, ModelIntegrityError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PRETRAINED, tmp_path / "model"))


def reseal(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change the manifest as someone would who knows how to seal it."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (folder / MANIFEST).write_bytes(seal(json.dumps(manifest, indent=1).encode()))


def test_the_shipped_one_is_sound() -> None:
    found = artefact.load()
    assert found.ref.name == found.manifest.name
    assert found.ref.sha256 == found.manifest.files[found.manifest.model_file].sha256
    assert found.sentiment_order == (0, 1, 2)
    assert sum(entry.size for entry in found.manifest.files.values()) < 40e6


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "README.md", MANIFEST])
@pytest.mark.parametrize("place", [0.0, 0.37, 0.999])
def test_one_flipped_byte_is_found(folder: Path, name: str, place: float) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelIntegrityError) as caught:
        artefact.load(folder)
    assert caught.value.about == str(path)
    assert caught.value.hint


def test_a_cut_file_says_how_long_it_should_be(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[:-1])
    with pytest.raises(ModelIntegrityError, match=f"{len(content) - 1} bytes, {len(content)} expected"):
        artefact.load(folder)


def test_a_missing_and_an_extra_file_are_named(folder: Path) -> None:
    (folder / "extra.bin").write_bytes(b"")
    with pytest.raises(ModelIntegrityError, match=r"extra\.bin: this file is not in the manifest"):
        artefact.load(folder)
    (folder / "extra.bin").unlink()
    (folder / "README.md").unlink()
    with pytest.raises(ModelIntegrityError, match=r"README\.md: this file is missing"):
        artefact.load(folder)


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "model.onnx", tmp_path / "elsewhere.onnx")
    (folder / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(ModelIntegrityError, match="not a plain file"):
        artefact.load(folder)


def test_no_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="make train"):
        artefact.load(tmp_path / "nothing")


def test_another_schema_is_refused(folder: Path) -> None:
    reseal(folder, lambda manifest: manifest.update(schema=99))
    with pytest.raises(ModelError, match="schema 99, this program reads 1"):
        artefact.load(folder)


def test_unknown_labels_are_refused(folder: Path) -> None:
    reseal(folder, lambda manifest: manifest.update(sentiments=["bullish", "neutral", "bearish"]))
    with pytest.raises(ModelError, match="expected exactly"):
        artefact.load(folder)


def test_an_unknown_field_is_no_obstacle(folder: Path) -> None:
    reseal(folder, lambda manifest: manifest.update(later={"a": 1}))
    assert artefact.load(folder).manifest.schema == 1


def test_a_manifest_that_is_no_manifest_is_refused(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(seal(b'{"manifest_sha256": "' + b"0" * 64 + b'", "schema": "one"}'))
    with pytest.raises(ModelIntegrityError, match="not a manifest"):
        artefact.load(folder)
    (folder / MANIFEST).write_bytes(b"\x00\x01")
    with pytest.raises(ModelIntegrityError, match="was changed"):
        artefact.load(folder)


def _field(number: int, payload: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(payload)) + payload


def _number(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _number(rest) if rest else bytes([low])


def test_weights_in_other_files_are_seen_in_the_wire_format() -> None:
    inline = _field(7, _field(5, _field(9, b"1234")))
    external = _field(7, _field(5, _field(13, b"\x0a\x01x")))
    assert not has_external_data(inline)
    assert has_external_data(external)
    tensor = _field(13, b"\x0a\x01x")
    for hidden in (
        _field(7, _field(1, _field(5, _field(5, tensor)))),  # a node's attribute
        _field(7, _field(1, _field(5, _field(6, _field(5, tensor))))),  # a graph in one
        _field(7, _field(15, _field(1, tensor))),  # values of a sparse weight
        _field(25, _field(7, _field(5, _field(10, tensor)))),  # a function's node
        _field(20, _field(2, _field(5, tensor))),  # training information
    ):
        assert has_external_data(hidden)
    with pytest.raises(ModelIntegrityError, match="not an ONNX model"):
        has_external_data(b"\xff" * 20)


def test_graphs_in_graphs_without_end_are_no_model() -> None:
    deep = b""
    for _ in range(400):
        deep = _field(1, _field(5, _field(6, deep)))
    with pytest.raises(ModelIntegrityError, match="too deep"):
        has_external_data(_field(7, deep))


def test_labels_that_the_graph_has_no_output_for_are_refused(folder: Path) -> None:
    names = {"story": "story_logits", "tags": None, "token_sentiment": None}
    reseal(folder, lambda manifest: manifest.update(tags=[], graph={**manifest["graph"], **names}))  # type: ignore[dict-item]
    with pytest.raises(ModelError, match="the manifest says"):
        load_scorer(folder)
    reseal(folder, lambda manifest: manifest.update(tags=[], graph={}))
    with pytest.raises(ModelError, match="expected exactly"):
        artefact.load(folder)
