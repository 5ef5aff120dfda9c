"""Which pairs does a model get right? A pair is right when both of its texts are, and its relation holds.

A mention counts by any found span that touches its name; one that was not found is wrong, whatever its label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from models.behaviour.pairs import Pair, Side
from riskwire.types import TextScore

Score = Callable[[Sequence[str]], Sequence[TextScore]]

TOLERANCE: Final = 0.2
"""How far apart the scores (−1…1) of two texts that say the same may lie."""


class Verdict(msgspec.Struct, frozen=True):
    """A pair, and what is wrong with the answers; nothing, if it is right."""

    pair: Pair
    faults: tuple[str, ...]


def judge(score: Score, pairs: Sequence[Pair]) -> list[Verdict]:
    """Score both texts of every pair."""
    answers = score([side.text for pair in pairs for side in (pair.one, pair.other)])
    return [
        Verdict(pair, faults(pair, answers[2 * number], answers[2 * number + 1])) for number, pair in enumerate(pairs)
    ]


def faults(pair: Pair, one: TextScore, other: TextScore) -> tuple[str, ...]:
    """What is wrong with the answers to a pair, one line each."""
    found = [*_wrong(pair.one, one), *_wrong(pair.other, other)]
    first, second = one.sentiment.score, other.sentiment.score
    if pair.same and abs(first - second) > TOLERANCE:
        found.append(f"score moved from {first:+.2f} to {second:+.2f}")
    if pair.weaker and abs(second) >= abs(first):
        found.append(f"not weaker: {first:+.2f} to {second:+.2f}")
    return tuple(found)


def shares(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """`pairs`, `accuracy` and `kinds`: the same for every kind, in the file's order."""
    kinds: dict[str, list[bool]] = {}
    for verdict in verdicts:
        kinds.setdefault(verdict.pair.kind, []).append(not verdict.faults)
    right = [not verdict.faults for verdict in verdicts]
    return {
        "pairs": len(right),
        "accuracy": sum(right) / max(1, len(right)),
        "kinds": {kind: {"pairs": len(own), "accuracy": sum(own) / len(own)} for kind, own in kinds.items()},
    }


def _wrong(side: Side, answer: TextScore) -> list[str]:
    wrong = []
    if side.story and answer.sentiment.label not in side.story:
        wrong.append(f"{side.text!r} is {answer.sentiment.label}, not {_either(side.story)}")
    for name, labels in side.mentions.items():
        start = side.text.index(name)
        end = start + len(name)
        said = [mention.sentiment.label for mention in answer.entities if mention.start < end and mention.end > start]
        if not said:
            wrong.append(f"{name!r} was not found in {side.text!r}")
        elif not set(said) <= labels:
            wrong.append(f"{name!r} in {side.text!r} is {' and '.join(said)}, not {_either(labels)}")
    return wrong


def _either(labels: frozenset[str]) -> str:
    return " or ".join(sorted(labels))
