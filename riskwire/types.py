"""The records that travel. Flat, frozen, named in the field's own words; times are timezone-aware UTC.

A record's wire name and schema version are in `riskwire.wire`. Readers ignore unknown fields; a new optional field
keeps the version, only a breaking change raises it. What later work fills is None until then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

SourceType = Literal["news", "social", "filing"]
Origin = Literal["live", "webhook", "backfill", "demo"]
PublishedQuality = Literal["stated", "repaired", "missing", "future"]
PublishedPrecision = Literal["second", "minute", "day"]
SentimentLabel = Literal["positive", "neutral", "negative"]
EntityGroup = Literal["ORG", "PER", "LOC", "ASSET"]
Status = Literal["scored", "unscored", "removed"]
UnscoredReason = Literal["empty", "too_short", "unsupported_language", "error"]
AlertStatus = Literal["pending", "firing", "resolved"]
Severity = Literal["info", "warning", "critical"]
NotificationReason = Literal["first", "new alerts", "escalated", "repeat", "resolved"]

#: The longest text that goes on the log, in bytes of UTF-8; longer ones are cut and marked `truncated`.
MAX_DOCUMENT_BYTES = 256 * 1024
#: The longest text that is scored, in code points.
MAX_SCORED_CHARS = 1_000


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what travels: immutable, compared by value."""


class Document(Record, frozen=True, kw_only=True):
    """A story as ingest promises it: identified, dated honestly, plain text, not yet scored."""

    id: str
    revision: int = 1
    source: str
    publisher: str = ""
    source_type: SourceType = "news"
    origin: Origin = "live"
    run_id: str = ""
    feed_url: str | None = None
    link: str | None = None
    title: str = ""
    summary: str = ""
    content: str = ""
    authors: tuple[str, ...] = ()
    language: str | None = None
    tags: tuple[str, ...] = ()
    source_symbols: tuple[str, ...] = ()
    published_at: datetime | None = None
    published_quality: PublishedQuality = "missing"
    published_precision: PublishedPrecision | None = None
    updated_at: datetime | None = None
    seen_at: datetime
    event_time: datetime
    content_hash: str = ""
    truncated: bool = False
    engagement: dict[str, int] | None = None  # of social posts, as the platform counted when it was told: likes, …
    author_reputation: dict[str, int] | None = None  # followers, posts, …; rounded, so that they name nobody
    removed: bool = False  # a revision without text: the source has deleted it, or its author is forgotten


class Sentiment(Record, frozen=True, kw_only=True):
    """`confidence` is the calibrated probability of `label`; `score` = P(positive) − P(negative), in −1…1."""

    label: SentimentLabel
    confidence: float
    probabilities: dict[SentimentLabel, float]
    score: float


class EntityMention(Record, frozen=True, kw_only=True):
    """One mention. `start` and `end` are offsets in code points into the row's `text`; `sentiment` is its own."""

    entity_group: EntityGroup
    text: str
    start: int
    end: int
    confidence: float
    symbol: str | None = None
    unlinked_reason: str | None = None
    relevance: float = 0.0
    sentiment: Sentiment


class ModelRef(Record, frozen=True, kw_only=True):
    """Which model scored: its name, version, and the sha256 of its ONNX file."""

    name: str
    version: str
    sha256: str


class TextScore(Record, frozen=True, kw_only=True):
    """What a Scorer says of one text."""

    sentiment: Sentiment
    entities: tuple[EntityMention, ...] = ()


class ScoredDocument(Document, frozen=True, kw_only=True):
    """A Document and what was found in it. Missing is never neutral: `sentiment` is None unless `status` is scored."""

    text: str = ""
    sentiment: Sentiment | None = None
    entities: tuple[EntityMention, ...] = ()
    symbols: tuple[str, ...] = ()
    events: tuple[str, ...] | None = None
    novelty: float | None = None
    chain_id: str | None = None
    duplicate_of: str | None = None
    model: ModelRef | None = None
    scored_at: datetime | None = None
    status: Status
    unscored_reason: UnscoredReason | None = None


class Evidence(Record, frozen=True, kw_only=True):
    """A story that an alert stands on. `score` is of the alert's company in it where it has one, else the story's."""

    id: str
    title: str = ""
    link: str | None = None
    source: str = ""
    score: float | None = None
    event_time: datetime | None = None


class Alert(Record, frozen=True, kw_only=True):
    """One state of one alert. `fingerprint` is the hash of the sorted labels; `transition` counts its states."""

    rule: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    severity: Severity = "warning"
    status: AlertStatus
    starts_at: datetime
    ends_at: datetime | None = None
    updated_at: datetime
    fingerprint: str
    transition: int = 1
    value: float | None = None
    threshold: float | None = None
    window: float | None = None
    evidence: tuple[Evidence, ...] = ()
    generator_url: str | None = None
    origin: Origin = "live"


class Notification(Record, frozen=True, kw_only=True):
    """What is said to one receiver about one group of alerts."""

    receiver: str
    group_key: str
    alerts: tuple[Alert, ...]
    reason: NotificationReason
    sent_at: datetime | None = None


class FailedMessage(Record, frozen=True, kw_only=True):
    """A dead letter: what came, where it was to go, and why it did not. `value` is cut at 64 KiB."""

    key: str | None = None
    value: bytes = b""
    value_size: int = 0
    value_sha256: str = ""
    stage: str
    error_type: str
    error_message: str
    failed_at: datetime
