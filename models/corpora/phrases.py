"""Sentences of our own for the student alone: turns of phrase, verdicts on two companies, and numbers to compare.

A small encoder knows few idioms, and labelled sets hold each of them once or never. Templates (`phrases.toml`) and
frames are filled with names; they are in wording and names apart from the behavioural tests, as a test checks.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np

from models.corpora.desk import from_templates, numbers, one
from models.corpora.items import Item

TEMPLATES: Final = Path(__file__).with_suffix(".toml")
_NAMES: Final = (
    "Aldgate Plastics", "Birchwood", "Caldera Gas", "Dunlin & Shaw", "Everard Rail", "Farrow Biotech", "Gainsford",
    "Hartwell Cement", "Isley Dairy", "Jessop Air", "Kilbride Bank", "Lowestoft", "Monmouth Tools", "Norbury",
    "Osprey Lines", "Prestwick Group", "Quantock Freight", "Runcorn Glass", "Saltash Assurance", "Tiverton", "Usk Oil",
    "Volant Chips", "Wembury", "Yarmouth Mines", "Zephyr Networks", "Mazda", "Adobe", "Henkel", "Sharp", "Canon",
    "Electrolux", "Heineken", "Xerox", "Larsen", "Biocon", "Hilton", "Equinor", "Asus", "Fiat", "Prudential", "Holcim",
    "Orsted", "Metro", "Best Buy", "General Mills", "Kingfisher", "Aviva", "$KLMB", "$VTX", "$OPRY", "$ZPN", "$DNL",
)  # fmt: skip
_ASSETS: Final = (
    "aluminium", "WTI", "the won", "lead", "corn futures", "oil stocks", "the peso", "Treasuries", "the IBEX",
    "the Dow Jones", "cocoa", "small-caps", "cotton", "the forint", "auto shares", "palladium", "the Kospi", "sugar",
    "the Australian dollar", "pharma stocks", "natural gas", "the Bovespa", "bitcoin", "coffee", "bank index",
)  # fmt: skip
_COPIES: Final = 3

_SMALLER_IS_WORSE: Final = (
    "{{a}} turnover {m:.1f} mn, {n:.1f} mn the year before",
    "{{a}}: orders {k}, last year {j}",
    "{{a}} made {m:.1f} mn in the half, against {n:.1f} mn",
    "{{a}} revenues ${m:.1f}B vs ${n:.1f}B est",
    "{{a}} EPS {x:.2f}, est. {y:.2f}",
    "{{a}} earns {x:.2f} a share where {y:.2f} had been pencilled in",
    "Passengers carried by {{a}} numbered {k} in July, after {j} in June",
    "{{a}} stock at {p:.2f}, was {r:.2f} on Monday",
    "{{a}} payout set at {x:.2f} a share; it was {y:.2f}",
    "Income of {{a}} for the period was EUR {m:.1f} mn (EUR {n:.1f} mn)",
    "{{a}}'s sales amounted to SEK {k} mn, compared with SEK {j} mn",
    "{{a}} aims for {m:.0f} mn of profit; consensus {n:.0f} mn",
    "Market value of {{a}} is now ${m:.0f} bn and was ${n:.0f} bn in January",
    "{{a}}: order book from {j} to {k}",
    "{{a}} profit from {n:.1f} mn to {m:.1f} mn",
    "{{a}} share price from {r:.2f} to {p:.2f}",
)
_LARGER_IS_WORSE: Final = (
    "{{a}} in the red by {m:.1f} mn, {n:.1f} mn the year before",
    "{{a}} owes {m:.1f} bn, having owed {n:.1f} bn",
    "Costs at {{a}} amounted to EUR {m:.1f} mn, compared with EUR {n:.1f} mn",
    "{{a}} cash burn {m:.1f} mn, prior quarter {n:.1f} mn",
    "{{a}}'s defect rate {p:.1f}%, was {r:.1f}%",
    "{{a}} debt from {n:.1f} mn to {m:.1f} mn",
    "Loss per share of {{a}}: {x:.2f} (year-ago {y:.2f})",
)


def load() -> list[Item]:
    """All of them for training."""
    generator, names = np.random.default_rng(12), cycle(_NAMES)
    items = from_templates("phrases", TEMPLATES, names, cycle(_ASSETS), copies=_COPIES)
    told = [
        *numbers(_SMALLER_IS_WORSE, generator, larger_is=True),
        *numbers(_LARGER_IS_WORSE, generator, larger_is=False),
    ]
    return items + [one("phrases", text, next(names), label) for text, label in told]
