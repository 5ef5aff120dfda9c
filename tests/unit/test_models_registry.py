"""The registry: artefacts come in verified, one is promoted and taken back, and nothing is lost on the way."""

from __future__ import annotations

import itertools
import shutil
import threading
from pathlib import Path

import pytest
from artefacts import NOW, added, of_version, promote

from models.artefact import PRETRAINED
from models.registry.gate import Judged
from models.registry.production import FILE, PACKAGED, decode, promoted, rolled_back
from models.registry.store import Judgement, Registry, fingerprint
from riskwire.errors import InputError, ModelError, ModelIntegrityError, RiskwireError

SHA = "a" * 64


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def two(registry: Registry, tmp_path: Path) -> tuple[str, str]:
    return added(registry, tmp_path)


def test_promotions_and_rollbacks_are_a_stack_with_a_history() -> None:
    one = promoted(PACKAGED, path="one", sha256=SHA, reason="", now=NOW)
    two = promoted(one, path="two", sha256=SHA, reason="", now=NOW)
    back = rolled_back(two, reason="bad", now=NOW)
    assert (back.path, back.action, back.reason) == ("one", "rollback", "bad")
    assert [entry.path for entry in back.history] == ["one", "two"]
    three = promoted(back, path="three", sha256=SHA, reason="", now=NOW)
    down = [three]
    while down[-1].path is not None:
        down.append(rolled_back(down[-1], reason="", now=NOW))
    assert [one.path for one in down] == ["three", "one", None]
    assert [entry.path for entry in down[-1].history] == ["one", "two", "one", "three", "one"]
    with pytest.raises(ModelError, match="nothing to go back to"):
        rolled_back(down[-1], reason="", now=NOW)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no production file"),
        (b"[" * 100_000, "no production file"),
        (b"\xff", "no production file"),
        (b'{"schema": 9}', "schema 9"),
        (b'{"path": "x"}', "go together"),
        (b'{"path": "../../etc", "sha256": "%s"}' % SHA.encode(), "no folder of the registry"),
        (b'{"path": "/etc", "sha256": "%s"}' % SHA.encode(), "no folder of the registry"),
        (b'{"path": ".hidden", "sha256": "%s"}' % SHA.encode(), "no folder of the registry"),
        (b'{"path": "x", "sha256": "abc"}', "no SHA-256"),
        (b'{"back": 0}', "no earlier entry"),
    ],
)
def test_a_file_edited_by_hand_is_read_with_suspicion(raw: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        decode(raw, "here")


def test_an_artefact_comes_in_once_and_verified(registry: Registry, tmp_path: Path) -> None:
    folder = of_version(tmp_path / "mine", "2.0+a b")
    name = registry.add(folder)
    assert name.startswith("riskwire-minilm-2.0+a-b-")
    assert registry.add(folder) == name
    assert fingerprint(registry.find(name)) == fingerprint(folder)
    (folder / "model.onnx").write_bytes(b"not it")
    with pytest.raises(ModelIntegrityError):
        registry.add(folder)
    with pytest.raises(InputError, match="model list"):
        registry.find("no-such")
    with pytest.raises(InputError):
        registry.find("../mine")


def test_it_lists_what_is_where(registry: Registry, two: tuple[str, str]) -> None:
    assert [one.state for one in registry.list()] == ["production", "candidate", "candidate"]
    promote(registry, two[0])
    promote(registry, two[1])
    (registry.folder / "broken").mkdir()
    states = {one.name: one.state for one in registry.list()}
    assert registry.list()[0].name == two[1]
    assert states == {two[1]: "production", two[0]: "former", "broken": "broken", "packaged": "packaged"}


def test_only_a_sound_artefact_is_promoted(registry: Registry, two: tuple[str, str]) -> None:
    (registry.folder / two[0] / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(ModelIntegrityError):
        promote(registry, two[0])
    assert not (registry.folder / FILE).exists()
    promote(registry, two[1])
    with pytest.raises(ModelError, match="in production now"):
        promote(registry, two[1])
    assert registry.load(registry.production()).manifest.version == "9.2"


def test_a_promotion_against_something_else_is_refused(registry: Registry, two: tuple[str, str]) -> None:
    held = fingerprint(PRETRAINED)
    registry.promote(two[0], reason="", now=NOW, instead_of=held)
    with pytest.raises(ModelError, match="promoted meanwhile"):
        registry.promote(two[1], reason="", now=NOW, instead_of=held)


def test_a_rollback_to_a_damaged_model_is_refused(registry: Registry, two: tuple[str, str]) -> None:
    promote(registry, two[0])
    promote(registry, two[1])
    shutil.rmtree(registry.folder / two[0])
    with pytest.raises(ModelError):
        registry.rollback(reason="", now=NOW)
    assert registry.production().path == two[1]


def test_promotions_at_once_lose_none(registry: Registry, two: tuple[str, str]) -> None:
    promote(registry, two[0])

    def flip() -> None:
        for name in (*two, *two):
            try:
                registry.promote(name, reason="", now=NOW)
            except ModelError:
                continue

    threads = [threading.Thread(target=flip) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = [entry.path for entry in (*registry.production().history, registry.production())]
    assert len(paths) >= 2
    assert all(one != other for one, other in itertools.pairwise(paths))


def test_a_judgement_goes_with_its_artefact_alone(registry: Registry, two: tuple[str, str]) -> None:
    judged = Judged(texts="t", figures={})
    registry.keep(two[0], Judgement(sha256=fingerprint(registry.find(two[0])), judged=judged))
    registry.keep(two[1], Judgement(sha256=SHA, judged=judged))
    assert registry.judgement(two[0]) is not None
    assert registry.judgement(two[1]) is None


def test_an_error_is_one_of_ours(registry: Registry) -> None:
    registry.folder.mkdir()
    (registry.folder / FILE).mkdir()
    with pytest.raises(RiskwireError):
        registry.production()
