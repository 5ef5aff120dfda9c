"""The ports behind which the two settings differ (one machine on SQLite; Kafka and Elasticsearch).

Each is as small as its callers allow and says what failing means. They are wired in `riskwire.cli` alone; one contract
suite in tests/contract runs against every implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

from riskwire.types import (
    Alert,
    Document,
    EntityMention,
    FailedMessage,
    ModelRef,
    Notification,
    ScoredDocument,
    SentimentLabel,
    SourceType,
    Status,
    TextScore,
)


class LogEntry(msgspec.Struct, frozen=True):
    """What a log hands out: a position that only the log understands, and the bytes as they came."""

    offset: int
    key: str
    value: bytes


class AppendResult(msgspec.Struct, frozen=True):
    """How many documents were taken, and how many were there already (same id and revision)."""

    appended: int
    duplicates: int


class DocumentLog(Protocol):
    """The log of documents between ingest and the processor."""

    def append(self, documents: Sequence[Document]) -> AppendResult:
        """Store all, durably, before returning: what was accepted is never lost. Idempotent by (id, revision).

        Raises StorageError (StorageFull, StorageBusy): nothing of this call was accepted; the caller tries again.
        """
        ...

    def read(self, limit: int) -> list[LogEntry]:
        """The next entries that were not acknowledged, oldest first; the same ones again until they are."""
        ...

    def ack(self, through: int) -> None:
        """Everything up to and including this offset is in the index. Called only after the index said so."""
        ...

    def dead_letter(self, failed: Sequence[FailedMessage]) -> None:
        """Keep what can't be processed, with its reason. Durable before returning."""
        ...

    def depth(self) -> int:
        """How many entries wait."""
        ...


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a listing asks for. Times are compared with `event_time`, `since` inclusive, `until` exclusive."""

    text: str = ""
    symbol: str | None = None
    source: str | None = None
    source_type: SourceType | None = None
    label: SentimentLabel | None = None
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    after: str | None = None  # the opaque `next` of the page before


class SearchPage(msgspec.Struct, frozen=True):
    """Newest first by (event_time, id); `next` is None on the last page."""

    documents: list[ScoredDocument]
    next: str | None = None


class Refused(msgspec.Struct, frozen=True):
    """A story that the index will never take, and why: one for the dead letters."""

    id: str
    revision: int
    reason: str


class IndexResult(msgspec.Struct, frozen=True):
    """Per call: how many were written, how many were there already in the same or a newer revision, and which ones
    the index will never take."""

    indexed: int
    superseded: int
    refused: tuple[Refused, ...] = ()


class SentimentBucket(msgspec.Struct, frozen=True):
    """One row of the sentiment timeline: `t` is the start of the bucket, `score` the mean over `n` stories."""

    t: datetime
    symbol: str
    score: float
    n: int
    positive: int
    neutral: int
    negative: int


class Mover(msgspec.Struct, frozen=True):
    """A company's mean score in a period against the period before. `change` is None without a period before."""

    symbol: str
    score: float
    n: int
    previous_score: float | None
    previous_n: int
    change: float | None


class SourceCount(msgspec.Struct, frozen=True):
    """How many stories a source brought, and the newest of them."""

    source: str
    n: int
    newest: datetime | None


class Index(Protocol):
    """Where scored stories are kept and found. `_id` is the document's id, its revision the external version."""

    def put(self, documents: Sequence[ScoredDocument]) -> IndexResult:
        """Write all, durably. A replaced revision is kept; the same or an older one is left out (superseded).

        Raises StorageError when not all of this call was written; the caller tries all of it again (what was written is
        then superseded) and does not ack.
        """
        ...

    def held(self, ids: Sequence[str]) -> dict[str, int]:
        """The newest revision's number of each of these ids that is here. What is held was published."""
        ...

    def get(self, document_id: str) -> ScoredDocument | None:
        """The newest revision."""
        ...

    def revisions(self, document_id: str) -> list[ScoredDocument]:
        """All revisions, oldest first, the current one last."""
        ...

    def search(self, query: SearchQuery) -> SearchPage:
        """Full text over title and summary, filters, newest first."""
        ...

    def count(self, query: SearchQuery) -> int:
        """How many a search would find in all."""
        ...

    def sentiment_timeline(
        self, since: datetime, until: datetime, bucket_seconds: int, symbol: str | None = None
    ) -> list[SentimentBucket]:
        """One row a bucket. With a symbol, the company's own sentiment; without, the story's (symbol is "")."""
        ...

    def movers(self, since: datetime, until: datetime, limit: int = 10, minimum: int = 3) -> list[Mover]:
        """Companies by the size of their change, with at least `minimum` stories in the period."""
        ...

    def sources(self) -> list[SourceCount]:
        """Stories a source."""
        ...


