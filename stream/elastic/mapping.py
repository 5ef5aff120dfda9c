"""What the indices hold, field by field. Raise an index's VERSION with each change: `riskwire index migrate` then moves
what is there to an index of the new version.

`dynamic: false`: a field that is not named here is kept and given back, but neither indexed nor guessed at. A test
holds this file against riskwire.types. Only what every 8.x server has is used (no custom analyser, no runtime field).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

#: Longer values are kept and given back but not found by this field: Lucene refuses a term of more than 32 KiB, and a
#: story must not be lost for a long link.
LONGEST_KEYWORD = 1024

KEYWORD = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
DATE = {"type": "date"}
LONG = {"type": "long"}
DOUBLE = {"type": "double"}
FLOAT = {"type": "float"}
BOOLEAN = {"type": "boolean"}
TEXT = {"type": "text"}
#: For people in Kibana: words by the standard analyser, and the whole value to sort and group by.
TITLE = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
#: Kept and given back, not looked into.
STORED = {"type": "object", "enabled": False}

SENTIMENT: dict[str, Any] = {
    "properties": {
        "label": KEYWORD,
        "confidence": FLOAT,
        "score": DOUBLE,
        "probabilities": {"properties": {"positive": FLOAT, "neutral": FLOAT, "negative": FLOAT}},
    }
}

_STORY: dict[str, Any] = {
    "schema_version": {"type": "short"},
    "id": KEYWORD,
    "revision": LONG,
    "source": KEYWORD,
    "publisher": KEYWORD,
    "source_type": KEYWORD,
    "origin": KEYWORD,
    "run_id": KEYWORD,
    "feed_url": KEYWORD,
    "link": KEYWORD,
    "title": TITLE,
    "summary": TEXT,
    "content": TEXT,
    "authors": KEYWORD,
    "language": KEYWORD,
    "tags": KEYWORD,
    "source_symbols": KEYWORD,
    "published_at": DATE,
    "published_quality": KEYWORD,
    "published_precision": KEYWORD,
    "updated_at": DATE,
    "seen_at": DATE,
    "event_time": DATE,
    "content_hash": KEYWORD,
    "truncated": BOOLEAN,
    "engagement": STORED,  # counts by the platform's own names
    "author_reputation": STORED,
    "removed": BOOLEAN,
    "text": STORED,  # title and summary are searched instead
    "sentiment": SENTIMENT,
    "entities": {
        "type": "nested",
        "properties": {
            "entity_group": KEYWORD,
            "text": KEYWORD,
            "start": {"type": "integer"},
            "end": {"type": "integer"},
            "confidence": FLOAT,
            "symbol": KEYWORD,
            "unlinked_reason": KEYWORD,
            "relevance": FLOAT,
            "sentiment": SENTIMENT,
        },
    },
    "symbols": KEYWORD,
    "events": KEYWORD,
    "novelty": FLOAT,
    "chain_id": KEYWORD,
    "duplicate_of": KEYWORD,
    "model": {"properties": {"name": KEYWORD, "version": KEYWORD, "sha256": KEYWORD}},
    "scored_at": DATE,
    "status": KEYWORD,
    "unscored_reason": KEYWORD,
}

#: Added by stream.elastic.bodies to what travels, for searching and grouping only.
_DERIVED: dict[str, Any] = {
    # A date has milliseconds here; a listing is in the order of microseconds, and so are its filters.
    "event_micros": LONG,
    # The words of title, summary and content, split and folded by us (stream.elastic.words): the same on every server.
    # Values lie further apart than any phrase is long, so that none is found across two of them.
    "words": {"type": "text", "analyzer": "whitespace", "norms": False, "position_increment_gap": 10_000},
    # Lens knows no nested fields: what it filters and groups by is flat. (`symbols` and `events` are so already.)
    "entity_names": KEYWORD,
    # One row a company a story: riskwire.companies.
    "companies": {
        "type": "nested",
        "properties": {
            "symbol": KEYWORD,
            "score": DOUBLE,
            "confidence": FLOAT,
            "label": KEYWORD,
            "n": {"type": "integer"},
            "relevance": FLOAT,
        },
    },
    "canonical_link": KEYWORD,
}

_ALERT: dict[str, Any] = {
    "schema_version": {"type": "short"},
    "rule": KEYWORD,
    "labels": {"properties": {"symbol": KEYWORD}},  # a rule may give others: kept, and flat in `label_pairs`
    "annotations": STORED,
    "severity": KEYWORD,
    "status": KEYWORD,
    "starts_at": DATE,
    "ends_at": DATE,
    "updated_at": DATE,
    "fingerprint": KEYWORD,
    "transition": LONG,
    "value": DOUBLE,
    "threshold": DOUBLE,
    "window": DOUBLE,
    "evidence": {
        "properties": {
            "id": KEYWORD,
            "title": TEXT,
            "link": KEYWORD,
            "source": KEYWORD,
            "score": DOUBLE,
            "event_time": DATE,
        }
    },
    "generator_url": KEYWORD,
    "origin": KEYWORD,
    # Derived: every label as `name=value`, and the order of a listing.
    "label_pairs": KEYWORD,
    "starts_micros": LONG,
    "updated_micros": LONG,
}


class Kind(msgspec.Struct, frozen=True):
    """One of our indices: the alias is `PREFIX-NAME`, the concrete index `PREFIX-NAME-vVERSION`."""

    name: str
    version: int
    properties: Mapping[str, Any]
    excludes: tuple[str, ...] = ()  #: indexed, but not kept in `_source`

    def alias(self, prefix: str) -> str:
        """What everybody reads and writes."""
        return f"{prefix}-{self.name}"

    def index(self, prefix: str, version: int | None = None) -> str:
        """The concrete index of this program's mapping version, or of another."""
        return f"{prefix}-{self.name}-v{self.version if version is None else version}"

    @property
    def mapping(self) -> dict[str, Any]:
        """The mapping. Its version is in it, so that a later program knows what it finds."""
        mapping: dict[str, Any] = {
            "dynamic": False,
            "_meta": {"riskwire": {"version": self.version}},
            "properties": dict(self.properties),
        }
        if self.excludes:
            mapping["_source"] = {"excludes": list(self.excludes)}
        return mapping


STORIES = Kind("stories", 1, _STORY | _DERIVED, ("words",))
#: The revisions that were replaced. They are found by id and counted in no search: few fields are indexed.
REVISIONS = Kind(
    "revisions",
    1,
    {name: _STORY[name] for name in ("id", "revision", "source", "event_time", "seen_at", "scored_at", "status")}
    | {"event_micros": LONG},
)
ALERTS = Kind("alerts", 1, _ALERT)
#: Small things by name: state of the sources, offsets, notices, checkpoints.
STATE = Kind("state", 1, {"kind": KEYWORD, "name": KEYWORD, "number": LONG, "body": STORED})

KINDS = (STORIES, REVISIONS, ALERTS, STATE)
