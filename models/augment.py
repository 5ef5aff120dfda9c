"""Labelled texts told again: other company names, numbers and words for up and down; slips of the keyboard; the
prefixes, links and tags that wires, sites and posts put around a text.

Nothing that decides a label is touched: all numbers of a text grow by one factor, so that "to 14 from 11" stays a rise;
a word is replaced only by one that says the same; a mention keeps its sentiment under its new name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec
import numpy as np

from models.corpora.items import Item, Span

_T = TypeVar("_T")
_SAME: Final = (
    ("rose", "climbed", "advanced"),
    ("rises", "climbs", "advances"),
    ("fell", "declined", "dropped"),
    ("falls", "declines", "drops"),
    ("increased", "grew"),
    ("decreased", "shrank"),
    ("profit", "earnings"),
    ("sales", "revenue"),
    ("shares", "stock"),
    ("said", "stated"),
    ("company", "firm"),
    ("expects", "anticipates"),
    ("announced", "reported"),
    ("buys", "acquires"),
    ("plunges", "tumbles", "slumps"),
    ("soars", "surges"),
    ("cuts", "lowers"),
    ("raises", "lifts"),
)
_OTHER: Final = {word: tuple(o for o in group if o != word) for group in _SAME for word in group}
_NUMBER = re.compile(r"(?<![\w.,$])\d{1,3}(?:[.,]\d+)?(?![\w.,]*\d|\w)")
_WORD = re.compile(r"[a-z]+")
_SLIPPERY = re.compile(r"\b[a-z]{5,}\b")
_BEFORE: Final = (
    "UPDATE 1-", "UPDATE 3-", "RPT-", "WRAPUP 2-", "CORRECTED-", "BRIEF: ", "ALERT: ", "JUST IN: ", "RT @tickerdesk: ",
)  # fmt: skip
_BEHIND: Final = (
    " http://short.example/{}", " https://news.example/{}", " - https://wire.example/{}.html", " #stocks",
    " #trading #{}", " via @tickerdesk", " (adds detail)", " - source", " - report", " | Daily Ledger", " - The Ledger",
    " $SPY $QQQ",
)  # fmt: skip
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_SLIPS, _DRESSED = 0.25, 0.25  # shares of the texts


def augment(items: Sequence[Item], *, count: int, seed: int) -> list[Item]:
    """`count` new items made of labelled ones of `items`, drawn at random; what would not change is passed by."""
    generator = np.random.default_rng([seed, 7])
    usable = [item for item in items if item.story is not None or any(span.sentiment for span in item.spans)]
    names = sorted({i.text[s.start : s.end] for i in usable for s in i.spans if s.group == "ORG" and s.sentiment})
    made: list[Item] = []
    for _ in range(count * 4 if usable else 0):
        if len(made) == count:
            break
        item = _one_of(usable, generator)
        told = retell(item, names, generator)
        if told.text != item.text:
            made.append(told)
    return made


def retell(item: Item, names: Sequence[str], generator: np.random.Generator) -> Item:
    """One item with changes; spans and ignored stretches move along."""
    factor = float(generator.uniform(1.1, 2.5))
    changes: list[tuple[int, int, str]] = []
    for span in item.spans:
        if span.group == "ORG" and names and generator.random() < 0.5:
            changes.append((span.start, span.end, _one_of(names, generator)))
    taken = [(span.start, span.end) for span in item.spans] + list(item.ignored)

    def free(start: int, end: int) -> bool:
        return all(end <= one or start >= other for one, other in taken)

    for match in _NUMBER.finditer(item.text):
        if free(*match.span()):
            changes.append((*match.span(), _scaled(match.group(), factor)))
    for match in _WORD.finditer(item.text):
        if match.group() in _OTHER and free(*match.span()) and generator.random() < 0.5:
            changes.append((*match.span(), _one_of(_OTHER[match.group()], generator)))
    changed = {change[:2] for change in changes}
    slippery = [m for m in _SLIPPERY.finditer(item.text) if free(*m.span()) and m.span() not in changed]
    if slippery and generator.random() < _SLIPS:
        word = _one_of(slippery, generator)
        changes.append((*word.span(), _slip(word.group(), generator)))
    dressed = generator.random() < _DRESSED
    before = dressed and generator.random() < 0.4
    if before:
        changes.append((0, 0, _one_of(_BEFORE, generator)))
    told = _changed(item, sorted(changes))
    if before or not dressed:
        return told
    tag = "".join(_LETTERS[n] for n in generator.integers(len(_LETTERS), size=6))
    return msgspec.structs.replace(told, text=told.text + _one_of(_BEHIND, generator).format(tag))


def _one_of(choices: Sequence[_T], generator: np.random.Generator) -> _T:
    return choices[int(generator.integers(len(choices)))]


def _slip(word: str, generator: np.random.Generator) -> str:
    """Two letters change places, one is missing or one comes twice; the first stays."""
    at = int(generator.integers(1, len(word) - 1))
    kind = int(generator.integers(3))
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + (word[at + 1 :] if kind == 1 else word[at] + word[at:])


def _scaled(number: str, factor: float) -> str:
    """The number times `factor`, with as many decimals and the same point or comma."""
    whole, mark, rest = re.split(r"([.,])", number) if re.search(r"[.,]", number) else (number, "", "")
    if mark == "," and len(rest) == 3:  # thousands
        return f"{round(int(whole + rest) * factor):,}"
    value = float(f"{whole}.{rest or 0}") * factor
    return f"{value:.{len(rest)}f}".replace(".", mark or ".")


def _changed(item: Item, changes: Sequence[tuple[int, int, str]]) -> Item:
    text, at = "", 0
    moved: list[tuple[int, int]] = []  # (place in the old text, how far what lies behind it moved)
    for start, end, new in changes:
        text += item.text[at:start] + new
        at = end
        moved.append((end, len(text) - end))
    text += item.text[at:]

    def place(old: int) -> int:
        return old + next((shift for end, shift in reversed(moved) if end <= old), 0)

    def stretch(start: int, end: int) -> tuple[int, int]:
        return place(start), place(end)

    return msgspec.structs.replace(
        item,
        text=text,
        spans=tuple(Span(*stretch(s.start, s.end), s.group, s.sentiment) for s in item.spans),
        ignored=tuple(stretch(start, end) for start, end in item.ignored),
    )
