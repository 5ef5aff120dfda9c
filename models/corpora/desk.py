"""Sentences of our own, in pairs that differ in what decides: what fell, who won, whether it was allowed, which number
is the larger. Each template meets several names, so that no name carries a sentiment.

They aim at what labelled sets hardly hold. The behavioural tests use other names, other wording and other templates,
which a test checks (tests/unit/test_models_behaviour.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from models.corpora.directions import fill
from models.corpora.items import Item

TEMPLATES: Final = Path(__file__).with_suffix(".toml")
_NAMES: Final = (
    "Ardmore Paper", "Brambley", "Cotswold Energy", "Dexter & Hale", "Esker Water", "Foxglove Health", "Glenrowan",
    "Harrowgate Steel", "Inverness Dairy", "Juniper Air", "Kingsmere Bank", "Larchmont", "Meridian Tools", "Northfleet",
    "Oakley Brewing", "Pemberton Group", "Quayside Logistics", "Ravensworth", "Stourbridge Glass", "Tollgate Insurance",
    "Upland Oil", "Vermeer Chips", "Westering", "Yelland Mines", "Zeal Networks", "Honda", "Oracle", "Danone", "SAP",
    "Hitachi", "Bosch", "Kellogg", "Motorola", "Reliance", "Cipla", "Marriott", "Chevron", "Lenovo", "Peugeot",
    "Allianz", "$HDX", "$OKB", "$ZNW",
)  # fmt: skip

_ASSETS: Final = (
    "tin", "Brent crude", "the yen", "nickel", "wheat futures", "bank shares", "the rupee", "gilts", "the CAC 40",
    "the Nasdaq", "palm oil", "mid-caps", "soybeans", "the zloty", "chip stocks", "platinum", "the Hang Seng",
)  # fmt: skip
_LABEL: Final = {"+": "positive", "-": "negative", "0": "neutral"}
_COPIES: Final = 3
_NUMBERS: Final = 30  # of each frame below, half of them good


def load() -> list[Item]:
    """All of them for training."""
    blocks: dict[str, str] = tomllib.loads(TEMPLATES.read_text(encoding="utf-8"))
    names = cycle(_NAMES)
    items = [_one(text, name, label) for text, name, label in _both_ways(blocks["pairs"], names)]
    items += [_one(text, next(names), "neutral") for text in _lines(blocks["neutral"]) for _ in range(2 * _COPIES)]
    for line in _lines(blocks["two"]):
        signs, text = line.split(" | ")
        one, other = (_LABEL[sign] for sign in signs)
        for _ in range(2 * _COPIES):
            items.append(fill("desk", text, {"a": (next(names), one), "b": (next(names), other)}, None))
        next(names)  # so that a template does not always meet the same pairs
    items += [_asset(text, name, label) for text, name, label in _both_ways(blocks["assets"], cycle(_ASSETS))]
    return items + [_one(text, next(names), label) for text, label in _numbers()]


def _lines(block: str) -> list[str]:
    return block.strip().split("\n")


def _both_ways(block: str, names: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    """Template, name, label: good and bad news of the same names."""
    for line in _lines(block):
        good, bad = line.split(" | ")
        for _ in range(_COPIES):
            name = next(names)
            yield good, name, "positive"
            yield bad, name, "negative"


def _one(template: str, name: str, label: str) -> Item:
    return fill("desk", template, {"a": (name, label)}, label)


def _asset(template: str, name: str, label: str) -> Item:
    if template.startswith("{a}"):
        name = name[0].upper() + name[1:]
    item = fill("desk", template, {"a": (name, label)}, label)
    article = 4 * name.casefold().startswith("the ")  # it is no part of the mention
    spans = tuple(msgspec.structs.replace(span, start=span.start + article, group="ASSET") for span in item.spans)
    return msgspec.structs.replace(item, spans=spans)


_SMALLER_IS_WORSE: Final = (
    "{{a}} Q{q} adjusted EPS ${x:.2f}, consensus ${y:.2f}",
    "{{a}} GAAP EPS of ${x:.2f} against ${y:.2f} estimate, revenue in line",
    "{{a}}: net profit {m:.1f} mln euros, a year ago {n:.1f} mln",
    "Operating profit of {{a}} came to EUR {m:.1f} mn, as against EUR {n:.1f} mn in the same months last year",
    "{{a}} sold {k} homes in the quarter ({j} in the comparison period)",
    "{{a}} margin {p:.1f}% (prior {r:.1f}%)",
    "{{a}} sets target at {k}, having aimed at {j} before",
)
_LARGER_IS_WORSE: Final = (
    "{{a}}: net loss {m:.1f} mln euros, a year ago {n:.1f} mln",
    "{{a}} Q{q} loss per share ${x:.2f}, consensus loss ${y:.2f}",
    "Net debt of {{a}} stood at EUR {m:.1f} mn at year-end, as against EUR {n:.1f} mn",
    "{{a}} bad-loan ratio {p:.1f}% (prior {r:.1f}%)",
)


def _numbers() -> Iterator[tuple[str, str]]:
    """Which of two numbers is the larger decides, and what they count."""
    generator = np.random.default_rng(11)
    for frames, larger_is in ((_SMALLER_IS_WORSE, True), (_LARGER_IS_WORSE, False)):
        for frame in frames:
            for turn in range(_NUMBERS):
                low = float(generator.uniform(1, 40))
                high = low * float(generator.uniform(1.15, 2.5))
                first, second = (high, low) if turn % 2 else (low, high)
                text = frame.format(
                    q=int(generator.integers(1, 5)), x=first / 20, y=second / 20, m=first, n=second,
                    k=round(first * 30), j=round(second * 30), p=first / 2, r=second / 2,
                )  # fmt: skip
                yield text, "positive" if (first > second) == larger_is else "negative"
    for turn in range(_NUMBERS):
        change, up = float(generator.uniform(2, 19)), turn % 2 == 1
        session = ("after hours", "before the bell", "in Frankfurt", "at midday")[turn // 2 % 4]
        yield f"{{a}} {'+' if up else '-'}{change:.1f}% {session}", "positive" if up else "negative"
