"""What a card says beyond its own run: the spread over seeds, and what each part of the recipe is worth.

`python -m models.evidence WORK [--seed WORK]… [--ablation "NAME=PLAIN:VARIANT"]…` takes work folders of finished runs:
of other seeds (their figures on the test side), and pairs of runs that differ in one thing (their exact graphs on the
dev side, by paired bootstrap). It writes `WORK/evidence.json` and lets the next run of the recipe package anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from models import evaluate, export
from models.behaviour import pairs
from models.behaviour.answers import answers_of
from models.behaviour.judge import judge, shares
from models.compare import Difference, compare
from models.config import Recipe
from models.evaluate_report import spread as over_seeds
from models.evaluate_text import TABLE, value_at
from models.run import EVIDENCE, Run, console
from models.train import DATASETS

MEASURES: Final = ("phrasebank accuracy", "twitter_financial_news macro-F1", "sentfin mentions")
"""Of all that `models.compare` counts, what an ablation is told by."""


def spread(work: Path, others: Sequence[Path]) -> dict[str, Any]:
    """Row of the evaluation's table → `this`, `values` of each run, `mean` and `sd` (n − 1). The run in `work` is one
    of them, unless its student is itself the mean of several: then it is set beside the `others`."""
    recipe = msgspec.json.decode((work / "recipe.json").read_bytes(), type=Recipe)
    found = []
    for one in (work, *others):
        figures = json.loads((one / "evaluate.done.json").read_text(encoding="utf-8"))
        found.append({"figures": figures["shipped"], "behaviour": figures["behaviour"]})
    paths = {name: path for name, path, _, _ in TABLE}
    runs = over_seeds(found[1:] if recipe.averaged else found)
    return {name: {"this": value_at(found[0], paths[name]), **row} for name, row in runs.items()}


def ablation(name: str, plain: Path, variant: Path, *, datasets: Path) -> dict[str, Any]:
    """What `variant` has over `plain` on plain's dev side: `differences`, and `pairs`, the share of minimal pairs that
    is right, of both."""
    recipe = msgspec.json.decode((plain / "recipe.json").read_bytes(), type=Recipe)
    run = Run(recipe, datasets=datasets, work=plain, output=Path())
    examples = run.examples("dev")
    outputs, right = [], []
    for work in (variant, plain):
        forward = export.forward_of(work / "fp32.onnx")
        outputs.append(evaluate.run(forward, examples, pad=run.encoder.pad))
        answers = answers_of(forward, run.encoder, story_temperature=1.0, mention_temperature=1.0)
        right.append(shares(judge(answers, pairs.load()))["accuracy"])
    told: Sequence[Difference] = compare(outputs[0], outputs[1], examples)
    return {
        "name": name,
        "differences": [msgspec.to_builtins(gap) for gap in told if gap.measure in MEASURES],
        "pairs": right,
    }


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 a folder lacks what is needed."""
    parser = argparse.ArgumentParser(prog="models.evidence", description=__doc__)
    parser.add_argument("work", type=Path, help="work folder of the run whose card this is for")
    parser.add_argument("--seed", type=Path, action="append", default=[], metavar="WORK", help="another seed's")
    parser.add_argument("--ablation", action="append", default=[], metavar="NAME=PLAIN:VARIANT")
    parser.add_argument("--datasets", type=Path, default=DATASETS)
    options = parser.parse_args(arguments)
    try:
        evidence: Mapping[str, Any] = {
            "seeds": spread(options.work, options.seed),
            "ablations": [
                ablation(name, *(Path(work) for work in works.split(":", 1)), datasets=options.datasets)
                for name, _, works in (told.partition("=") for told in options.ablation)
            ],
        }
        (options.work / EVIDENCE).write_text(json.dumps(evidence, indent=1), encoding="utf-8")
    except (OSError, TypeError, ValueError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    (options.work / "package.done.json").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
