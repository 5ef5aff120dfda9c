"""`make train`: from labelled sets to a shipped artefact, in stages that can each be stopped and taken up again.

    prepare → finetune → balance → export (fp32, and quantised) → calibrate → evaluate → package

`python -m models.train models/configs/minilm.toml [--datasets DIR] [--work DIR] [--output DIR]`. A stage that is done
leaves `NAME.done.json` in the work folder, with what it found, and is skipped next time; another recipe takes another
work folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from models import stages
from models.config import load_recipe
from models.corpora import CORPORA
from models.run import Run, console
from riskwire.errors import RiskwireError

DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", "../shared/data"))

STAGES: dict[str, Callable[[Run], dict[str, Any]]] = {
    "prepare": stages.prepare,
    "finetune": stages.fine_tune,
    "balance": stages.balance,
    "export": stages.export_graphs,
    "calibrate": stages.fit_temperatures,
    "evaluate": stages.judge,
    "package": stages.package_artefact,
}


def stage(run: Run, name: str, work: Callable[[Run], dict[str, Any]]) -> dict[str, Any]:
    """Do one stage, or read what it found when it is done."""
    done = run.work / f"{name}.done.json"
    if done.is_file():
        console.print(f"[dim]{name}: done before[/]")
        found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return found
    console.print(f"[bold]{name}[/]")
    found = work(run)
    part = done.with_suffix(".part")
    part.write_text(json.dumps(found, indent=1), encoding="utf-8")
    part.replace(done)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run all stages of a recipe. Exit codes: 0 done, 1 failed, 2 used wrongly."""
    parser = argparse.ArgumentParser(prog="models.train", description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--datasets", type=Path, default=DATASETS, help="folder of the labelled sets")
    parser.add_argument("--work", type=Path, help="checkpoints and stages (default: var/train/NAME)")
    parser.add_argument("--output", type=Path, help="where the artefact goes (default: models/pretrained/NAME)")
    parser.add_argument("--seed", type=int, help="another seed than the recipe's")
    options = parser.parse_args(arguments)
    try:
        recipe = load_recipe(options.recipe)
    except (OSError, ValueError) as error:
        console.print(f"[red]{error}[/]")
        return 2
    if options.seed is not None:
        recipe = msgspec.structs.replace(recipe, seed=options.seed)
    unknown = [name for name in recipe.data.sets if name not in CORPORA]
    if unknown:
        console.print(f"[red]{options.recipe}: there are no sets {unknown}; known are {sorted(CORPORA)}[/]")
        return 2
    run = Run(
        recipe,
        datasets=options.datasets,
        work=options.work or Path("var/train") / recipe.name,
        output=options.output or Path(__file__).parent / "pretrained" / recipe.name,
    )
    if not run.claim():
        console.print(f"[red]{run.work} belongs to another recipe or seed: give --work, or remove it[/]")
        return 2
    try:
        for name, work in STAGES.items():
            stage(run, name, work)
    except (FileNotFoundError, RiskwireError, stages.ParityError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
