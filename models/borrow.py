"""What a run may take over from another one, so that seeds and variants of a student share one teacher.

Done stages are linked, not copied: the other run's folder must stay where it is.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from models.config import Recipe
from models.run import Run


def borrow(run: Run, lender: Path) -> list[str]:
    """Let `run` have the teacher's labels of `lender`, another work folder, and its pretrained encoder if the recipes
    pretrain alike. Returns the stages taken over; what `run` has already is left alone.

    Raises ValueError where the two differ in data, base, teacher or texts to label; FileNotFoundError when the lender
    has not got so far.
    """
    path = lender / "recipe.json"
    if not path.is_file():
        raise FileNotFoundError(f"{lender} holds no run: give the work folder of one that has labelled its texts")
    theirs, mine = msgspec.json.decode(path.read_bytes(), type=Recipe), run.recipe
    if _taught(theirs) != _taught(mine):
        raise ValueError(f"{lender} had other data, another base, teacher or texts to label than {mine.name}")
    stages = {"teacher": "teacher", "label": "soft"}
    if mine.pretrain is not None and (mine.pretrain, mine.base) == (theirs.pretrain, theirs.base):
        stages = {"pretrain": "pretrain", **stages}
    taken = []
    for stage, folder in stages.items():
        done = lender / f"{stage}.done.json"
        if not done.is_file():
            raise FileNotFoundError(f"{lender} has not finished its stage {stage}")
        if not run.has(stage):
            if not (run.work / folder).exists():
                (run.work / folder).symlink_to((lender / folder).resolve(), target_is_directory=True)
            shutil.copyfile(done, run.work / done.name)
            taken.append(stage)
    return taken


def _taught(recipe: Recipe) -> tuple[Any, ...]:
    """What the teacher's labels depend on."""
    texts = None if recipe.distil is None else (recipe.distil.unlabelled, recipe.distil.retold)
    base, teacher = recipe.base, recipe.teacher
    if teacher is not None and not any(one.amount_feature for one in (teacher.base, *teacher.also)):
        base = msgspec.structs.replace(base, amount_feature=False)  # which the teacher takes no notice of
    return recipe.data, base, teacher, texts