class ScoredEntry(msgspec.Struct, frozen=True):
    """A scored document on the scored stream, with its position."""

    offset: int
    document: ScoredDocument


class ScoredStream(Protocol):
    """The scored topic. It may repeat: a consumer drops an (id, revision) that it has handled."""

    def publish(self, documents: Sequence[ScoredDocument]) -> None:
        """Durable before returning. Always before the index is written, which is before the ack."""
        ...

    def read(self, after: int, limit: int) -> list[ScoredEntry]:
        """Entries behind this offset, oldest first. A consumer keeps its own offset."""
        ...

    def offset_before(self, then: datetime) -> int:
        """The offset just before the first entry whose story was seen at or after `then` (to rebuild state from)."""
        ...

    def end(self) -> int:
        """The newest offset; 0 when nothing was published."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """Text → sentiment of the story and of each entity, in one pass."""

    @property
    def model(self) -> ModelRef:
        """Which model this is."""
        ...

    def current(self) -> Scorer:
        """The model of this moment, for one batch: it stays the same, whatever is promoted meanwhile."""
        ...

    def score(self, texts: Sequence[str]) -> list[TextScore]:
        """One answer a text, in order, the same whatever the batch (|Δp| ≤ 0.01). Safe from several threads.

        Raises ScoringError when it can't; then no text of this call was scored.
        """
        ...


class Linker(Protocol):
    """Mentions → symbols, or the reason why not."""

    def link(self, text: str, mentions: Sequence[EntityMention]) -> tuple[EntityMention, ...]:
        """The same mentions in the same order, each with `symbol` or `unlinked_reason`."""
        ...


class Notifier(Protocol):
    """One way to tell people."""

    name: str

    async def notify(self, notification: Notification) -> None:
        """Returns when the receiver took it. Raises NotifyRetry (try later) or NotifyError (give up, and say so)."""
        ...


class KnownStory(msgspec.Struct, frozen=True):
    """What the log remembers of a story: enough to tell new from known and corrected.

    The `content_hash` of one that was removed is `riskwire.identity.REMOVED`.
    """

    id: str
    revision: int
    content_hash: str
    link: str | None  # canonical


class KnownStories(Protocol):
    """The memory of what was accepted, written in the same transaction as the log's append."""

    def by_id(self, ids: Sequence[str]) -> dict[str, KnownStory]:
        """The newest accepted revision of each of these ids that is known."""
        ...

    def by_link(self, publisher: str, links: Sequence[str]) -> dict[str, KnownStory]:
        """The same by canonical link within one publisher."""
        ...

    def by_author(self, author: str) -> list[KnownStory]:
        """Every social story of this author (a pseudonym) that was not removed, by id."""
        ...


SourceStatus = Literal["new", "ok", "silent", "failing", "gone", "refused"]


class SourceState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of one source between polls and restarts. `cursor` is for sources that have one (social).

    `retracted` are the ids (their first digits) that a feed has taken back, see `ingest.feeds.vanished`.
    `moved_to` is where it says it has moved for good, `moved_polls` how many polls in a row ended there. The rest is
    its rhythm and its health, in seconds and in counts that fade: see `ingest.polling.health`.
    """

    name: str
    url: str = ""
    etag: str | None = None
    last_modified: str | None = None
    next_poll_at: datetime | None = None
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    last_outcome: Literal["ok", "not_modified", "failed", "refused", "gone"] | None = None
    last_error: str | None = None
    failures: int = 0
    entries: int = 0
    new: int = 0
    cursor: str | None = None
    newest_at: datetime | None = None
    retracted: tuple[str, ...] = ()
    moved_to: str | None = None
    moved_polls: int = 0
    body_hash: str | None = None
    robots_until: datetime | None = None  # until then its robots.txt need not be asked again
    pace: float | None = None  # seconds between two polls, as learnt
    asked_pace: float | None = None  # seconds, as the feed itself says (ttl)
    known_since: datetime | None = None
    last_new_at: datetime | None = None
    mean_gap: float | None = None  # between two polls that brought something new
    longest_gap: float | None = None
    fresh: float = 0.0
    undated: float = 0.0
    duplicates: float = 0.0
    lateness: float | None = None
    status: SourceStatus = "new"
    status_since: datetime | None = None
    usual_quiet: float | None = None  # for how long it may be silent and yet be well
    reported: SourceHealth | None = None  # as those who watch it were told last


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a source is at `at`: a state of its own, so that a rule can watch it.

    `previous` is the status before, where it has changed. Shares are of the stories that it told for the first time
    lately; `lateness` is the usual time from publication to us, `quiet` since it last brought something new,
    `usual_quiet` what it may be by its own rhythm. Times in seconds.
    """

    name: str
    status: SourceStatus
    at: datetime
    since: datetime | None = None
    previous: SourceStatus | None = None
    last_success_at: datetime | None = None
    error: str | None = None
    failures: int = 0
    items: int = 0
    lateness: float | None = None
    undated: float | None = None
    duplicates: float | None = None
    quiet: float | None = None
    usual_quiet: float | None = None


