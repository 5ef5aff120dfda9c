"""SEntFiN: headlines whose companies and assets each carry their own sentiment.

What is not annotated: people and places never are; of companies and assets nearly all are, not quite all. So a
lower-case word outside every mention is taken as no ORG and no ASSET, a capitalised one only with a weight of 0.3, and
further occurrences of an annotated name are left out of the tag loss. A story label is derived only where all mentions
agree; it is the mention's sentiment, not a reader's of the story, and is marked as derived.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

from models.corpora.assets import group_of
from models.corpora.items import Item, Span, drop_overlaps

OUTSIDE_WEIGHT = 0.3


def load(folder: Path) -> list[Item]:
    """Items with spans; mentions that don't occur verbatim and mentions labelled in two ways are dropped."""
    rows: dict[str, dict[tuple[int, int], set[str]]] = defaultdict(lambda: defaultdict(set))
    with (folder / "sentfin_long.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            start, end = int(row["start"]), int(row["end"])
            if start >= 0 and row["title"][start:end] == row["entity"]:
                start += len(row["entity"]) - len(row["entity"].lstrip())
                end = start + len(row["entity"].strip())
                rows[row["title"]][start, end].add(row["label"])
    return [_item(title, mentions) for title, mentions in rows.items()]


def _item(title: str, mentions: dict[tuple[int, int], set[str]]) -> Item:
    spans = drop_overlaps(
        [
            Span(start, end, group_of(title[start:end]), next(iter(labels)) if len(labels) == 1 else None)
            for (start, end), labels in mentions.items()
        ]
    )
    said = {span.sentiment for span in spans}
    return Item(
        dataset="sentfin",
        text=title,
        kind="headline",
        story=spans[0].sentiment if len(said) == 1 else None,
        derived=True,
        spans=spans,
        exhaustive=("ORG", "ASSET"),
        ignored=_repeats(title, spans),
        outside_weight=OUTSIDE_WEIGHT,
    )


def _repeats(title: str, spans: tuple[Span, ...]) -> tuple[tuple[int, int], ...]:
    """Where a mention's name stands again: only its first occurrence is annotated."""
    taken = {(span.start, span.end) for span in spans}
    names = {re.escape(title[span.start : span.end]) for span in spans}
    found = (match.span() for name in names for match in re.finditer(rf"(?<!\w){name}(?!\w)", title))
    return tuple(sorted(place for place in found if place not in taken))
