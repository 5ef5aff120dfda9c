"""What a window keeps of a story: one sample a group it belongs to. Whole numbers, so that sums are exact.

Sums of floats depend on their order; sums of micro-units do not, and a replay that adds in another order must give the
same value to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from riskwire.companies import company_sentiments
from riskwire.types import Evidence, ScoredDocument, SentimentLabel

#: Scores and confidences are kept in millionths.
MICRO = 1_000_000
#: The group of a rule over all stories.
MARKET = ""
_TITLE_CHARS = 300


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One story in one group. `score` (−1…1) and `confidence` (0…1) are in millionths."""

    id: str
    revision: int
    event_time: datetime
    score: int
    confidence: int
    label: SentimentLabel
    source: str
    title: str = ""
    link: str | None = None
    demo: bool = False

    def evidence(self) -> Evidence:
        """The story as an alert names it, with the group's own score."""
        return Evidence(
            id=self.id,
            title=self.title,
            link=self.link,
            source=self.source,
            score=self.score / MICRO,
            event_time=self.event_time,
        )


def samples_of(document: ScoredDocument) -> Iterator[tuple[str, Sample]]:
    """(group, sample) of each company in a scored story, and of the market. Nothing for one that was not scored."""
    if document.status != "scored":
        return
    for symbol, company in company_sentiments(document).items():
        yield symbol, _sample(document, company.score, company.confidence, company.label)
    if document.sentiment is not None:
        story = document.sentiment
        yield MARKET, _sample(document, story.score, story.confidence, story.label)


def _sample(document: ScoredDocument, score: float, confidence: float, label: SentimentLabel) -> Sample:
    return Sample(
        id=document.id,
        revision=document.revision,
        # A story can't be about what happens after it was seen; windows rely on it.
        event_time=min(document.event_time, document.seen_at),
        score=round(max(-1.0, min(1.0, score)) * MICRO),
        confidence=round(max(0.0, min(1.0, confidence)) * MICRO),
        label=label,
        source=document.source,
        title=document.title[:_TITLE_CHARS],
        link=document.link,
        demo=document.origin == "demo",
    )
