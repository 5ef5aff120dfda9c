"""Sentences of our own on what labelled sets hardly hold: direction of losses, debt and costs, who sues whom.

Templates filled with made-up and real names. A few hundred beside tens of thousands: enough to learn that a loss that
narrows is good, not enough to set the tone. The behavioural tests use other wording and other names.
"""

from __future__ import annotations

from itertools import cycle

from models.corpora.items import Item, Span

_NAMES = (
    "Halvorsen Marine", "Cobalt Ridge", "Petra Foods", "Danton", "Mirabel Group", "Orbis Freight", "Ketter & Sons",
    "Vantix", "Solway Steel", "Eastmoor Bank", "Pinecrest", "Juno Pharma", "Larkspur Energy", "Redfern",
    "Aquila Airways", "Tambora Mining", "Heron Software", "Galloway Insurance", "Nimbus Cloud", "Ostrava Glass",
    "Kestrel Motors", "Bluepoint", "Siemens", "Renault", "Cisco", "Pfizer", "Bayer", "Walmart", "HSBC", "Sony",
    "Intel", "Qantas",
)  # fmt: skip

_ONE = (
    ("{a} loss narrows in the second quarter", "positive"),
    ("{a}'s net loss shrank to $12 million from $48 million", "positive"),
    ("{a} posts smaller loss than a year ago", "positive"),
    ("Operating loss of {a} halved", "positive"),
    ("{a} swings to profit from a loss a year earlier", "positive"),
    ("{a} loss widens in the second quarter", "negative"),
    ("{a}'s net loss grew to $48 million from $12 million", "negative"),
    ("{a} posts bigger loss than a year ago", "negative"),
    ("Operating loss of {a} doubled", "negative"),
    ("{a} swings to a loss from a profit a year earlier", "negative"),
    ("{a} cuts its net debt by 300 million euros", "positive"),
    ("Net debt of {a} decreased and its rating was affirmed", "positive"),
    ("{a}'s debt pile swells to a record", "negative"),
    ("Net debt at {a} increased by a third", "negative"),
    ("{a} lowers costs faster than planned", "positive"),
    ("Unit costs at {a} fell 4 percent", "positive"),
    ("Costs at {a} climb faster than sales", "negative"),
    ("Expenses at {a} increased and ate into margins", "negative"),
    ("Bad loans at {a} fall to the lowest in years", "positive"),
    ("Bad loans at {a} rise for a third quarter", "negative"),
    ("Customer complaints against {a} drop sharply", "positive"),
    ("{a} avoids strike after deal with union", "positive"),
    ("Workers at {a} go on strike", "negative"),
    ("Court dismisses lawsuit against {a}", "positive"),
    ("Court orders {a} to pay $90 million", "negative"),
    ("{a} is cleared of wrongdoing", "positive"),
    ("{a} charged with misleading investors", "negative"),
    ("{a} did not meet its sales target", "negative"),
    ("{a} no longer expects to make a profit this year", "negative"),
    ("{a} says it does not need new capital", "positive"),
    ("{a} denies it is in talks to sell its unit", "neutral"),
    ("{a} to publish its annual report on 12 March", "neutral"),
    ("{a} appoints new head of human resources", "neutral"),
    ("{a} moves its head office to another street", "neutral"),
    ("The shares of {a} are traded in Frankfurt", "neutral"),
    ("{a} unchanged in early trade", "neutral"),
)  # fmt: skip

_TWO = (
    ("{a} sues {b} over stolen designs", "neutral", "negative"),
    ("{a} files complaint against {b}", "neutral", "negative"),
    ("{a} wins lawsuit against {b}", "positive", "negative"),
    ("{a} loses patent case to {b}", "negative", "positive"),
    ("{a} gains ground on {b}", "positive", "negative"),
    ("{a} overtakes {b} as market leader", "positive", "negative"),
    ("{a} takes market share from {b}", "positive", "negative"),
    ("{a} climbs while {b} sinks", "positive", "negative"),
    ("{a} sinks while {b} climbs", "negative", "positive"),
    ("{a} plunges, {b} soars", "negative", "positive"),
    ("{a} soars, {b} plunges", "positive", "negative"),
    ("{a} beats forecasts but {b} disappoints", "positive", "negative"),
    ("{a} disappoints, {b} beats forecasts", "negative", "positive"),
    ("{a} up 6%, {b} down 5%", "positive", "negative"),
    ("{a} down 6%, {b} up 5%", "negative", "positive"),
    ("{a} downgraded by {b}", "negative", "neutral"),
    ("{a} raised to buy at {b}", "positive", "neutral"),
    ("{b} cuts {a} to sell", "negative", "neutral"),
    ("{b} lifts price target of {a}", "positive", "neutral"),
)  # fmt: skip

_COPIES = 8


def load() -> list[Item]:
    """Each template with eight names or pairs of names; all of them for training."""
    names = cycle(_NAMES)
    items = []
    for template, label in _ONE:
        items += [fill("directions", template, {"a": (next(names), label)}, label) for _ in range(_COPIES)]
        next(names)  # so that a template does not always meet the same names
    for template, one, other in _TWO:
        items += [
            fill("directions", template, {"a": (next(names), one), "b": (next(names), other)}, None)
            for _ in range(_COPIES)
        ]
        next(names)
    return items


def fill(dataset: str, template: str, filled: dict[str, tuple[str, str]], story: str | None) -> Item:
    """A template with each `{slot}` replaced by its (name, sentiment), all of them companies."""
    text, spans = "", []
    for index, part in enumerate(template.replace("{", "}").split("}")):
        if index % 2:
            name, label = filled[part]
            spans.append(Span(len(text), len(text) + len(name), "ORG", label))
            part = name
        text += part
    return Item(
        dataset=dataset,
        text=text,
        kind="headline",
        story=story,
        spans=tuple(spans),
        exhaustive=("ORG", "PER", "ASSET"),
        fixed="train",
    )
