"""The model artefact: a folder that says what it is and proves it.

    model.int8.onnx  tokenizer.json  README.md (model card)  manifest.json

The manifest names every other file with size and SHA-256, the labels by name, temperatures, figures, data, licences and
the recipe; it carries its own SHA-256 too, so that one flipped byte anywhere is found. `load` reads each file once and
hands on the very bytes it checked. Nothing in an artefact is ever unpickled.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from tokenizers import Tokenizer

from models import labels
from models.encoding import TextEncoder
from riskwire.errors import ModelError, ModelIntegrityError
from riskwire.types import ModelRef

SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"
CARD: Final = "README.md"
PRETRAINED: Final = Path(__file__).parent / "pretrained" / "riskwire-minilm"
"""The artefact that is shipped with the program."""

_HINT = "Install or train the model again; an artefact is never edited by hand"
_SEAL = re.compile(rb'("manifest_sha256":\s*")([0-9a-f]{64})(")')


class FileEntry(msgspec.Struct, frozen=True):
    """What a file must be."""

    sha256: str
    size: int


class Temperatures(msgspec.Struct, frozen=True):
    """Divide logits by these before the softmax. Fitted on the dev side."""

    story: float = 1.0
    mention: float = 1.0


class Graph(msgspec.Struct, frozen=True):
    """The names of the ONNX graph's inputs and outputs."""

    input_ids: str = "input_ids"
    attention_mask: str = "attention_mask"
    token_type_ids: str = "token_type_ids"  # noqa: S105
    story: str = "story_logits"
    tags: str | None = "tag_logits"  # None, and the next: a model of the story alone, which finds no mentions
    token_sentiment: str | None = "token_sentiment_logits"  # noqa: S105


class DataEntry(msgspec.Struct, frozen=True):
    """One set the model learnt from."""

    name: str
    about: str
    licence: str
    files: dict[str, str]  # path under the datasets folder → SHA-256
    items: dict[str, int]  # side → number of texts


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`manifest.json`. Unknown fields are ignored; a breaking change raises `schema`."""

    schema: int
    manifest_sha256: str = "0" * 64
    name: str
    version: str
    created_at: str
    model_file: str
    tokenizer_file: str
    files: dict[str, FileEntry]
    sentiments: tuple[str, ...]
    tags: tuple[str, ...]  # none: a model of the story alone
    graph: Graph = Graph()
    case_feature: bool = False
    amount_feature: bool = False
    max_tokens: int
    precision: str
    temperatures: Temperatures
    metrics: dict[str, Any] = {}
    data: tuple[DataEntry, ...] = ()
    base: dict[str, str] = {}
    configuration: dict[str, Any] = {}
    seed: int | None = None
    git_revision: str | None = None

    @property
    def story_only(self) -> bool:
        """Without tag and token heads: it finds no mentions (an imported classifier)."""
        return not self.tags and self.graph.tags is None and self.graph.token_sentiment is None


class Artefact(msgspec.Struct, frozen=True):
    """A verified artefact, in memory."""

    folder: Path
    manifest: Manifest
    model: bytes  # the ONNX graph
    encoder: TextEncoder
    sentiment_order: tuple[int, ...]  # place in the graph's output of each of labels.SENTIMENTS
    tag_order: tuple[int, ...]  # … of labels.TAGS; empty for a model of the story alone

    @property
    def ref(self) -> ModelRef:
        """What is written beside every score."""
        manifest = self.manifest
        return ModelRef(name=manifest.name, version=manifest.version, sha256=manifest.files[manifest.model_file].sha256)


def load(folder: Path = PRETRAINED) -> Artefact:
    """Read and verify an artefact.

    Raises ModelError when there is none or it is of another schema or labels; ModelIntegrityError, naming the file,
    when a file is missing, too much, a link, or not what the manifest says.
    """
    manifest = read_manifest(folder)
    if manifest.schema != SCHEMA:
        raise ModelError(
            f"the artefact has schema {manifest.schema}, this program reads {SCHEMA}",
            about=str(folder),
            hint="Update Riskwire, or take an artefact of its version",
        )
    contents = _read_files(folder, manifest)
    for name in (manifest.model_file, manifest.tokenizer_file):
        if name not in contents:
            raise ModelIntegrityError("the manifest does not list this file", about=str(folder / name), hint=_HINT)
    model = contents[manifest.model_file]
    if has_external_data(model):
        raise ModelError("the model keeps weights in other files, which is not allowed", about=str(folder), hint=_HINT)
    try:
        sentiment_order = tuple(labels.permutation(manifest.sentiments, labels.SENTIMENTS))
        tag_order = () if manifest.story_only else tuple(labels.permutation(manifest.tags, labels.TAGS))
    except ValueError as error:
        raise ModelError(str(error), about=str(folder / MANIFEST), hint=_HINT) from error
    try:
        tokenizer = Tokenizer.from_str(contents[manifest.tokenizer_file].decode())
        encoder = TextEncoder(tokenizer, case_feature=manifest.case_feature, amount_feature=manifest.amount_feature)
    except Exception as error:
        raise ModelError("not a tokenizer", about=str(folder / manifest.tokenizer_file), hint=_HINT) from error
    return Artefact(folder, manifest, model, encoder, sentiment_order, tag_order)


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest alone."""
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(
            "there is no model here", about=str(folder), hint="Run `make train`, or give model.path of an artefact"
        ) from error
    if path.is_symlink() or len(_SEAL.findall(raw)) != 1 or seal(raw) != raw:
        raise ModelIntegrityError("the manifest was changed", about=str(path), hint=_HINT)
    try:
        return msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise ModelIntegrityError("not a manifest", about=str(path), hint=_HINT) from error


