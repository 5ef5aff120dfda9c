"""`riskwire model refresh` on a toy recipe and a real index: promoted when better, refused when not, resumable."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the train extra: make train")

import torch

from models import artefact, refresh, train
from models.config import load_recipe
from models.fresh import alone
from models.registry.store import Registry
from riskwire.cli.app import build_app
from riskwire.errors import InputError, ModelError, UsageError
from riskwire.testing import a_story
from stream.sqlite.storage import Storage

pytestmark = pytest.mark.train
torch.set_num_threads(1)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
RECIPE = """
name = "refreshed"
version = "1.0.0"
[base]
source = "random"
layers = 2
width = 64
heads = 4
[data]
sets = ["toy"]
dev = 0.2
test = 0.3
max_tokens = 32
[pretrain]
unlabelled = { toy = 30 }
steps = 4
batch_size = 4
block = 16
held_out = 0.2
bf16 = false
[finetune]
epochs = EPOCHS
batch_size = 16
learning_rate = 2e-3
bf16 = false
average_last = 1
patience = 20
"""


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has seen the sets once: something to be better than."""
    folder = tmp_path_factory.mktemp("weak")
    recipe = folder / "weak.toml"
    recipe.write_text(RECIPE.replace("EPOCHS", "1").replace("2e-3", "2e-4"), encoding="utf-8")
    assert train.train(recipe, datasets=folder, work=folder / "work", output=folder / "artefact") == 0
    return folder / "artefact"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "good.toml"
    path.write_text(RECIPE.replace("EPOCHS", "12"), encoding="utf-8")
    return path


@pytest.fixture
def registry(weak: Path, tmp_path: Path) -> Registry:
    found = Registry(tmp_path / "data" / "models")
    found.promote(found.add(weak), reason="the first", now=NOW)
    return found


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.jsonl"
    rows = [(f"Harbour Light profit drops again in week {n}", "negative") for n in range(12)]
    path.write_text("".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in rows), encoding="utf-8")
    return path


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with Storage(tmp_path / "data" / "riskwire.db", kind="live") as storage:
        storage.index.put([story(number) for number in range(60)])
        yield storage


def story(number: int) -> Any:
    seen = NOW - timedelta(hours=number + 1)
    return a_story(number, text=f"Sundial Foods raises its outlook for year {number}", seen_at=seen, event_time=seen)


def do(storage: Storage, registry: Registry, recipe: Path, **options: Any) -> refresh.Refreshed:
    folder = registry.folder.parent
    fixed: dict[str, Any] = {"labels": None, "since": None, "until": None, "now": NOW, "say": lambda _: None}
    return refresh.refresh(
        storage.index, registry, recipe=recipe, datasets=folder, work=folder / "refresh", **(fixed | options)
    )


def test_a_better_model_is_promoted_and_the_same_again_is_refused(
    storage: Storage, registry: Registry, recipe: Path, labels: Path
) -> None:
    before = registry.production()
    done = do(storage, registry, recipe, labels=labels)
    assert done.promoted, done.verdict
    production = registry.production()
    assert production.path == done.name
    assert [entry.path for entry in production.history] == [before.path]
    manifest = artefact.load(registry.find("production")).manifest
    assert manifest.version == "1.0.0+20260201T0000"
    assert manifest.configuration["pretrain"]["unlabelled"] == {"toy": 30, "given": 60}
    assert {entry.name for entry in manifest.data} == {"toy", "given"}
    assert "60 lines, 12 labels" in production.reason
    assert not (registry.folder.parent / "refresh").exists()  # nobody's posts stay behind

    again = do(storage, registry, recipe, labels=labels, now=NOW + timedelta(hours=1))
    assert not again.promoted
    assert again.verdict is not None
    assert "better" in again.verdict.why_not
    assert registry.production() == production
    assert (again.name, "candidate") in [(one.name, one.state) for one in registry.list()]


def test_the_same_command_goes_on_with_what_it_had(
    storage: Storage, registry: Registry, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, real, stages = registry.folder.parent / "refresh", train.train, []

    def cut_off(*arguments: Any, **options: Any) -> int:
        assert real(*arguments, **options, until="finetune") == 0
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refresh, "train", cut_off)
        with pytest.raises(KeyboardInterrupt):
            do(storage, registry, recipe)
    stages += [path.name for path in (work / "train").glob("*.done.json")]
    assert "finetune.done.json" in stages
    before = (work / "train" / "finetune.done.json").stat().st_mtime_ns
    storage.index.put([story(number) for number in range(60, 90)])  # what came meanwhile is for the next one
    with pytest.raises(UsageError, match="asked for something else"):
        do(storage, registry, recipe, since=NOW - timedelta(days=1))

    def watched(*arguments: Any, **options: Any) -> int:
        code = real(*arguments, **options)
        assert (work / "train" / "finetune.done.json").stat().st_mtime_ns == before
        return code

    monkeypatch.setattr(refresh, "train", watched)
    done = do(storage, registry, recipe, now=NOW + timedelta(days=1))
    assert (done.plan.lines, done.plan.until) == (60, NOW)