class HealthEntry(msgspec.Struct, frozen=True):
    """A change of a source's health, with its position."""

    offset: int
    health: SourceHealth


class SourceHealths(Protocol):
    """Every change of every source's health that is worth a word, as a stream. Rules read it as the scored stream:

    with an offset of its own (ConsumerOffsets), entry by entry, `health.at` being its clock; the newest entry of a
    name is how that source is. So a replay over the same entries raises the same alerts.
    """

    def read_health(self, after: int, limit: int) -> list[HealthEntry]:
        """Entries behind this offset, oldest first."""
        ...


class SourceStates(Protocol):
    """State of the sources, by name."""

    def load(self, name: str) -> SourceState | None:
        """The state kept under this name."""
        ...

    def save(self, state: SourceState) -> None:
        """Durable. Saved after the documents are on the log, never before."""
        ...

    def save_all(self, states: Sequence[SourceState], changes: Sequence[SourceHealth] = ()) -> None:
        """Several at once, and with them the changes of health for those who read SourceHealths. All, or none."""
        ...

    def all(self) -> list[SourceState]:
        """Every state, by name."""
        ...


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a person and is gone. `ids` are the stories'; `scrubbed`: their bytes are gone, too."""

    ids: tuple[str, ...] = ()
    stories: int = 0
    revisions: int = 0
    waiting: int = 0
    scored: int = 0
    dead_letters: int = 0
    alerts: int = 0
    scrubbed: bool = True


class PersonalData(Protocol):
    """Removes a person. People are pseudonyms: `riskwire forget` makes them of a user name and the key."""

    def traces(self, authors: Sequence[str], ids: Sequence[str] = ()) -> Forgotten:
        """What there is of these authors, and of these stories where a pass before has them removed already.

        Changes nothing.
        """
        ...

    def forget(self, authors: Sequence[str], now: datetime, ids: Sequence[str] = ()) -> Forgotten:
        """Every story of theirs becomes one last revision without text, everywhere; of what they wrote only the ids
        are kept, so that it does not come back. Durable, and not to be undone. Raises StorageError."""
        ...


class NotificationEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The last thing said to a receiver about a group. Alerts are named `fingerprint@starts_at`."""

    receiver: str
    group_key: str
    firing: tuple[str, ...]
    resolved: tuple[str, ...]
    severity: str
    reason: str
    sent_at: datetime


class NotificationLog(Protocol):
    """What was said to whom; all that deduplication needs. Written only after the receiver took the notice."""

    def last(self, receiver: str, group_key: str) -> NotificationEntry | None:
        """The newest entry."""
        ...

    def record(self, entry: NotificationEntry) -> None:
        """Durable before returning."""
        ...


class ConsumerOffsets(Protocol):
    """How far a consumer of the scored stream has come; of another stream, when its name is `consumer:stream`."""

    def committed(self, consumer: str) -> int:
        """The last offset that was handled; 0 at first."""
        ...

    def commit(self, consumer: str, offset: int) -> None:
        """Durable; never goes back."""
        ...


class AlertStore(Protocol):
    """The alerts index: every state of every alert, newest state a (fingerprint, starts_at)."""

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """Durable; the same or an older transition is left out."""
        ...

    def list_alerts(
        self, *, status: Literal["pending", "firing", "resolved"] | None = None, limit: int = 50
    ) -> list[Alert]:
        """The newest state of each, newest first."""
        ...
