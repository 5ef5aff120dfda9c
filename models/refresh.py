"""`riskwire model refresh`: keeps the model fresh, apart from what scores.

    collect the index's stories and the labels → train (the recipe's stages) → add to the registry → gate → promote

Each step that is done is not done again: the same command goes on where the last one stopped, with the stories that it
had collected. At the end, promoted or refused, the folder with texts and checkpoints is removed; the candidate and the
gate's verdict stay in the registry. Needs the train extra.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from models.config import Recipe, load_recipe
from models.fresh import TEXTS, alone, freshened, known_lines, write_labels, write_lines
from models.registry.gate import Verdict
from models.registry.judging import compare
from models.registry.production import replace_file
from models.registry.store import Registry, fingerprint
from models.run import Run
from models.train import train
from riskwire.errors import ConfigError, InputError, ModelError, UsageError
from riskwire.ports import Index

_PLAN: Final = "refresh.json"
_LABELS: Final = "labels.jsonl"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command asked for. Another one does not go on with this one's work."""

    recipe: str  # SHA-256 of the file
    labels: str | None  # … of the file
    since: datetime | None
    until: datetime | None
    datasets: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a refresh works on until it is done."""

    asked: Asked
    recipe: Recipe
    until: datetime  # the stories are those seen before
    lines: int
    labels: int


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    name: str  # in the registry
    verdict: Verdict | None  # None: it was promoted before this call
    promoted: bool
    plan: Plan


def refresh(
    index: Index,
    registry: Registry,
    *,
    recipe: Path,
    datasets: Path,
    work: Path,
    labels: Path | None,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
    say: Callable[[str], None],
) -> Refreshed:
    """Do what is left to do. `work` is this command's own folder; `until` None: the stories seen before `now`.

    Raises ConfigError for the recipe, InputError for the labels or when there is nothing new to learn from, UsageError:
    another refresh runs or was left unfinished; ModelError when training fails, saying what is kept.
    """
    with alone(work):
        plan = _plan(
            index, recipe=recipe, datasets=datasets, work=work, labels=labels, since=since, until=until, now=now
        )
        say(f"{plan.lines} lines of the index, {plan.labels} labels, as of {plan.until:%Y-%m-%d %H:%M} UTC")
        given = work / _LABELS if plan.labels else None
        artefact = work / "artefact"
        code = train(
            plan.recipe,
            datasets=datasets,
            work=work / "train",
            output=artefact,
            unlabelled=work / TEXTS,
            labels=given,
        )
        if code:
            raise ModelError(
                "training failed", about=plan.recipe.name, hint="What was done is kept; the same command goes on"
            )
        name = registry.add(artefact)
        done = _judged(
            registry,
            name,
            plan,
            Run(plan.recipe, datasets=datasets, work=work / "train", output=artefact, labels=given),
            now,
        )
        shutil.rmtree(work)
    return done


def _judged(registry: Registry, name: str, plan: Plan, run: Run, now: datetime) -> Refreshed:
    """Ask the gate, both models judged on the texts that nobody trained on; promote what passes."""
    production = registry.production()
    if production.path == name:
        return Refreshed(name=name, verdict=None, promoted=True, plan=plan)
    held = fingerprint(registry.path_of(production))
    verdict = compare(registry, name, items=run.sides.test, now=now)
    if verdict.passed:
        reason = f"refresh: {plan.lines} lines, {plan.labels} labels as of {plan.until:%Y-%m-%dT%H:%MZ}"
        registry.promote(name, reason=reason, now=now, instead_of=held)
    return Refreshed(name=name, verdict=verdict, promoted=verdict.passed, plan=plan)


def _plan(
    index: Index,
    *,
    recipe: Path,
    datasets: Path,
    work: Path,
    labels: Path | None,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
) -> Plan:
    asked = Asked(
        recipe=_digest(recipe),
        labels=None if labels is None else _digest(labels),
        since=since,
        until=until,
        datasets=str(datasets.resolve()),
    )
    path = work / _PLAN
    if path.is_file():
        try:
            plan = msgspec.json.decode(path.read_bytes(), type=Plan)
        except msgspec.DecodeError as error:
            raise UsageError("is damaged, or of another version", about=str(path), hint="Remove its folder") from error
        if plan.asked != asked:
            raise UsageError(
                "holds an unfinished refresh that asked for something else",
                about=str(work),
                hint="Give that command again, or remove the folder",
            )
        return plan
    try:
        found = load_recipe(recipe)
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from error
    _clear(work)
    work.mkdir(parents=True, mode=0o700)
    moment = until or now
    given = 0 if labels is None else write_labels(labels, work / _LABELS)
    lines = write_lines(work / TEXTS, known_lines(index, since=since, until=moment))
    if not lines and not given:
        raise InputError(
            "holds no scored story of that time, and no labels were given: there is nothing to learn from",
            about="the index",
        )
    plan = Plan(
        asked=asked, recipe=freshened(found, until=moment, lines=lines), until=moment, lines=lines, labels=given
    )
    replace_file(path, msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n")
    return plan


def _clear(work: Path) -> None:
    """Remove what a collecting that was cut off left. Raises UsageError: there is more, which is somebody's."""
    there = [path.name for path in work.iterdir()] if work.is_dir() else []
    if any(name not in (TEXTS, _LABELS) and not name.startswith(f".{_PLAN}.") for name in there):
        raise UsageError("is no folder of a refresh", about=str(work), hint="Give --work a folder that isn't there yet")
    shutil.rmtree(work, ignore_errors=True)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError("can't be read", about=str(path)) from error
