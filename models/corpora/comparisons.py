"""Figures to compare, in sentences of our own for the student alone: what was counted, what it was before or ought to
have been, and nothing else that says which is better.

Reports are full of such sentences, and labelled sets hold too few of them to learn by which of two figures is larger.
Each is put together from a measure, a way of writing amounts, and a way of setting one beside the other, so that no
wording carries a label: every one stands with the larger figure first as often as with the smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Final, NamedTuple

import numpy as np

from models.corpora.desk import one
from models.corpora.items import Item

NAME: Final = "comparisons"
COUNT: Final = 12000
_ROUND: Final = 10  # of so many sentences two set profit against loss, and one compares nothing or finds no difference
_NAMES: Final = (
    "Abingdon Steel", "Bexhill", "Carnforth Foods", "Deeside Paper", "Elmbridge", "Frome & Sons", "Gosport Lines",
    "Hexton Bank", "Ilford Cables", "Jarrow Chemicals", "Kendal Outdoor", "Ludlow", "Malvern Water", "Newbury Group",
    "Oban Fisheries", "Purbeck Stone", "Redcar", "Selby Rail", "Tavistock Oyj", "Ulverston AB", "Ventnor Oil",
    "Whitby Software", "Yeovil Plc", "Finmeccanica", "Kesla", "Sandvik", "Raisio", "Huhtamaki", "Telenor", "Tokmanni",
    "Posco", "Kyocera", "Lafarge", "Repsol", "Swisscom", "Wesfarmers", "$ABGS", "$KNDL", "$VTNR",
)  # fmt: skip


class Measure(NamedTuple):
    """What is counted. `more`: is a larger figure good news? `unit`: of `_UNITS`."""

    name: str
    more: bool
    unit: str


_MEASURES: Final = (
    *(Measure(name, True, "money") for name in (
        "net sales", "sales", "turnover", "revenue", "operating profit", "pre-tax profit", "net profit", "EBITDA",
        "EBIT", "gross profit", "order intake", "order backlog", "cash flow from operations", "net interest income",
        "profit for the period", "operating income", "fee income", "free cash flow", "equity", "premium income",
        "third-quarter profit", "half-year revenue", "like-for-like sales", "underlying earnings", "market value",
    )),
    *(Measure(name, False, "money") for name in (
        "net loss", "operating loss", "pre-tax loss", "net debt", "operating costs", "loan losses", "cash burn",
        "loss for the period", "interest expenses", "borrowings", "energy costs", "credit losses", "impairments",
    )),
    *(Measure(name, True, "share") for name in (
        "EPS", "earnings per share", "adjusted EPS", "diluted earnings per share", "the dividend", "the payout a share",
    )),
    *(Measure(name, False, "share") for name in ("loss per share", "net loss a share")),
    *(Measure(name, True, "percent") for name in (
        "operating margin", "gross margin", "return on equity", "market share", "equity ratio", "occupancy",
        "capacity use", "EBIT margin", "organic growth",
    )),
    *(Measure(name, False, "percent") for name in (
        "gearing", "the bad-loan ratio", "staff turnover", "the vacancy rate",
    )),
    *(Measure(name, True, "count") for name in (
        "passenger numbers", "car deliveries", "orders received", "subscribers", "homes sold", "shipments", "bookings",
    )),
    *(Measure(name, False, "count") for name in ("complaints", "cancellations", "cars recalled", "accidents at work")),
)  # fmt: skip
_UNITS: Final = {
    "money": (
        "EUR {:.1f} mn", "EUR {:.1f} million", "EUR{:.1f}m", "{:.1f} mln euros", "SEK {:,.0f} mn", "${:.1f} bln",
        "${:.2f} billion", "$ {:.1f} mn", "USD {:.1f} m", "£{:.1f}m", "{:.1f} million pounds", "Rs {:,.0f} crore",
        "€{:.1f}M", "NOK {:.2f} bn", "{:,.0f} million yen", "${:.0f}M",
    ),
    "share": ("${:.2f}", "EUR {:.2f}", "{:.2f} euro", "{:.0f} cents", "{:.1f}p", "$ {:.2f}"),
    "percent": ("{:.1f}%", "{:.1f} %", "{:.1f} pct", "{:.1f} per cent"),
    "count": ("{:,.0f}", "{:.0f}", "{:.1f} million", "{:,.0f},000"),
}  # fmt: skip
_LARGEST: Final = {"money": 900.0, "share": 90.0, "percent": 45.0, "count": 900.0}
_NOW_THEN: Final = (  # the present figure, then the one to compare it with
    "{m} of {a} totalled {now}, compared to {then} in the corresponding period",
    "{m} of {a} was {now}, as against {then} in the previous quarter",
    "{a}: {m} {now} (prev. {then})",
    "{a} {m} {now} vs {then} forecast",
    "{a} {m} {now} versus {then} in the prior-year period",
    "{a}'s {m} amounted to {now}, while it was {then} in the year-earlier quarter",
    "{a} said {m} came to {now}, where the market had pencilled in {then}",
    "In the first nine months {m} at {a} was {now}; in the same months of last year it had been {then}",
    "{m} at {a} stood at {now} at the end of June, and at {then} in March",
    "{a} puts {m} at {now}, having put it at {then} before",
    "{a} {m}: {now}, consensus {then}",
    "{a} reported {m} of {now} for the quarter, against an average estimate of {then}",
    "Group {m} was {now} (comparison period: {then}), {a} said",
    "{m} per quarter report: {now}, previously {then}. {a}",
    "For 2009 {a} announced {m} of {now}, for 2008 it had announced {then}",
    "{a} guides for {m} of {now}; Street at {then}",
    "{a} targets {m} of {now} instead of {then}",
    "{a} had {m} of {now}, last time {then}",
)
_THEN_NOW: Final = (
    "{a} {m} went from {then} to {now}",
    "{m} of {a} moved from {then} a year before to {now}",
    "From {then} to {now}: {m} at {a}",
    "{a} changes its forecast of {m} from {then} to {now}",
    "After {then} in spring, {m} at {a} was {now} in summer",
    "Analysts thought {m} of {a} would be {then}; it was {now}",
    "{m} of {a} had been {then}, it is {now} now",
    "Where {a} had {m} of {then} last year, it has {now} this year",
)
_NOTHING: Final = (
    "{m} of {a} totalled {now} in 2008",
    "{a} has {m} of {now}",
    "{a}: {m} {now} (prev. {now})",
    "{m} at {a} was {now}, the same as last year",
    "{a} does not break down its {m} of {now}",
    "{a} {m} {now}, in line with the consensus of {now}",
)
_SWINGS: Final = (  # the first figure a profit, the second a loss; and turned round
    "{a} made {now}, having lost {then} in the comparison period",
    "Result of {a} for the quarter: a gain of {now}, compared to a loss of {then}",
    "{a} posts profit of {now} against loss of {then}",
    "The operating result of {a} was a profit of {now}, while the previous year showed a loss of {then}",
    "{a} had income of {now} where there was a deficit of {then} before",
)
_TURNED: Final = (
    "{a} lost {now}, having made {then} in the comparison period",
    "Result of {a} for the quarter: a loss of {now}, compared to a gain of {then}",
    "{a} posts loss of {now} against profit of {then}",
    "The operating result of {a} was a loss of {now}, while the previous year showed a profit of {then}",
    "{a} had a deficit of {now} where there was income of {then} before",
)


def load() -> list[Item]:
    """All of them for training; the same each time."""
    names = cycle(_NAMES)
    return [one(NAME, text, next(names), label) for text, label in _told(np.random.default_rng(13))]


def _told(generator: np.random.Generator) -> Iterator[tuple[str, str]]:
    for turn in range(COUNT):
        measure, higher = _MEASURES[generator.integers(len(_MEASURES))], turn % 2 == 0
        if turn % _ROUND in (4, 5):
            swing = _SWINGS if higher else _TURNED
            now, then = _amounts("money", higher=bool(generator.integers(2)), generator=generator)
            yield _tell(swing, measure, now, then, generator), "positive" if higher else "negative"
        elif turn % _ROUND == 9 and measure.more:  # a bare loss is bad news to many
            now, _ = _amounts(measure.unit, higher=higher, generator=generator)
            yield _tell(_NOTHING, measure, now, now, generator), "neutral"
        else:
            now, then = _amounts(measure.unit, higher=higher, generator=generator)
            frames = _THEN_NOW if generator.random() < 0.3 else _NOW_THEN
            yield _tell(frames, measure, now, then, generator), "positive" if higher == measure.more else "negative"


def _amounts(unit: str, *, higher: bool, generator: np.random.Generator) -> tuple[str, str]:
    """Two amounts of a unit as they are written, the first larger if `higher`; by 4 per cent to three times."""
    forms = _UNITS[unit]
    form = forms[generator.integers(len(forms))]
    while True:
        low = float(np.exp(generator.uniform(np.log(0.5), np.log(_LARGEST[unit]))))
        high = low * float(np.exp(generator.uniform(np.log(1.04), np.log(3))))
        small, large = form.format(low), form.format(high)
        if small != large:
            return (large, small) if higher else (small, large)


def _tell(frames: tuple[str, ...], measure: Measure, now: str, then: str, generator: np.random.Generator) -> str:
    text = frames[generator.integers(len(frames))].replace("{m}", measure.name)
    text = text.replace("{now}", now).replace("{then}", then)
    return text if text.startswith("{a}") else text[0].upper() + text[1:]
