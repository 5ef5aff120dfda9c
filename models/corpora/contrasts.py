"""More sentences of our own: what turns a sentence's meaning round, and who of two gains.

Made from frames and fillings, so that one word decides: "narrows" or "widens", who sues and who is sued, a beat beside
a miss. Each filling meets several names, so that no name carries a sentiment. The behavioural tests use other wording
and other names.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from models.corpora.directions import fill
from models.corpora.items import Item

_NAMES = (
    "Arden Rail", "Belmora", "Castellan Bank", "Drayton Chemicals", "Elmwood Retail", "Fenwick Oil", "Gantry Systems",
    "Hollis Foods", "Ironbridge", "Jarrow Shipping", "Kelmscott", "Lindum Pharma", "Marlow Media", "Norvane",
    "Oakhurst Homes", "Pellan Steel", "Quorum Software", "Rothbury Insurance", "Selwyn Mining", "Thornbury Motors",
    "Ulverton", "Verity Telecom", "Wexcombe", "Yarrow Textiles", "Zennor Solar", "Toyota", "Nestle", "Boeing",
    "Vodafone", "Tata Steel", "Shell", "Nokia", "Barclays", "Adidas", "Wipro", "Airbus", "Tesla", "AstraZeneca",
    "Carrefour", "$NVX", "$QRL", "$TMB", "HDFC Bank", "Orange", "Target", "Gap", "Visa", "Ford",
)  # fmt: skip

_GOOD_UP = (
    "sales", "profit", "operating profit", "net income", "margins", "order intake", "cash flow", "revenue",
    "earnings per share", "market share", "deliveries", "same-store sales", "EBITDA",
)  # fmt: skip
_BAD_UP = (
    "costs", "net debt", "the operating loss", "the quarterly loss", "bad loans", "the pretax loss", "complaints",
    "expenses", "default rates", "the deficit", "unit costs", "write-offs", "customer churn", "the net loss",
)  # fmt: skip
_UP = ("rose", "increased from a year earlier", "climbed 8 %", "widened", "grew sharply", "went up", "jumped")
_DOWN = ("fell", "decreased from a year earlier", "dropped 7 %", "shrank", "declined", "went down", "narrowed")
_FLAT = ("were unchanged from a year ago", "stayed at the level of last year", "were flat")

_ONE = (
    # hedges and plans are no news of success or failure
    ("{a} may consider raising capital next year, people familiar say", "neutral"),
    ("{a} could be interested in a rival, paper says", "neutral"),
    ("{a} declines to comment on report of talks", "neutral"),
    ("{a} will announce its third-quarter results on Thursday", "neutral"),
    ("{a} to hold capital markets day in London", "neutral"),
    ("{a} names Jane Holt chief financial officer", "neutral"),
    ("{a} has about 2,300 employees in nine countries", "neutral"),
    ("{a} makes valves and pumps for the food industry", "neutral"),
    ("{a} and its partners did not disclose the value of the deal", "neutral"),
    ("The plant of {a} is located in the north of the country", "neutral"),
    ("What to expect from {a} earnings", "neutral"),
    ("Here is what analysts say about {a}", "neutral"),
    ("{a} shares: five things to know", "neutral"),
    # denied, averted, dismissed
    ("{a} does not expect any layoffs", "positive"),
    ("{a} averts bankruptcy with new loan", "positive"),
    ("{a} escapes fine in antitrust case", "positive"),
    ("Judge throws out case against {a}", "positive"),
    ("Regulator drops probe into {a}", "positive"),
    ("{a} recovers from last year's slump", "positive"),
    ("{a} resumes dividend", "positive"),
    ("{a} lifts guidance", "positive"),
    ("{a} sees smaller loss this year than feared", "positive"),
    ("{a} narrows its loss and repays a loan early", "positive"),
    ("{a} wins contract worth $45 million", "positive"),
    ("{a} receives order for 20 engines", "positive"),
    ("{a} upgraded to overweight", "positive"),
    ("{a} price target raised to $88 from $70", "positive"),
    ("{a} not hurt by strike", "positive"),
    # failed, missed, worse
    ("{a} fails to win approval for its drug", "negative"),
    ("{a} no longer pays a dividend", "negative"),
    ("{a} suspends guidance", "negative"),
    ("{a} cuts outlook for the third time", "negative"),
    ("Regulator opens probe into {a}", "negative"),
    ("{a} is hit by fine in antitrust case", "negative"),
    ("{a} files for bankruptcy protection", "negative"),
    ("{a} to lay off 400 workers", "negative"),
    ("{a} to close plant, cutting 250 jobs", "negative"),
    ("{a} recalls a million cars", "negative"),
    ("{a} loses contract worth $45 million", "negative"),
    ("{a} downgraded to underweight", "negative"),
    ("{a} price target cut to $70 from $88", "negative"),
    ("{a} sees bigger loss this year than feared", "negative"),
    ("{a} hurt by strike", "negative"),
    ("{a} profit rises less than expected, shares slump", "negative"),
    ("{a} beats on revenue but cuts its forecast, stock tumbles", "negative"),
    ("Despite record sales {a} warns of losses ahead", "negative"),
    ("Despite weak sales {a} raises its profit forecast", "positive"),
    ("{a} misses on revenue but lifts its forecast, stock jumps", "positive"),
    ("{a} profit falls less than feared, shares rally", "positive"),
    # as people write in posts
    ("{a} to the moon", "positive"),
    ("loading up on {a} here, breakout coming", "positive"),
    ("long {a}, bulls in charge", "positive"),
    ("{a} is a dumpster fire", "negative"),
    ("shorting {a} here, breakdown coming", "negative"),
    ("bagholders of {a} wiped out", "negative"),
    ("watching {a} today", "neutral"),
)  # fmt: skip

_TWO = (
    ("{a} takes {b} to court over unpaid royalties", "neutral", "negative"),
    ("{a} accuses {b} of copying its software", "neutral", "negative"),
    ("{a} sues {b}", "neutral", "negative"),
    ("{a} sues {b} for patent infringement", "neutral", "negative"),
    ("{a} sued by {b} for patent infringement", "negative", "neutral"),
    ("{b} is sued by {a}", "neutral", "negative"),
    ("{a} seeks $200 million in damages from {b}", "neutral", "negative"),
    ("Jury sides with {a} in fight with {b}", "positive", "negative"),
    ("{a} defeats {b} in court", "positive", "negative"),
    ("{a} must pay {b} $30 million", "negative", "positive"),
    ("{a} wins order from {b}", "positive", "neutral"),
    ("{a} loses {b} as its largest customer", "negative", "neutral"),
    ("{a} edges out {b} in race for contract", "positive", "negative"),
    ("{a} snatches customers from {b}", "positive", "negative"),
    ("{a} cedes ground to {b}", "negative", "positive"),
    ("Profit at {a} surges, while {b} sinks into the red", "positive", "negative"),
    ("{a} slides into the red as {b} posts record profit", "negative", "positive"),
    ("{a} tops estimates, {b} misses", "positive", "negative"),
    ("{a} misses estimates, {b} tops them", "negative", "positive"),
    ("{a} rallies 5 % but {b} drops 4 %", "positive", "negative"),
    ("{a} drops 4 % but {b} rallies 5 %", "negative", "positive"),
    ("Analysts prefer {a} to {b}", "positive", "negative"),
    ("Buy {a}, sell {b}", "positive", "negative"),
    ("Sell {a}, buy {b}", "negative", "positive"),
    ("{a} upgraded by {b}", "positive", "neutral"),
    ("{b} slashes {a} target", "negative", "neutral"),
    ("{a} agrees to buy {b} at a 30 percent premium", "neutral", "positive"),
    ("{a} walks away from takeover of {b}", "neutral", "negative"),
    ("Supplier {a} warns of weak demand from {b}", "negative", "negative"),
    ("{a} and {b} both raise their forecasts", "positive", "positive"),
    ("{a} and {b} both cut their forecasts", "negative", "negative"),
    ("{a} and {b} to meet next week", "neutral", "neutral"),
    ("{a} gains, {b} flat", "positive", "neutral"),
    ("{a} down, {b} little changed", "negative", "neutral"),
)  # fmt: skip

_COPIES = 5


def load() -> list[Item]:
    """All of them for training."""
    names = cycle(_NAMES)
    items = [_named(text, names, label) for text, label in _measured()]
    for template, label in _ONE:
        items += [_named(template, names, label) for _ in range(_COPIES)]
    for template, one, other in _TWO:
        items += [
            fill("contrasts", template, {"a": (next(names), one), "b": (next(names), other)}, None)
            for _ in range(_COPIES)
        ]
        next(names)  # so that a template does not always meet the same pairs
    return items


def _named(template: str, names: Iterator[str], label: str) -> Item:
    return fill("contrasts", template, {"a": (next(names), label)}, label)


def _measured() -> Iterator[tuple[str, str]]:
    """A measure that went up, down or nowhere; what that means turns with the measure."""
    for measures, rising, falling in ((_GOOD_UP, "positive", "negative"), (_BAD_UP, "negative", "positive")):
        for place, measure in enumerate(measures):
            for moves, label in ((_UP, rising), (_DOWN, falling)):
                for turn in range(4):
                    move = moves[(place + turn) % len(moves)]
                    if measure in _GOOD_UP and move in ("widened", "narrowed") and measure != "margins":
                        continue
                    frame = ("{a} said {m} {v}", "{m} of {a} {v}", "At {a}, {m} {v}", "{a}: {m} {v}")[turn]
                    text = frame.replace("{m}", measure).replace("{v}", move)
                    yield text[0].upper() + text[1:], label
            yield f"{{a}} said {measure} {_FLAT[place % len(_FLAT)]}", "neutral"
