"""The running scorer follows the registry; one that can't be used keeps the old, and is reported."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from artefacts import NOW, added, of_version, promote, reseal

from models import artefact
from models.artefact import PRETRAINED
from models.inference import OnnxScorer
from models.registry import production as files
from models.registry.production import FILE, PACKAGED, Production, promoted
from models.registry.reload import FollowingScorer
from models.registry.store import Registry, fingerprint
from riskwire.errors import ModelError
from riskwire.ports import Scorer

SHA = "a" * 64


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def two(registry: Registry, tmp_path: Path) -> tuple[str, str]:
    return added(registry, tmp_path)


def make(found: artefact.Artefact) -> OnnxScorer:
    return OnnxScorer(found, device="cpu", threads=1)


@pytest.fixture
def following(registry: Registry) -> Iterator[Callable[[], FollowingScorer]]:
    started: list[FollowingScorer] = []

    def start() -> FollowingScorer:
        # It looks when it is told to: the thread's own looks come too late to matter.
        started.append(FollowingScorer(registry, make, interval=3600))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_a_running_scorer_takes_over_what_is_promoted(
    registry: Registry, two: tuple[str, str], following: Callable[[], FollowingScorer]
) -> None:
    scorer = following()
    assert isinstance(scorer, Scorer)
    packaged = artefact.read_manifest(PRETRAINED).version
    assert scorer.model.version == packaged
    batch = scorer.current()
    promote(registry, two[0])
    scorer.look()
    assert (scorer.model.version, scorer.current().model.version) == ("9.1", "9.1")
    # A batch that had begun ends with the model that it began with.
    assert batch.model.version == packaged
    assert batch.score(["Profit rises"])[0].sentiment.label == "positive"
    registry.rollback(reason="", now=NOW)
    scorer.look()
    assert (scorer.model.version, scorer.last_error) == (packaged, "")


def damaged(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-1])


def resealed(folder: Path) -> None:
    reseal(folder, lambda manifest: manifest.update(sentiments=["neutral", "positive", "negative"]))


def of_the_future(folder: Path) -> None:
    """A graph of an ONNX version that is not made yet, sealed as it should be."""
    graph = (folder / "model.onnx").read_bytes()
    assert graph.startswith(b"\x08\x0a")  # ModelProto.ir_version = 10
    (folder / "model.onnx").write_bytes(b"\x08\x63" + graph[2:])
    entry = artefact.fingerprint(folder / "model.onnx")
    reseal(folder, lambda manifest: manifest["files"]["model.onnx"].update(sha256=entry.sha256))


def test_a_graph_of_another_onnx_version_is_refused(registry: Registry, tmp_path: Path) -> None:
    folder = of_version(tmp_path / "mine", "9.9")
    of_the_future(folder)
    with pytest.raises(ModelError, match=r"can't load the model .* IR version"):
        make(registry.load(Production(path=registry.add(folder), sha256=fingerprint(folder))))


@pytest.mark.parametrize("damage", [damaged, resealed, shutil.rmtree], ids=["cut", "resealed", "gone"])
def test_one_that_is_not_what_was_promoted_keeps_the_old(
    registry: Registry,
    two: tuple[str, str],
    following: Callable[[], FollowingScorer],
    damage: Callable[[Path], None],
) -> None:
    promote(registry, two[0])
    scorer = following()
    promote(registry, two[1])
    damage(registry.folder / two[1])
    scorer.look()
    assert scorer.model.version == "9.1"
    assert two[1] in scorer.last_error
    assert scorer.score(["Profit rises"])[0].sentiment.label == "positive"
    # After a restart the newest that can be used scores, and it says so.
    again = following()
    assert (again.model.version, bool(again.last_error)) == ("9.1", True)
    registry.rollback(reason="", now=NOW)
    for one in (scorer, again):
        one.look()
        assert (one.model.version, one.last_error) == ("9.1", "")


def test_a_file_edited_by_hand_keeps_the_old(
    registry: Registry, two: tuple[str, str], following: Callable[[], FollowingScorer]
) -> None:
    promote(registry, two[0])
    scorer = following()
    (registry.folder / FILE).write_text('{"path": "/etc", "sha256": "x"}')
    scorer.look()
    assert scorer.model.version == "9.1"
    assert "no folder of the registry" in scorer.last_error
    assert following().model.version == artefact.read_manifest(PRETRAINED).version
    files.write(
        registry.folder, promoted(PACKAGED, path=two[1], sha256=fingerprint(registry.find(two[1])), reason="", now=NOW)
    )
    scorer.look()
    assert (scorer.model.version, scorer.last_error) == ("9.2", "")


def test_it_looks_by_itself_and_tells_what_happened(registry: Registry, two: tuple[str, str]) -> None:
    told: list[tuple[str | None, bool]] = []
    changed = threading.Event()

    def on_change(scorer: OnnxScorer | None, error: str) -> None:
        told.append((scorer.model.version if scorer else None, bool(error)))
        if len(told) > 1:
            changed.set()

    with FollowingScorer(registry, make, interval=0.02, on_change=on_change) as scorer:
        promote(registry, two[0])
        assert changed.wait(20)
        changed.clear()
        (registry.folder / FILE).write_text("{")
        assert changed.wait(20)
        assert scorer.model.version == "9.1"
    assert told[1:] == [("9.1", False), (None, True)]


def test_what_is_wrong_is_said_once(registry: Registry, two: tuple[str, str]) -> None:
    told: list[str] = []
    promote(registry, two[0])
    with FollowingScorer(registry, make, interval=3600, on_change=lambda _scorer, error: told.append(error)) as scorer:
        (registry.folder / FILE).write_text("{")
        for _ in range(3):
            scorer.look()
        shutil.rmtree(registry.folder / two[0])
        files.write(registry.folder, promoted(PACKAGED, path=two[0], sha256=SHA, reason="", now=NOW))
        for _ in range(3):
            scorer.look()
    assert len(told) == 3
    assert ["production file" in error or "no model here" in error for error in told] == [False, True, True]
