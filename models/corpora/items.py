"""The one normal form of a labelled text, whatever set it comes from."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Split = Literal["train", "dev", "test"]

_WORD = re.compile(r"\w+")
_LINK = re.compile(r"https?://\S+")


class Span(msgspec.Struct, frozen=True):
    """A mention. `start`, `end`: code points into the item's text. What is None was not labelled."""

    start: int
    end: int
    group: str | None = None
    sentiment: str | None = None


class Item(msgspec.Struct, frozen=True):
    """One labelled text.

    `exhaustive` names the entity groups whose mentions are all in `spans`: a token outside them is known not to be one
    of these groups, and may still be of any other. So a set without ASSET teaches nothing about ASSET.
    """

    dataset: str
    text: str
    kind: Literal["sentence", "headline", "post"] = "sentence"
    story: str | None = None
    spans: tuple[Span, ...] = ()
    exhaustive: tuple[str, ...] = ()
    ignored: tuple[tuple[int, int], ...] = ()  # stretches whose tags are unknown
    outside_weight: float = 1.0  # of capitalised tokens outside every span: how far "not annotated" is believed
    derived: bool = False  # the story label follows from the mentions, it is not an annotator's
    agreement: int | None = None  # per cent of annotators, where the set tells
    fixed: Split | None = None  # the side the set's authors chose
    unit: str | None = None  # what must stay together (a document); the text itself if None
    stance: str | None = None  # hawkish, dovish or neutral, in sets of monetary policy; no head learns it


def text_key(text: str) -> str:
    """What makes two texts the same: words only, caseless, without links, numbers alike.

    >>> text_key("Profit rose to EUR 3.1 mn . https://t.co/x") == text_key("profit rose to EUR 4.5 mn")
    True
    """
    words = _WORD.findall(_LINK.sub(" ", text).casefold())
    return " ".join("0" if word[0].isdigit() else word for word in words)


def drop_overlaps(spans: list[Span]) -> tuple[Span, ...]:
    """Spans in order of start; of two that overlap the longer stays."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: s.start - s.end):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return tuple(sorted(kept, key=lambda s: s.start))
