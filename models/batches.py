"""Items to training batches: targets per token, batches of like length, and noise on word shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from models.corpora.items import Item
from models.encoding import CASES, Encoded, TextEncoder
from models.labels import SENTIMENTS, TAGS, begin, inside

UNLABELLED = -1
AGREED: Final = {50: 0.58, 66: 0.69, 75: 0.82, 100: 1.0}
"""The usual share of annotators behind a label, by the least share that its set tells (5 to 8 of them each)."""
DISSENT: Final = {
    "positive": {"neutral": 1.0},
    "negative": {"neutral": 1.0},
    "neutral": {"positive": 2 / 3, "negative": 1 / 3},
}
"""What the others said: next to nobody takes good news for bad; positive sentences are twice as many as negative."""


class Soft(msgspec.Struct, frozen=True):
    """A teacher's logits on one text of T tokens."""

    story: npt.NDArray[np.float16]  # (3,)
    tags: npt.NDArray[np.float16]  # (T, 9)
    sentiment: npt.NDArray[np.float16]  # (T, 3)


class Example(msgspec.Struct, frozen=True):
    """One item with its targets. T counts the special tokens."""

    item: Item
    ids: npt.NDArray[np.int64]  # (T,)
    cases: npt.NDArray[np.int64]  # (T,)
    story: int  # index into SENTIMENTS or UNLABELLED
    allowed: npt.NDArray[np.bool_]  # (T, 9): the tags a token may have; all True where nothing is known
    tag_weight: npt.NDArray[np.float32]  # (T,)
    spans: tuple[tuple[int, int, int], ...]  # (first token, behind the last, index into SENTIMENTS)
    soft: Soft | None = None

    def __len__(self) -> int:
        return len(self.ids)


class SoftBatch(msgspec.Struct, frozen=True):
    """The teacher's logits on a batch; zeros where it said nothing."""

    known: npt.NDArray[np.float32]  # (B,): 1 where it said something
    story_known: npt.NDArray[np.float32]  # (B,): the same, but 0 where annotators' own shares are known
    story: npt.NDArray[np.float32]  # (B, 3)
    tags: npt.NDArray[np.float32]  # (B, T, 9)
    sentiment: npt.NDArray[np.float32]  # (B, T, 3)
    tag_known: npt.NDArray[np.float32]  # (B, T): 1 on tokens whose tag the teacher alone knows


class Batch(msgspec.Struct, frozen=True):
    """Padded arrays of B examples. `span_*` have one entry a labelled mention."""

    ids: npt.NDArray[np.int64]  # (B, T)
    mask: npt.NDArray[np.int64]  # (B, T)
    cases: npt.NDArray[np.int64]  # (B, T)
    story: npt.NDArray[np.float32]  # (B, 3): the share of each label; zeros where nothing is known
    story_weight: npt.NDArray[np.float32]  # (B,)
    allowed: npt.NDArray[np.bool_]  # (B, T, 9)
    tag_weight: npt.NDArray[np.float32]  # (B, T)
    span_pool: npt.NDArray[np.float32]  # (S, B * T): rows that sum to 1 over a mention's tokens
    span_label: npt.NDArray[np.int64]  # (S,)
    soft: SoftBatch | None = None


def make_examples(items: Sequence[Item], encoder: TextEncoder, *, max_tokens: int) -> list[Example]:
    """Encode items; what lies behind `max_tokens` is cut, with the mentions in it."""
    encoded = encoder.encode([item.text for item in items])
    return [
        _example(item, tokens, encoder, max_tokens) for item, tokens in zip(items, encoded, strict=True) if len(tokens)
    ]


def _example(item: Item, tokens: Encoded, encoder: TextEncoder, max_tokens: int) -> Example:
    count = min(len(tokens), max_tokens - 2)
    allowed = np.ones((count + 2, len(TAGS)), dtype=np.bool_)
    weight = np.zeros(count + 2, dtype=np.float32)
    if item.exhaustive:
        outside = np.ones(len(TAGS), dtype=np.bool_)
        for group in item.exhaustive:
            outside[[begin(group), inside(group)]] = False
        allowed[1:-1] = outside
        capitals = (tokens.cases[:count] > 1) & (tokens.cases[:count] < len(CASES))
        weight[1:-1] = np.where(capitals, item.outside_weight, 1.0)
    for start, end in item.ignored:
        weight[1 : count + 1][_covered(tokens, start, end, count)] = 0.0
    spans = []
    for span in item.spans:
        covered = np.flatnonzero(_covered(tokens, span.start, span.end, count))
        if not len(covered):
            continue
        first, last = int(covered[0]) + 1, int(covered[-1]) + 2
        weight[first:last] = 0.0 if span.group is None else 1.0
        if span.group is not None:
            allowed[first:last] = False
            allowed[first, begin(span.group)] = True
            allowed[first + 1 : last, inside(span.group)] = True
        if span.sentiment is not None:
            spans.append((first, last, SENTIMENTS.index(span.sentiment)))
    return Example(
        item=item,
        ids=np.concatenate([[encoder.cls], tokens.ids[:count], [encoder.sep]]),
        cases=np.concatenate([[0], tokens.cases[:count], [0]]),
        story=UNLABELLED if item.story is None else SENTIMENTS.index(item.story),
        allowed=allowed,
        tag_weight=weight,
        spans=tuple(spans),
    )


