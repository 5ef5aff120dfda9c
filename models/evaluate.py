"""How good is a model, on one side of the split: per set, per agreement level and slice. The same code judges the
network during training and the exported graphs, so that their figures can be compared.

A `Forward` hides which of them it is: padded ids, mask and cases (B, T) in; logits (B, 3), (B, T, 9), (B, T, 3) out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from models.batches import UNLABELLED, Example, collate, length_batches
from models.decode import find_spans
from models.encoding import Encoded, TextEncoder
from models.labels import SENTIMENTS
from models.metrics import SpanKey, classification, softmax, span_f1
from models.slices import SLICES, slices_of

Array = npt.NDArray[Any]
Forward = Callable[[Array, Array, Array], tuple[Array, Array, Array]]


class Outputs(msgspec.Struct, frozen=True):
    """Logits of a model for a list of examples. A row a labelled mention; tags without the special tokens."""

    story: Array  # (N, 3)
    tags: list[Array]  # N times (T, 9)
    mention: Array  # (S, 3), pooled over the given span
    mention_label: Array  # (S,)
    mention_of: Array  # (S,) index of its example


def run(forward: Forward, examples: Sequence[Example], *, pad: int, size: int = 32) -> Outputs:
    """Run a model over `examples`, in batches of like length."""
    story: list[Array] = [np.zeros(3)] * len(examples)
    tags: list[Array] = [np.zeros((0, 9))] * len(examples)
    mentions: dict[int, list[tuple[Array, int]]] = {}
    for indices in length_batches(examples, size=size):
        chosen = [examples[index] for index in indices]
        batch = collate(chosen, pad=pad)
        story_logits, tag_logits, token_logits = forward(batch.ids, batch.mask, batch.cases)
        for row, index in enumerate(indices):
            length = len(examples[index])
            story[index] = story_logits[row]
            tags[index] = tag_logits[row, 1 : length - 1]
            mentions[index] = [
                (token_logits[row, first:last].mean(0), label) for first, last, label in examples[index].spans
            ]
    flat = [(logits, label, index) for index in range(len(examples)) for logits, label in mentions[index]]
    return Outputs(
        story=np.array(story).reshape(-1, 3),
        tags=tags,
        mention=np.array([logits for logits, _, _ in flat]).reshape(-1, 3),
        mention_label=np.array([label for _, label, _ in flat], dtype=np.int64),
        mention_of=np.array([index for _, _, index in flat], dtype=np.int64),
    )


def figures(
    outputs: Outputs,
    examples: Sequence[Example],
    encoder: TextEncoder,
    *,
    story_temperature: float,
    mention_temperature: float,
) -> dict[str, Any]:
    """All figures by set: `story` (also by agreement), `mention` and `mention_found_and_right` (also where a text's
    mentions conflict), `spans`, and `slices`: the same of the texts of `models.slices`."""
    result: dict[str, Any] = {}
    datasets = np.array([example.item.dataset for example in examples])
    labels = np.array([example.story for example in examples], dtype=np.int64)
    chances = softmax(outputs.story, story_temperature)
    mention_chances = softmax(outputs.mention, mention_temperature)
    kinds = [slices_of(example.item) for example in examples]
    members = {name: np.array([name in own for own in kinds], dtype=np.bool_) for name in SLICES}
    conflicting = _conflicting(examples)
    for dataset in sorted(set(datasets.tolist())):
        entry: dict[str, Any] = {}
        own = (datasets == dataset) & (labels != UNLABELLED)
        if own.any():
            entry["story"] = classification(labels[own], chances[own])
            levels = {examples[i].item.agreement for i in np.flatnonzero(own).tolist()} - {None}
            for level in sorted(level for level in levels if level is not None):
                at = own & np.array([example.item.agreement == level for example in examples])
                entry[f"story_agreement_{level}"] = classification(labels[at], chances[at])
        if len(outputs.mention_of):
            mine = datasets[outputs.mention_of] == dataset
            if mine.any():
                entry["mention"] = classification(outputs.mention_label[mine], mention_chances[mine])
                clash = mine & conflicting[outputs.mention_of]
                entry["mention_conflicting"] = classification(outputs.mention_label[clash], mention_chances[clash])
        chosen = [i for i in np.flatnonzero(datasets == dataset).tolist() if examples[i].item.exhaustive]
        if chosen:
            entry["spans"] = _spans([examples[i] for i in chosen], [outputs.tags[i] for i in chosen], encoder)
        if "mention" in entry:
            right = _found_and_right(outputs, examples, encoder, mine, mention_chances)
            entry["mention_found_and_right"] = _share(right, mine)
            entry["mention_found_and_right_conflicting"] = _share(right, clash)
        entry["slices"] = {}
        for name, inside in members.items():
            found: dict[str, Any] = {}
            if (at := own & inside).any():
                found["story"] = _short(classification(labels[at], chances[at]))
            if "mention" in entry and (at := mine & inside[outputs.mention_of]).any():
                found["mention"] = _short(classification(outputs.mention_label[at], mention_chances[at]))
                found["mention_found_and_right"] = _share(right, at)
            if found:
                entry["slices"][name] = found
        result[dataset] = entry
    return result


def dev_mean(found: dict[str, Any]) -> dict[str, float]:
    """The figures that choose the best epoch, and their `mean`: those of the issue's table that there are, else all."""
    table = {
        "phrasebank accuracy": ("phrasebank", "story", "accuracy"),
        "phrasebank F1": ("phrasebank", "story", "macro_f1"),
        "tweets F1": ("twitter_financial_news", "story", "macro_f1"),
        "sentfin mention": ("sentfin", "mention", "accuracy"),
        "sentfin conflicting": ("sentfin", "mention_conflicting", "accuracy"),
        "sentfin found and right": ("sentfin", "mention_found_and_right", "accuracy"),
        "finer spans F1": ("ner_finer_ord", "spans", "f1"),
    }
    if not any(dataset in found for dataset, _, _ in table.values()):
        table = {
            f"{dataset} {part}": (dataset, part, measure)
            for dataset in found
            for part, measure in (("story", "accuracy"), ("mention", "accuracy"), ("spans", "f1"))
        }
    present = {name: value for name, path in table.items() if (value := _get(found, *path)) is not None}
    return {**present, "mean": float(np.mean(list(present.values()))) if present else 0.0}