def seal(raw: bytes) -> bytes:
    """The manifest's bytes with its own SHA-256 (taken with zeros in that place) written into it."""
    blank = _SEAL.sub(rb"\g<1>" + b"0" * 64 + rb"\g<3>", raw)
    return _SEAL.sub(rb"\g<1>" + hashlib.sha256(blank).hexdigest().encode() + rb"\g<3>", blank)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a sealed manifest."""
    raw = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / MANIFEST).write_bytes(seal(raw + b"\n"))


def fingerprint(path: Path) -> FileEntry:
    """Size and SHA-256 of a file."""
    content = path.read_bytes()
    return FileEntry(hashlib.sha256(content).hexdigest(), len(content))


def _read_files(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    there = {path.name for path in folder.iterdir()}
    expected = {*manifest.files, MANIFEST}
    for name in sorted(expected - there):
        raise ModelIntegrityError("this file is missing", about=str(folder / name), hint=_HINT)
    for name in sorted(there - expected):
        raise ModelIntegrityError("this file is not in the manifest", about=str(folder / name), hint=_HINT)
    contents: dict[str, bytes] = {}
    for name, entry in manifest.files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise ModelIntegrityError("not a plain file", about=str(path), hint=_HINT)
        content = path.read_bytes()
        if len(content) != entry.size:
            raise ModelIntegrityError(f"{len(content)} bytes, {entry.size} expected", about=str(path), hint=_HINT)
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise ModelIntegrityError(
                "its SHA-256 is not the manifest's: the file was changed", about=str(path), hint=_HINT
            )
        contents[name] = content
    return contents


def has_external_data(model: bytes) -> bool:
    """Does a serialised ONNX model point to weights in other files? Read from the wire format, without `onnx`.

    Tensors stand in a graph's weights and in nodes' attributes, in functions and graphs inside graphs.
    """
    return _points_outside("model", memoryview(model), _DEEPEST)


_PARTS: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""Which fields of ONNX's messages hold messages in which a tensor may be."""
_EXTERNAL: Final = (13, 14)  # TensorProto.external_data, data_location
_DEEPEST: Final = 50


def _points_outside(kind: str, message: memoryview, depth: int) -> bool:
    if depth == 0:
        raise ModelIntegrityError("graphs stand too deep in graphs", hint=_HINT)
    for field, part in _fields(message):
        if kind == "tensor":
            if field in _EXTERNAL:
                return True
        elif (inner := _PARTS[kind].get(field)) is not None and _points_outside(inner, part, depth - 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(field number, payload) of each field of a protobuf message; a number's payload is empty."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            _, at = _varint(message, at)
            yield number, message[:0]
        elif kind == 2:
            size, at = _varint(message, at)
            yield number, message[at : at + size]
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
            yield number, message[:0]
        else:
            raise ModelIntegrityError("not an ONNX model", hint=_HINT)


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ModelIntegrityError("not an ONNX model", hint=_HINT)
