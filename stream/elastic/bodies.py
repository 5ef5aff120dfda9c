"""Records ⇄ the JSON that the indices hold: the record as it travels, then what is derived for searching. Pure.

The bytes of the record are taken as they are, so that what is indexed is what was published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from riskwire import wire
from riskwire.companies import company_sentiments
from riskwire.identity import canonical_link
from riskwire.types import Alert, ScoredDocument
from stream.elastic.words import folded
from stream.times import to_micros

_encode = msgspec.json.Encoder().encode

#: What a bulk request says before each document: `version` makes the newest revision win, whoever comes last.
_ACTION = b'{"index":{"_id":%s,"version":%d,"version_type":"external"}}\n'


def action(identity: str, version: int) -> bytes:
    """The line before a document of a bulk request."""
    return _ACTION % (_encode(identity), version)


def rewriting(identity: str, version: int) -> bytes:
    """The same for a document that is there in this version; a newer one stays."""
    return _ACTION.replace(b'"external"', b'"external_gte"') % (_encode(identity), version)


def deletion(identity: str) -> bytes:
    """The line of a bulk request that deletes."""
    return b'{"delete":{"_id":%s}}\n' % _encode(identity)


def story_body(story: ScoredDocument) -> bytes:
    """A story for the stories index. Raises WireError when it can't be written as JSON."""
    derived: dict[str, Any] = {"event_micros": to_micros(story.event_time)}
    if words := [found for text in (story.title, story.summary, story.content) if text and (found := folded(text))]:
        derived["words"] = words
    if story.entities:
        derived["entity_names"] = sorted({mention.text for mention in story.entities})
        companies = company_sentiments(story)
        if companies:
            derived["companies"] = [
                {
                    "symbol": symbol,
                    "score": one.score,
                    "confidence": one.confidence,
                    "label": one.label,
                    "n": one.n,
                    "relevance": one.relevance,
                }
                for symbol, one in companies.items()
            ]
    if (link := canonical_link(story.link)) is not None:
        derived["canonical_link"] = link
    return _joined(wire.encode(story), derived)


def revision_body(story: ScoredDocument) -> bytes:
    """A replaced story for the revisions index."""
    return _joined(wire.encode(story), {"event_micros": to_micros(story.event_time)})


def alert_body(alert: Alert) -> bytes:
    """An alert for the alerts index."""
    return _joined(
        wire.encode(alert),
        {
            "label_pairs": [f"{name}={value}" for name, value in sorted(alert.labels.items())],
            "starts_micros": to_micros(alert.starts_at),
            "updated_micros": to_micros(alert.updated_at),
        },
    )


def story_of(source: Mapping[str, Any]) -> ScoredDocument:
    """The story in a `_source`; what was derived is left behind."""
    return wire.from_builtins(source, ScoredDocument)


def alert_of(source: Mapping[str, Any]) -> Alert:
    """The alert in a `_source`."""
    return wire.from_builtins(source, Alert)


def _joined(record: bytes, derived: Mapping[str, Any]) -> bytes:
    # The record is an object that is never empty; so is this.
    return record[:-1] + b"," + _encode(derived)[1:]