def _get(found: dict[str, Any], *path: str) -> float | None:
    value: Any = found
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None else float(value)


def _conflicting(examples: Sequence[Example]) -> npt.NDArray[np.bool_]:
    return np.array([len({label for _, _, label in example.spans}) > 1 for example in examples], dtype=np.bool_)


def _tokens(example: Example, encoder: TextEncoder, count: int) -> Encoded:
    full = encoder.encode([example.item.text])[0]
    return Encoded(full.ids[:count], full.starts[:count], full.ends[:count], full.words[:count], full.cases[:count])


def _spans(examples: Sequence[Example], tags: Sequence[Array], encoder: TextEncoder) -> dict[str, Any]:
    gold: list[SpanKey] = []
    found: list[SpanKey] = []
    for number, (example, logits) in enumerate(zip(examples, tags, strict=True)):
        item = example.item
        gold += [
            (number, span.start, span.end, span.group)
            for span in item.spans
            if span.group in item.exhaustive and span.group
        ]
        spans = find_spans(item.text, _tokens(example, encoder, len(logits)), softmax(logits))
        found += [(number, s.start, s.end, s.group) for s in spans if s.group in item.exhaustive]
    return span_f1(gold, found)


def _found_and_right(
    outputs: Outputs, examples: Sequence[Example], encoder: TextEncoder, mine: npt.NDArray[np.bool_], chances: Array
) -> Array:
    """(S, 2): for each labelled mention of `mine`, was its very span (or one that touches it) found, and its sentiment
    right? False elsewhere."""
    right = np.zeros((len(outputs.mention_of), 2), dtype=np.bool_)
    at = 0
    cache: dict[int, list[tuple[int, int]]] = {}
    for row in range(len(outputs.mention_of)):
        index = int(outputs.mention_of[row])
        at = at + 1 if row and outputs.mention_of[row - 1] == index else 0
        if not mine[row]:
            continue
        example = examples[index]
        if index not in cache:
            logits = outputs.tags[index]
            cache[index] = [
                (s.start, s.end)
                for s in find_spans(example.item.text, _tokens(example, encoder, len(logits)), softmax(logits))
            ]
        span = [s for s in example.item.spans if s.sentiment is not None][at]
        if chances[row].argmax() == SENTIMENTS.index(span.sentiment or ""):
            right[row, 0] = (span.start, span.end) in cache[index]
            right[row, 1] = any(start < span.end and end > span.start for start, end in cache[index])
    return right


def _share(right: Array, chosen: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Of the `chosen` mentions: exact span, and overlapping."""
    total = int(chosen.sum())
    exact, overlap = right[chosen].mean(0).tolist() if total else (0.0, 0.0)
    return {"n": total, "accuracy": exact, "accuracy_overlap": overlap}


def _short(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("n", "accuracy", "macro_f1")}
