"""The pairs of `pairs.toml`, read and checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from models.labels import SENTIMENTS

PAIRS: Final = Path(__file__).parent / "pairs.toml"


class Side(msgspec.Struct, frozen=True):
    """One text and what may be said of it: labels of the story (none: any), and of each mention."""

    text: str
    story: frozenset[str] = frozenset()
    mentions: dict[str, frozenset[str]] = {}


class Pair(msgspec.Struct, frozen=True):
    """Two texts that differ in little. `same`: both must score alike; `weaker`: the second nearer to 0."""

    kind: str
    one: Side
    other: Side
    same: bool = False
    weaker: bool = False


def load(path: Path = PAIRS) -> list[Pair]:
    """All pairs. Raises ValueError, naming kind and row, where one is not of the form that the file explains."""
    found = []
    for table in tomllib.loads(path.read_text(encoding="utf-8"))["kind"]:
        for number, row in enumerate(table["pairs"], start=1):
            try:
                one, one_is, other, other_is = row
                sides = (_side(one, one_is), _side(other, other_is))
            except ValueError as error:
                raise ValueError(f"{path}: {table['name']}, row {number}: {error}") from error
            found.append(Pair(table["name"], *sides, table.get("same", False), table.get("weaker", False)))
    return found


def _side(text: str, answer: Any) -> Side:
    if isinstance(answer, str):
        return Side(text, story=_labels(answer))
    for name in answer:
        if name not in text:
            raise ValueError(f"{name!r} is not in {text!r}")
    return Side(text, mentions={name: _labels(label) for name, label in answer.items()})


def _labels(text: str) -> frozenset[str]:
    labels = frozenset(text.split("|"))
    if not labels <= set(SENTIMENTS):
        raise ValueError(f"{text!r} is no label; labels are {', '.join(SENTIMENTS)}, with | between")
    return labels