def _covered(tokens: Encoded, start: int, end: int, count: int) -> npt.NDArray[np.bool_]:
    covered: npt.NDArray[np.bool_] = (tokens.starts[:count] < end) & (tokens.ends[:count] > start)
    return covered


def class_weights(examples: Sequence[Example]) -> npt.NDArray[np.float32]:
    """(3,) for each story label 1/√share, with mean 1 over the texts that carry a label of their own."""
    labels = [e.story for e in examples if e.story != UNLABELLED and not e.item.derived]
    share = np.maximum(np.bincount(labels, minlength=len(SENTIMENTS)), 1) / max(1, len(labels))
    weights = 1 / np.sqrt(share)
    result: npt.NDArray[np.float32] = (weights / (weights * share).sum()).astype(np.float32)
    return result


def collate(
    examples: Sequence[Example],
    *,
    pad: int,
    derived_weight: float = 1.0,
    weights: npt.NDArray[np.float32] | None = None,
    agreement: bool = False,
) -> Batch:
    """Pad to the longest. `derived_weight`: of story labels that only follow from mentions; `weights`: of each label;
    `agreement`: a story has its annotators' shares for a goal, where its set tells how many agreed."""
    size, length = len(examples), max(len(example) for example in examples)
    ids = np.full((size, length), pad, dtype=np.int64)
    mask, cases = np.zeros((size, length), dtype=np.int64), np.zeros((size, length), dtype=np.int64)
    allowed = np.ones((size, length, len(TAGS)), dtype=np.bool_)
    weight = np.zeros((size, length), dtype=np.float32)
    pools, labels = [], []
    for row, example in enumerate(examples):
        n = len(example)
        ids[row, :n], mask[row, :n], cases[row, :n] = example.ids, 1, example.cases
        allowed[row, :n], weight[row, :n] = example.allowed, example.tag_weight
        for first, last, label in example.spans:
            pool = np.zeros(size * length, dtype=np.float32)
            pool[row * length + first : row * length + last] = 1 / (last - first)
            pools.append(pool)
            labels.append(label)
    return Batch(
        ids=ids,
        mask=mask,
        cases=cases,
        allowed=allowed,
        tag_weight=weight,
        story=np.stack([_story_shares(example, agreement=agreement) for example in examples]),
        story_weight=np.array(
            [
                (derived_weight if example.item.derived else 1.0)
                * (1.0 if weights is None or example.story == UNLABELLED else float(weights[example.story]))
                for example in examples
            ],
            dtype=np.float32,
        ),
        span_pool=np.stack(pools) if pools else np.zeros((0, size * length), dtype=np.float32),
        span_label=np.array(labels, dtype=np.int64),
        soft=_collate_soft(examples, size, length, agreement=agreement),
    )


def _story_shares(example: Example, *, agreement: bool) -> npt.NDArray[np.float32]:
    shares = np.zeros(len(SENTIMENTS), dtype=np.float32)
    if example.story != UNLABELLED:
        agreed = AGREED[example.item.agreement] if agreement and example.item.agreement is not None else 1.0
        shares[example.story] = agreed
        for other, share in DISSENT[SENTIMENTS[example.story]].items():
            shares[SENTIMENTS.index(other)] = share * (1 - agreed)
    return shares


def _collate_soft(examples: Sequence[Example], size: int, length: int, *, agreement: bool) -> SoftBatch | None:
    if all(example.soft is None for example in examples):
        return None
    known, story = np.zeros(size, dtype=np.float32), np.zeros((size, len(SENTIMENTS)), dtype=np.float32)
    story_known = np.zeros(size, dtype=np.float32)
    tags = np.zeros((size, length, len(TAGS)), dtype=np.float32)
    sentiment = np.zeros((size, length, len(SENTIMENTS)), dtype=np.float32)
    tag_known = np.zeros((size, length), dtype=np.float32)
    for row, example in enumerate(examples):
        if example.soft is not None:
            n = len(example)
            known[row], story[row] = 1, example.soft.story
            story_known[row] = not (agreement and example.item.agreement is not None)
            tags[row, :n], sentiment[row, :n] = example.soft.tags, example.soft.sentiment
            tag_known[row, 1 : n - 1] = not example.item.exhaustive
    return SoftBatch(
        known=known, story_known=story_known, story=story, tags=tags, sentiment=sentiment, tag_known=tag_known
    )


def epoch_batches(examples: Sequence[Example], *, size: int, seed: int) -> list[list[int]]:
    """Indices of each batch: like lengths together, otherwise at random; the same for the same seed."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(examples))
    pool = size * 50
    batches: list[list[int]] = []
    for start in range(0, len(order), pool):
        part = sorted(order[start : start + pool].tolist(), key=lambda index: len(examples[index]))
        batches += [part[at : at + size] for at in range(0, len(part), size)]
    generator.shuffle(batches)
    return batches


def length_batches(examples: Sequence[Example], *, size: int) -> Iterator[list[int]]:
    """Indices in batches of like length, for evaluation."""
    order = sorted(range(len(examples)), key=lambda index: len(examples[index]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def shake_case(cases: npt.NDArray[np.int64], *, share: float, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """For a share of the rows: every word as if written in lower case, UPPER CASE or Title Case. Shape (B, T)."""
    shaken = cases.copy()
    for row in np.flatnonzero(generator.random(len(cases)) < share):
        shaken[row, (shaken[row] > 0) & (shaken[row] < len(CASES))] = generator.integers(1, 4)
    return shaken