def test_a_stop_between_promoting_and_tidying_up_is_no_refusal(
    storage: Storage, registry: Registry, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refresh.shutil, "rmtree", lambda path, **_: cut_off(path) if not _ else None)
        with pytest.raises(KeyboardInterrupt):
            do(storage, registry, recipe)
    production = registry.production()
    assert len(production.history) == 1
    done = do(storage, registry, recipe)
    assert (done.promoted, done.name, registry.production()) == (True, production.path, production)


def test_a_failed_training_keeps_what_scores(storage: Storage, registry: Registry, recipe: Path) -> None:
    recipe.write_text(recipe.read_text(encoding="utf-8").replace('["toy"]', '["phrasebank"]'), encoding="utf-8")
    before = registry.production()
    with pytest.raises(ModelError, match="training failed"):
        do(storage, registry, recipe)
    assert registry.production() == before


def test_a_damaged_plan_is_said(storage: Storage, registry: Registry, recipe: Path) -> None:
    work = registry.folder.parent / "refresh"
    work.mkdir()
    (work / "refresh.json").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"refresh\.json: is damaged"):
        do(storage, registry, recipe)


def test_a_folder_that_is_somebody_s_is_left_alone(storage: Storage, registry: Registry, recipe: Path) -> None:
    work = registry.folder.parent / "refresh"
    work.mkdir()
    (work / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="is no folder of a refresh"):
        do(storage, registry, recipe)
    assert (work / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_what_a_cut_off_collecting_left_is_collected_anew(
    storage: Storage, registry: Registry, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(refresh, "write_lines", full)
        with pytest.raises(OSError, match="No space"):
            do(storage, registry, recipe)
    assert (registry.folder.parent / "refresh").is_dir()
    monkeypatch.setattr(refresh, "train", lambda *_, **__: 1)
    with pytest.raises(ModelError, match="training failed"):
        do(storage, registry, recipe)


def test_nothing_to_learn_from_is_said(registry: Registry, recipe: Path, tmp_path: Path) -> None:
    with Storage(tmp_path / "empty.db", kind="live") as empty, pytest.raises(InputError, match="nothing to learn from"):
        do(empty, registry, recipe)


def test_one_at_a_time(storage: Storage, registry: Registry, recipe: Path) -> None:
    with (
        alone(registry.folder.parent / "refresh"),
        pytest.raises(UsageError, match="another refresh runs here"),
    ):
        do(storage, registry, recipe)


def test_the_command_says_what_the_gate_said(storage: Storage, registry: Registry, recipe: Path, labels: Path) -> None:
    data = str(registry.folder.parent)
    arguments = ["model", "refresh", "--recipe", str(recipe), "--data", data, "--until", "2026-02-01"]
    first = CliRunner().invoke(build_app(), [*arguments, "--labels", str(labels)])
    assert first.exit_code == 0, first.output
    assert registry.production().path == first.stdout.strip()
    assert "promoted" in first.stderr
    second = CliRunner().invoke(build_app(), [*arguments, "--since", "2026-01-30"])
    assert second.exit_code == 1
    assert "refused" in second.stderr
    assert registry.production().path == first.stdout.strip()


def test_export_makes_a_candidate_and_evaluate_prints_its_figures(recipe: Path, tmp_path: Path) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    options = ["--config", str(recipe), "--work", str(work), "--datasets", str(tmp_path)]
    judged = CliRunner().invoke(build_app(), ["model", "evaluate", *options, "--format", "jsonl"])
    rows = {row["figure"]: row for row in map(json.loads, judged.stdout.splitlines())}
    assert rows["toy story accuracy"]["n"] > 10
    made = CliRunner().invoke(build_app(), ["model", "export", *options, "--data", str(data)])
    assert made.exit_code == 0, made.output
    found = artefact.load(Registry(data / "models").find(made.stdout.strip()))
    assert found.manifest.configuration["finetune"]["epochs"] == load_recipe(recipe).finetune.epochs
