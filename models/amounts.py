"""Which of two amounts in a text is the larger one: what a network of this size doesn't learn from digits alone.

Two amounts that follow one another and count the same thing (money, per cent, cents, or nothing said) are compared,
with their magnitudes ("mn", "bn"). Years and dates are left out; a range counts by its middle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

LARGER: Final = 5
SMALLER: Final = 6
MARKS: Final = (LARGER, SMALLER)
"""Token types, behind those of `models.encoding.CASES`."""

_MAGNITUDE: Final = {
    "thousand": 1e3, "k": 1e3, "lakh": 1e5, "million": 1e6, "mln": 1e6, "mn": 1e6, "m": 1e6, "crore": 1e7,
    "billion": 1e9, "bln": 1e9, "bn": 1e9, "b": 1e9, "trillion": 1e12, "trn": 1e12, "tn": 1e12,
}  # fmt: skip
_KIND: Final = {
    "%": "percent", "percent": "percent", "per cent": "percent", "pct": "percent", "percentage point": "points",
    "percentage points": "points", "basis points": "points", "bps": "points", "cent": "cents", "cents": "cents",
    "pence": "cents", "p": "cents", "x": "times", "times": "times",
}  # fmt: skip
_CURRENCY: Final = r"[$€£¥]|(?<![^\W\d_])(?:EUR|USD|GBP|SEK|NOK|DKK|CHF|JPY|INR|CNY|RUB|Rs\.?|US\$)"
_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?: ?\.\d+)?|\d+(?: ?\.\d+)?"
_UNITS: Final = "|".join(sorted((*_MAGNITUDE, *_KIND), key=len, reverse=True)).replace("%|", "")
_AMOUNT: Final = re.compile(
    rf"(?:(?P<before>{_CURRENCY}) ?|(?<![\w.,]))(?P<low>{_NUMBER})(?:-(?P<high>{_NUMBER}))?"
    rf"(?P<after> ?(?:%|(?:{_UNITS})(?![^\W_]))|(?!\w))",
    re.IGNORECASE,
)
_MONTH: Final = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DATE_AFTER: Final = re.compile(rf" ?(?:,|of)? ?{_MONTH}\b|[:/]\d| ?[ap]\.?m\b|-(?:day|week|month|year)", re.IGNORECASE)
_DATE_BEFORE: Final = re.compile(rf"\b{_MONTH}\.? $|\d[:/]$", re.IGNORECASE)


class Amount(NamedTuple):
    """One amount: where its digits stand (code points), what it counts ("" if nothing says), its magnitude (0 if
    nothing says), and its number."""

    start: int
    end: int
    kind: str
    magnitude: float
    number: float


def marks(text: str) -> Iterator[tuple[int, int, int]]:
    """(start, end, `LARGER` or `SMALLER`) of each amount that has another one to be compared with."""
    waiting: Amount | None = None
    for amount in _amounts(text):
        order = None if waiting is None else _order(waiting, amount)
        if waiting is None or order is None:
            waiting = amount
            continue
        if order:
            yield waiting.start, waiting.end, LARGER if order > 0 else SMALLER
            yield amount.start, amount.end, SMALLER if order > 0 else LARGER
        waiting = None


def _amounts(text: str) -> Iterator[Amount]:
    for found in _AMOUNT.finditer(text):
        low, high, after = found["low"], found["high"], found["after"].strip().casefold()
        start, end = found.start("low"), found.end("high" if high else "low")
        if not (found["before"] or after or high) and _is_date(text, start, end, low):
            continue
        magnitude = _MAGNITUDE.get(after, 0.0)
        kind = _KIND.get(after, "money" if found["before"] or magnitude else "")
        number = (_number(low) + _number(high)) / 2 if high else _number(low)
        yield Amount(start, end, kind, magnitude, number)


def _number(digits: str) -> float:
    return float(digits.replace(",", "").replace(" ", ""))


def _is_date(text: str, start: int, end: int, digits: str) -> bool:
    if len(digits) == 4 and digits[:2] in ("19", "20"):
        return True
    return bool(_DATE_AFTER.match(text, end) or _DATE_BEFORE.search(text, max(0, start - 12), start))


def _order(one: Amount, other: Amount) -> int | None:
    """1 where `one` is larger, −1 where it is smaller, 0 where they are equal; None where they count other things."""
    if one.kind and other.kind and one.kind != other.kind:
        return None
    left, right = one.number, other.number
    if one.magnitude and other.magnitude:  # it is often told once for both
        left, right = left * one.magnitude, right * other.magnitude
    return (left > right) - (left < right)
