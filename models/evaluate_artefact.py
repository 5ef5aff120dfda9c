"""What an artefact, as it is shipped, says of held-out texts. Needs ONNX Runtime, not torch.

Labels are taken by the names in the artefact's manifest, never by their place in the graph's output.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models import artefact, evaluate
from models.artefact import Artefact
from models.batches import UNLABELLED, Example, make_examples
from models.behaviour import pairs
from models.behaviour.answers import answers_of
from models.behaviour.judge import Verdict, judge
from models.config import Recipe
from models.corpora import CORPORA
from models.corpora.items import Split
from models.corpora.splits import Sides, split
from models.evaluate import Array, Forward, Outputs
from models.labels import OUTSIDE, TAGS
from models.metrics import calibration_error, reliability, softmax
from models.session import open_session


class Measured(msgspec.Struct, frozen=True):
    """One artefact on one list of examples."""

    found: Artefact
    outputs: Outputs
    figures: dict[str, Any]  # of models.evaluate, calibrated
    calibration: dict[str, Any]  # set → story or mention → before and after: `ece`, `bins`
    behaviour: list[Verdict]


def sides_of(recipe: Recipe, datasets: Path) -> Sides:
    """The recipe's sets, divided as training divides them. Raises OSError: a set is not there."""
    items = [item for name in recipe.data.sets for item in CORPORA[name].load(datasets)]
    return split(items, seed=recipe.data.split_seed, dev=recipe.data.dev, test=recipe.data.test)


def measure(folder: Path, recipe: Recipe, sides: Sides, *, side: Split = "test") -> tuple[Measured, list[Example]]:
    """Judge the artefact in `folder` on one side of the recipe's sets. Raises ModelError and its kinds."""
    found = artefact.load(folder)
    examples = make_examples(sides.side(side), found.encoder, max_tokens=recipe.data.max_tokens)
    forward = forward_of(found)
    outputs = evaluate.run(forward, examples, pad=found.encoder.pad)
    warm = found.manifest.temperatures
    temperatures = {"story_temperature": warm.story, "mention_temperature": warm.mention}
    figures = evaluate.figures(outputs, examples, found.encoder, **temperatures)
    if not found.manifest.tags:
        figures = without_mentions(figures)
    verdicts = judge(answers_of(forward, found.encoder, **temperatures), pairs.load())
    return Measured(found, outputs, figures, calibration(outputs, examples, found), verdicts), examples


def forward_of(found: Artefact) -> Forward:
    """The artefact's graph on a CPU, its labels put into the order of models.labels by name."""
    session, names = open_session(found, "cpu", 0), found.manifest.graph
    sentiments, tags = list(found.sentiment_order), list(found.tag_order)

    def forward(ids: Array, mask: Array, cases: Array) -> tuple[Array, Array, Array]:
        inputs = {names.input_ids: ids, names.attention_mask: mask, names.token_type_ids: cases}
        if not tags:  # a model of the story alone: every token outside, no sentiment of its own
            (story,) = session.run([names.story], inputs)
            outside = np.zeros((*ids.shape, len(TAGS)))
            outside[:, :, OUTSIDE] = 1.0
            return story[:, sentiments], outside, np.zeros((*ids.shape, len(sentiments)))
        story, said, tokens = session.run([names.story, names.tags, names.token_sentiment], inputs)
        return story[:, sentiments], said[:, :, tags], tokens[:, :, sentiments]

    return forward


def without_mentions(figures: dict[str, Any]) -> dict[str, Any]:
    """Only what is said of whole stories."""
    return {
        name: {key: value for key, value in entry.items() if key.startswith("story")}
        for name, entry in figures.items()
        if "story" in entry
    }


def calibration(outputs: Outputs, examples: Sequence[Example], found: Artefact) -> dict[str, Any]:
    """By set and head: ECE and reliability bins before (temperature 1) and after temperature scaling."""
    datasets = np.array([example.item.dataset for example in examples])
    labels = np.array([example.story for example in examples], dtype=np.int64)
    warm, result = found.manifest.temperatures, {}
    for name in sorted(set(datasets.tolist())):
        own = (datasets == name) & (labels != UNLABELLED)
        heads = {"story": (outputs.story[own], labels[own], warm.story)}
        if found.manifest.tags:
            mine = datasets[outputs.mention_of] == name
            heads["mention"] = (outputs.mention[mine], outputs.mention_label[mine], warm.mention)
        result[name] = {head: _before_and_after(*values) for head, values in heads.items() if len(values[1])}
    return {name: entry for name, entry in result.items() if entry}


def _before_and_after(logits: Array, labels: Array, temperature: float) -> dict[str, Any]:
    return {
        when: {"ece": calibration_error(labels, chances), "bins": reliability(labels, chances)}
        for when, chances in (("before", softmax(logits)), ("after", softmax(logits, temperature)))
    }
