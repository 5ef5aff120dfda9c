"""Sentences of our own, in pairs that differ in what decides: what fell, who won, whether it was allowed, which number
is the larger. Each template meets several names, so that no name carries a sentiment.

They aim at what labelled sets hardly hold. The behavioural tests use other names, other wording and other templates,
which a test checks (tests/unit/test_models_behaviour.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
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
    generator, names = np.random.default_rng(11), cycle(_NAMES)
    items = from_templates("desk", TEMPLATES, names, cycle(_ASSETS), copies=_COPIES)
    told = [
        *numbers(_SMALLER_IS_WORSE, generator, larger_is=True),
        *numbers(_LARGER_IS_WORSE, generator, larger_is=False),
    ]
    return items + [one("desk", text, next(names), label) for text, label in (*told, *_moves(generator))]


def from_templates(dataset: str, path: Path, names: Iterator[str], assets: Iterator[str], *, copies: int) -> list[Item]:
    """Every template of the file at `path` with `copies` names, and twice as many where a line stands for one label."""
    blocks: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
    items = [one(dataset, *told) for told in _both_ways(blocks["pairs"], names, copies)]
    items += [
        one(dataset, text, next(names), "neutral") for text in _lines(blocks["neutral"]) for _ in range(2 * copies)
    ]
    for line in _lines(blocks["two"]):
        signs, text = line.split(" | ")
        here, there = (_LABEL[sign] for sign in signs)
        for _ in range(2 * copies):
            items.append(fill(dataset, text, {"a": (next(names), here), "b": (next(names), there)}, None))
        next(names)  # so that a template does not always meet the same pairs
    return items + [_asset(dataset, *told) for told in _both_ways(blocks["assets"], assets, copies)]


def _lines(block: str) -> list[str]:
    return block.strip().split("\n")


def _both_ways(block: str, names: Iterator[str], copies: int) -> Iterator[tuple[str, str, str]]:
    """Template, name, label: good and bad news of the same names."""
    for line in _lines(block):
        good, bad = line.split(" | ")
        for _ in range(copies):
            name = next(names)
            yield good, name, "positive"
            yield bad, name, "negative"


def one(dataset: str, template: str, name: str, label: str) -> Item:
    """A template of one company, whose sentiment is the story's."""
    return fill(dataset, template, {"a": (name, label)}, label)


def _asset(dataset: str, template: str, name: str, label: str) -> Item:
    if template.startswith("{a}"):
        name = name[0].upper() + name[1:]
    item = fill(dataset, template, {"a": (name, label)}, label)
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


def numbers(frames: Sequence[str], generator: np.random.Generator, *, larger_is: bool) -> Iterator[tuple[str, str]]:
    """Which of two numbers is the larger decides, and what they count. `larger_is`: is a larger first number good?"""
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


def _moves(generator: np.random.Generator) -> Iterator[tuple[str, str]]:
    for turn in range(_NUMBERS):
        change, up = float(generator.uniform(2, 19)), turn % 2 == 1
        session = ("after hours", "before the bell", "in Frankfurt", "at midday")[turn // 2 % 4]
        yield f"{{a}} {'+' if up else '-'}{change:.1f}% {session}", "positive" if up else "negative"
