"""What a person wrote, and an alert that stands on it: for the tests of `forget`."""

from __future__ import annotations

from datetime import UTC, datetime

from riskwire.identity import content_hash
from riskwire.testing import a_document
from riskwire.types import Alert, Document, Evidence, ScoredDocument

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)


def a_post(number: int, author: str, title: str, link: str) -> Document:
    """A social post; `author` is a pseudonym."""
    return a_document(
        number,
        source="m",
        source_type="social",
        publisher="mastodon",
        origin="live",
        title=title,
        content_hash=content_hash(title, ""),
        authors=(author,),
        link=link,
    )


def alert_on(*stories: ScoredDocument) -> Alert:
    """An alert that quotes the first, with all as evidence."""
    return Alert(
        rule="r",
        labels={},
        annotations={"summary": f"Worst: {stories[0].title}"},
        status="firing",
        starts_at=NOW,
        updated_at=NOW,
        fingerprint="f",
        evidence=tuple(Evidence(id=one.id, title=one.title, link=one.link, score=-0.5) for one in stories),
    )
