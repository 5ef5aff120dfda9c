"""Some hundred made-up headlines, in our own words: what the toy recipe trains on, so that tests need no data set."""

from __future__ import annotations

from itertools import product

from models.corpora.items import Item, Span

_COMPANIES = ("Northwind Mills", "Alder Bank", "Quarry Foods", "Lumen Air", "Tessel Motors", "Brightwater")
_PEOPLE = ("Mara Voss", "Ivo Lindqvist")
_PLACES = ("Oslo", "Lagos")
_ASSETS = ("copper", "the krone", "shipping stocks")
_EVENTS = (
    ("profit jumps after strong orders", "positive"),
    ("raises its outlook for the year", "positive"),
    ("loss narrows more than expected", "positive"),
    ("profit drops as costs climb", "negative"),
    ("warns of weaker demand", "negative"),
    ("is sued over faulty parts", "negative"),
    ("will hold its annual meeting in May", "neutral"),
    ("names a new head of accounts", "neutral"),
)


def load() -> list[Item]:
    """One company each; two that fare differently; assets; people and places."""
    items = [
        _item(f"{name} {event}", [(name, "ORG", label)], label) for name, (event, label) in product(_COMPANIES, _EVENTS)
    ]
    for one, other in product(_COMPANIES, _COMPANIES):
        if one != other:
            items.append(
                _item(f"{one} gains while {other} slides", [(one, "ORG", "positive"), (other, "ORG", "negative")], None)
            )
    for asset, (verb, label) in product(
        _ASSETS, (("climbs", "positive"), ("falls", "negative"), ("is flat", "neutral"))
    ):
        items.append(_item(f"In early trade {asset} {verb}", [(asset, "ASSET", label)], label))
    for person, place, name in product(_PEOPLE, _PLACES, _COMPANIES):
        items.append(
            _item(
                f"{person} of {name} spoke in {place}",
                [(person, "PER", None), (name, "ORG", None), (place, "LOC", None)],
                None,
            )
        )
    return items


def unlabelled() -> list[str]:
    """Some more headlines, of other companies."""
    others = ("Ferrow Steel", "Sundial Foods", "Harbour Light", "Mossgate Bank")
    return [f"{name} {event}" for name, (event, _) in product(others, _EVENTS)]


def _item(text: str, mentions: list[tuple[str, str, str | None]], story: str | None) -> Item:
    spans = tuple(Span(text.index(name), text.index(name) + len(name), group, label) for name, group, label in mentions)
    return Item(
        dataset="toy", text=text, kind="headline", story=story, spans=spans, exhaustive=("ORG", "PER", "LOC", "ASSET")
    )
