"""The evaluation of a finished artefact: `metrics.json`, a report to read, and its pictures.

Beside it stand baselines; `seeds`, artefacts of the same recipe with other seeds, for the spread; and `against`, other
artefacts (MiniLM without our pretraining, say), each compared by paired bootstrap. `riskwire model report` runs it; it
needs no torch.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from models import evaluate_baselines as lines
from models.behaviour.judge import shares
from models.compare import compare
from models.config import load_recipe
from models.corpora.items import Split
from models.evaluate import Outputs
from models.evaluate_artefact import Measured, measure, sides_of
from models.evaluate_pictures import confusion_svg, reliability_svg
from models.evaluate_text import TABLE, report, value_at
from riskwire.errors import InputError

DATASETS: Final = Path(os.environ.get("RISKWIRE_DATASETS", "../shared/data"))


def evaluate(
    recipe_file: Path,
    artefact: Path,
    *,
    datasets: Path,
    output: Path,
    seeds: Sequence[Path] = (),
    against: Mapping[str, Path] | None = None,
    side: Split = "test",
) -> dict[str, Any]:
    """Judge, write `metrics.json`, `report.md` and SVGs into `output`, and return what is in `metrics.json`.

    Raises InputError: recipe or sets can't be read; ModelError and its kinds.
    """
    try:
        recipe = load_recipe(recipe_file)
    except (OSError, ValueError) as error:
        raise InputError("not a recipe", about=str(recipe_file), hint="See models/configs/") from error
    try:
        sides = sides_of(recipe, datasets)
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise InputError(
            "a set of the recipe is not there, or can't be read",
            about=str(datasets),
            hint="Run `riskwire datasets fetch`, or set --datasets",
        ) from error
    main, examples = measure(artefact, recipe, sides, side=side)
    others = {name: measure(path, recipe, sides, side=side)[0] for name, path in (against or {}).items()}
    repeats = [main, *(measure(path, recipe, sides, side=side)[0] for path in seeds)]
    metrics: dict[str, Any] = {
        "artefact": main.found.ref,
        "recipe": recipe.name,
        "side": side,
        "texts": len(examples),
        **_of(main),
        "calibration": main.calibration,
        "failed_pairs": [
            {"kind": verdict.pair.kind, "faults": verdict.faults} for verdict in main.behaviour if verdict.faults
        ],
        "baselines": {
            name: {"figures": lines.judged(predict, examples, main.found.encoder)}
            for name, predict in lines.baselines(sides.train, datasets).items()
        },
        "against": {
            name: {**_of(other), "differences": compare(*_comparable(main, other), examples)}
            for name, other in others.items()
        },
        "seeds": spread([_of(one) for one in repeats]),
    }
    built: dict[str, Any] = msgspec.to_builtins(metrics)
    _write(built, output)
    return built


def spread(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of each line of the table over several seeds: `values`, `mean`, `sd` (n − 1); empty for one seed."""
    if len(found) < 2:
        return {}
    result = {}
    for name, path, _, _ in TABLE:
        values = [value for one in found if (value := value_at(one, path)) is not None]
        if len(values) == len(found):
            result[name] = {"values": values, "mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1))}
    return result


def _comparable(one: Measured, other: Measured) -> tuple[Outputs, Outputs]:
    """Both models' outputs; without mentions where one finds none, or its tokenizer cut a text before another one."""
    if one.found.tag_order and other.found.tag_order and len(one.outputs.mention_of) == len(other.outputs.mention_of):
        return one.outputs, other.outputs
    none = np.zeros(0, dtype=np.int64)
    bare = [
        msgspec.structs.replace(both.outputs, mention=np.zeros((0, 3)), mention_label=none, mention_of=none)
        for both in (one, other)
    ]
    return bare[0], bare[1]


def _of(one: Measured) -> dict[str, Any]:
    return {"figures": one.figures, "behaviour": shares(one.behaviour)}


def _write(metrics: dict[str, Any], output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, list[str]] = {"confusion": [], "reliability": []}
    for name, entry in metrics["figures"].items():
        for head in ("story", "mention"):
            if counts := entry.get(head, {}).get("confusion"):
                _picture(
                    output, pictures["confusion"], f"confusion-{name}-{head}", confusion_svg(counts, f"{name}: {head}")
                )
    for name, heads in metrics["calibration"].items():
        for head, when in heads.items():
            drawn = reliability_svg(when["before"]["bins"], when["after"]["bins"], f"{name}: {head}")
            _picture(output, pictures["reliability"], f"reliability-{name}-{head}", drawn)
    (output / "metrics.json").write_bytes(msgspec.json.format(msgspec.json.encode(metrics), indent=1) + b"\n")
    (output / "report.md").write_text(report(metrics, pictures), encoding="utf-8")


def _picture(output: Path, names: list[str], name: str, svg: str) -> None:
    (output / f"{name}.svg").write_text(svg, encoding="utf-8")
    names.append(f"{name}.svg")
