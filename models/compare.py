"""Is one model better than another? A paired bootstrap over the same held-out texts, as ablations need it.

`python -m models.compare RECIPE ONE.onnx OTHER.onnx [--side test|dev] [--datasets DIR]` prints for each measure both
values, the difference, and between what it lies in 95 of 100 resamplings. A difference whose interval holds 0 says
nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from rich.table import Table

from models import evaluate
from models.batches import UNLABELLED, Example

Ints = npt.NDArray[np.int64]
Measure = Callable[[Ints, Ints], float]


class Difference(msgspec.Struct, frozen=True):
    """One measure of two models. `low` and `high` hold 95 % of the resampled differences one − other."""

    measure: str
    texts: int
    one: float
    other: float
    low: float
    high: float


def accuracy(labels: Ints, said: Ints) -> float:
    """Share that is right."""
    return float((labels == said).mean())


def macro_f1(labels: Ints, said: Ints) -> float:
    """Mean F1 over the labels that occur."""
    scores = []
    for label in np.unique(labels):
        hit = int(((labels == label) & (said == label)).sum())
        scores.append(2 * hit / int((labels == label).sum() + (said == label).sum()))
    return float(np.mean(scores))


def paired_bootstrap(
    labels: Ints, one: Ints, other: Ints, measure: Measure, *, groups: Ints | None = None, rounds: int = 1000
) -> tuple[float, float]:
    """The middle 95 % of measure(one) − measure(other) over resamplings of the same texts.

    `groups`: rows of one text share a number and are drawn together.
    """
    generator = np.random.default_rng(0)
    of = np.arange(len(labels)) if groups is None else groups
    rows = {int(group): np.flatnonzero(of == group) for group in np.unique(of)}
    names = np.array(list(rows))
    gaps = []
    for _ in range(rounds):
        at = np.concatenate([rows[int(name)] for name in generator.choice(names, len(names))])
        gaps.append(measure(labels[at], one[at]) - measure(labels[at], other[at]))
    low, high = np.percentile(gaps, [2.5, 97.5])
    return float(low), float(high)


def compare(one: evaluate.Outputs, other: evaluate.Outputs, examples: Sequence[Example]) -> list[Difference]:
    """Story accuracy and macro-F1, and accuracy of mentions, of every set that labels them."""
    sets = np.array([example.item.dataset for example in examples])
    labels = np.array([example.story for example in examples], dtype=np.int64)
    own = (labels != UNLABELLED) & np.array([not example.item.derived for example in examples])
    found: list[Difference] = []
    for name in sorted(set(sets.tolist())):
        at = own & (sets == name)
        if at.any():
            said = (one.story[at].argmax(-1), other.story[at].argmax(-1))
            found += [_difference(f"{name} accuracy", labels[at], *said, accuracy, None)]
            found += [_difference(f"{name} macro-F1", labels[at], *said, macro_f1, None)]
        mine = sets[one.mention_of] == name
        if mine.any():
            said = (one.mention[mine].argmax(-1), other.mention[mine].argmax(-1))
            groups = one.mention_of[mine]
            found.append(_difference(f"{name} mentions", one.mention_label[mine], *said, accuracy, groups))
    return found


def _difference(name: str, labels: Ints, one: Ints, other: Ints, measure: Measure, groups: Ints | None) -> Difference:
    low, high = paired_bootstrap(labels, one, other, measure, groups=groups)
    return Difference(name, len(labels), measure(labels, one), measure(labels, other), low, high)


def main(arguments: list[str] | None = None) -> int:
    """Print the table. Exit codes: 0 done, 1 failed."""
    from models import export
    from models.config import load_recipe
    from models.run import Run, console
    from models.train import DATASETS

    parser = argparse.ArgumentParser(prog="models.compare", description=__doc__)
    parser.add_argument("recipe", type=Path, help="whose held-out texts")
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--side", choices=["dev", "test"], default="test")
    parser.add_argument("--datasets", type=Path, default=DATASETS)
    parser.add_argument("--work", type=Path, help="work folder of the recipe (default: var/train/NAME)")
    options = parser.parse_args(arguments)
    try:
        for path in (options.one, options.other):
            path.open("rb").close()  # ONNX Runtime's own words for a missing file are of its insides
        recipe = load_recipe(options.recipe)
        work = options.work or Path("var/train") / recipe.name
        run = Run(recipe, datasets=options.datasets, work=work, output=Path())
        side: Literal["dev", "test"] = options.side
        examples = run.examples(side)
        outputs: list[Any] = [
            evaluate.run(export.forward_of(path), examples, pad=run.encoder.pad)
            for path in (options.one, options.other)
        ]
    except (OSError, ValueError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    table = Table("measure", "n", options.one.parent.name, options.other.parent.name, "difference", "95 %")
    for found in compare(outputs[0], outputs[1], examples):
        gap, between = found.one - found.other, f"{found.low:+.3f} … {found.high:+.3f}"
        table.add_row(found.measure, str(found.texts), f"{found.one:.3f}", f"{found.other:.3f}", f"{gap:+.3f}", between)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
