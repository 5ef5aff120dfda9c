"""`make train`: from labelled sets to a shipped artefact, in stages that can each be stopped and taken up again.

    prepare → pretrain → teacher → label → finetune, or distil → prune → balance → export (fp32, and quantised)
            → calibrate → evaluate → package

`python -m models.train models/configs/minilm.toml [--datasets DIR] [--work DIR] [--output DIR] [--until STAGE]
[--seed N] [--set KEY=VALUE] [--taught-by WORK]`. A stage whose table the recipe lacks is left out. One that is done
leaves `NAME.done.json` in the work folder, with what it found, and is skipped next time; another recipe or seed takes
another work folder, and may share the teacher of one that is there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from models import learning, stages
from models.borrow import borrow
from models.config import Recipe, load_recipe
from models.corpora import CORPORA
from models.run import Run, console
from models.tracking import NoTracker, Tracker, tracker
from riskwire.errors import RiskwireError

DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", "../shared/data"))

STAGES: dict[str, Callable[[Run], dict[str, Any]]] = {
    "prepare": stages.prepare,
    "pretrain": learning.pretrain,
    "teacher": learning.teach,
    "label": learning.label,
    "finetune": learning.fine_tune,
    "distil": learning.distil_student,
    "prune": learning.prune_student,
    "balance": stages.balance,
    "export": stages.export_graphs,
    "calibrate": stages.fit_temperatures,
    "evaluate": stages.judge,
    "package": stages.package_artefact,
}


def stages_of(recipe: Recipe) -> list[str]:
    """The stages that a recipe has, in order."""
    asked = {
        "pretrain": recipe.pretrain is not None,
        "teacher": recipe.teacher is not None,
        "label": recipe.distil is not None,
        "finetune": recipe.distil is None,
        "distil": recipe.distil is not None,
        "prune": recipe.prune is not None,
    }
    return [name for name in STAGES if asked.get(name, True)]


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


def train(
    path: Path | Recipe,
    *,
    datasets: Path = DATASETS,
    work: Path | None = None,
    output: Path | None = None,
    seed: int | None = None,
    until: str | None = None,
    unlabelled: Path | None = None,
    labels: Path | None = None,
    taught_by: Path | None = None,
    changes: Sequence[str] = (),
    track: str | None = None,
) -> int:
    """Run the stages of a recipe, or of the one in the file `path`, those that are done left out, up to `until`.

    `unlabelled`: a file of texts, one a line, for recipes that learn from `given` ones; `labels`: labels that users
    gave, JSON lines of `text` and `story`; `taught_by`: another run's work folder, whose teacher this run shares;
    `changes`: to the file's values, such as `finetune.lora_rank=16`; `track`: MLflow's address, such as
    file:var/mlruns. Errors are printed.
    Returns 0 done, 1 failed, 2 used wrongly.
    """
    try:
        recipe = path if isinstance(path, Recipe) else load_recipe(path, changes)
    except (OSError, ValueError) as error:
        console.print(str(error), style="red", markup=False)
        return 2
    if seed is not None:
        recipe = msgspec.structs.replace(recipe, seed=seed)
    unknown = [name for name in recipe.data.sets if name not in CORPORA]
    if unknown:
        console.print(f"[red]{recipe.name}: there are no sets {unknown}; known are {sorted(CORPORA)}[/]")
        return 2
    if until is not None and until not in stages_of(recipe):
        console.print(f"[red]{recipe.name} has no stage {until}; it has {', '.join(stages_of(recipe))}[/]")
        return 2
    run = Run(
        recipe,
        datasets=datasets,
        work=work or Path("var/train") / recipe.name,
        output=output or Path(__file__).parent / "pretrained" / recipe.name,
        unlabelled=unlabelled,
        labels=labels,
    )
    if not run.claim():
        console.print(f"[red]{run.work} belongs to another recipe or seed: give --work, or remove it[/]")
        return 2
    told: Tracker = NoTracker()
    try:
        told = tracker(track, recipe)
        if taught_by is not None:
            console.print(f"taken over from {taught_by}: {', '.join(borrow(run, taught_by)) or 'nothing new'}")
        for name in stages_of(recipe):
            told.stage(name, stage(run, name, STAGES[name]))
            if name == until:
                break
    except (FileNotFoundError, ValueError, RiskwireError, stages.ParityError) as error:
        console.print(str(error), style="red", markup=False)
        told.close(failed=True)
        return 1
    told.close(failed=False)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The command line of `train`."""
    parser = argparse.ArgumentParser(prog="models.train", description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--datasets", type=Path, default=DATASETS, help="folder of the labelled sets")
    parser.add_argument("--work", type=Path, help="checkpoints and stages (default: var/train/NAME)")
    parser.add_argument("--output", type=Path, help="where the artefact goes (default: models/pretrained/NAME)")
    parser.add_argument("--seed", type=int, help="another seed than the recipe's")
    parser.add_argument("--until", choices=list(STAGES), help="stop behind this stage")
    parser.add_argument(
        "--unlabelled", type=Path, help="a file of texts, one a line, for recipes that ask for given ones"
    )
    parser.add_argument("--labels", type=Path, help="labels of your own: JSON lines of text and story")
    parser.add_argument(
        "--taught-by", type=Path, metavar="WORK", help="another run's work folder: share its teacher's labels"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="another value, such as finetune.lora_rank=16"
    )
    parser.add_argument("--track", metavar="URI", help="MLflow's address, such as file:var/mlruns (default: none)")
    options = parser.parse_args(arguments)
    return train(
        options.recipe,
        datasets=options.datasets,
        work=options.work,
        output=options.output,
        seed=options.seed,
        until=options.until,
        unlabelled=options.unlabelled,
        labels=options.labels,
        taught_by=options.taught_by,
        changes=options.set,
        track=options.track,
    )


if __name__ == "__main__":
    sys.exit(main())
