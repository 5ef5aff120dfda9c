"""The in-memory twins of every port, for tests and for trying things out. They ship, and pass the contract suites.

    MemoryLog          DocumentLog, KnownStories, SourceStates
    MemoryIndex        Index, ScoredStream, AlertStore, NotificationLog, ConsumerOffsets
    KeywordScorer      Scorer: a handful of words instead of a model
    RecordingNotifier  Notifier: keeps what it was told, fails as scripted

Their searches are plain loops over everything: what the real ones must equal. Safe from several threads.
"""

from __future__ import annotations

import base64
import math
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from riskwire import wire
from riskwire.companies import company_sentiments
from riskwire.errors import NotifyError, ScoringError, UsageError
from riskwire.identity import author_of, canonical_link
from riskwire.movers import compared
from riskwire.ports import (
    AppendResult,
    HealthEntry,
    IndexResult,
    KnownStory,
    LogEntry,
    Mover,
    NotificationEntry,
    ScoredEntry,
    SearchPage,
    SearchQuery,
    SentimentBucket,
    SourceCount,
    SourceHealth,
    SourceState,
)
from riskwire.removal import emptied
from riskwire.types import (
    Alert,
    AlertStatus,
    Document,
    EntityMention,
    FailedMessage,
    ModelRef,
    Notification,
    ScoredDocument,
    Sentiment,
    SentimentLabel,
    TextScore,
)


class MemoryLog:
    """DocumentLog, KnownStories and SourceStates in memory. `dead_letters` is what was kept there."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: list[LogEntry] = []
        self._next = 1
        self._known: dict[str, tuple[str, KnownStory]] = {}
        self._authors: dict[str, str | None] = {}
        self._states: dict[str, SourceState] = {}
        self._health: list[HealthEntry] = []
        self.dead_letters: list[FailedMessage] = []

    def append(self, documents: Sequence[Document]) -> AppendResult:
        """See DocumentLog.append."""
        encoded = [(document, wire.encode(document)) for document in documents]
        appended = 0
        with self._lock:
            for document, value in encoded:
                known = self._known.get(document.id)
                if known is not None and known[1].revision >= document.revision:
                    continue
                story = KnownStory(document.id, document.revision, document.content_hash, canonical_link(document.link))
                self._known[document.id] = (document.publisher, story)
                self._authors[document.id] = author_of(document)
                self.append_raw(document.id, value)
                appended += 1
        return AppendResult(appended, len(documents) - appended)

    def append_raw(self, key: str, value: bytes) -> None:
        """Put bytes on the log as they are: for poison."""
        with self._lock:
            self._entries.append(LogEntry(self._next, key, value))
            self._next += 1

    def read(self, limit: int) -> list[LogEntry]:
        """See DocumentLog.read."""
        with self._lock:
            return self._entries[:limit]

    def ack(self, through: int) -> None:
        """See DocumentLog.ack."""
        with self._lock:
            self._entries = [entry for entry in self._entries if entry.offset > through]

    def dead_letter(self, failed: Sequence[FailedMessage]) -> None:
        """See DocumentLog.dead_letter. The same message (stage, key, sha256) is kept once."""
        with self._lock:
            for message in failed:
                kept = {(one.stage, one.key, one.value_sha256) for one in self.dead_letters}
                if (message.stage, message.key, message.value_sha256) not in kept:
                    self.dead_letters.append(message)

    def depth(self) -> int:
        """See DocumentLog.depth."""
        return len(self._entries)

    def by_id(self, ids: Sequence[str]) -> dict[str, KnownStory]:
        """See KnownStories.by_id."""
        with self._lock:
            return {one: self._known[one][1] for one in ids if one in self._known}

    def by_link(self, publisher: str, links: Sequence[str]) -> dict[str, KnownStory]:
        """See KnownStories.by_link."""
        wanted = set(links)
        with self._lock:
            return {
                story.link: story
                for whose, story in self._known.values()
                if whose == publisher and story.link is not None and story.link in wanted
            }

    def by_author(self, author: str) -> list[KnownStory]:
        """See KnownStories.by_author."""
        with self._lock:
            return [self._known[one][1] for one, whose in sorted(self._authors.items()) if whose == author]

    def load(self, name: str) -> SourceState | None:
        """See SourceStates.load."""
        return self._states.get(name)

    def save(self, state: SourceState) -> None:
        """See SourceStates.save."""
        self._states[state.name] = state

    def save_all(self, states: Sequence[SourceState], changes: Sequence[SourceHealth] = ()) -> None:
        """See SourceStates.save_all."""
        with self._lock:
            for state in states:
                self.save(state)
            for change in changes:
                self._health.append(HealthEntry(len(self._health) + 1, change))

    def read_health(self, after: int, limit: int) -> list[HealthEntry]:
        """See SourceHealths.read_health."""
        with self._lock:
            return self._health[after : after + limit]

    def all(self) -> list[SourceState]:
        """See SourceStates.all."""
        return [self._states[name] for name in sorted(self._states)]


class MemoryIndex:
    """Index, ScoredStream, AlertStore, NotificationLog and ConsumerOffsets in memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._current: dict[str, ScoredDocument] = {}
        self._revisions: dict[str, list[ScoredDocument]] = {}
        self._stream: list[ScoredEntry] = []
        self._alerts: dict[tuple[str, datetime], Alert] = {}
        self._offsets: dict[str, int] = {}
        self.alert_states: list[Alert] = []
        self.notifications: list[NotificationEntry] = []

    # -- Index

    def put(self, documents: Sequence[ScoredDocument]) -> IndexResult:
        """See Index.put. What could not be written as JSON is refused here, too."""
        for document in documents:
            wire.encode(document)
        indexed = 0
        with self._lock:
            for document in documents:
                old = self._current.get(document.id)
                if old is not None and old.revision >= document.revision:
                    continue
                if document.status == "removed":
                    self._revisions.pop(document.id, None)
                    document = emptied(document)
                elif old is not None:
                    self._revisions.setdefault(document.id, []).append(old)
                self._current[document.id] = document
                indexed += 1
        return IndexResult(indexed, len(documents) - indexed)

    def held(self, ids: Sequence[str]) -> dict[str, int]:
        """See Index.held."""
        return {one: self._current[one].revision for one in ids if one in self._current}

    def get(self, document_id: str) -> ScoredDocument | None:
        """See Index.get."""
        return self._current.get(document_id)

    def revisions(self, document_id: str) -> list[ScoredDocument]:
        """See Index.revisions."""
        current = self._current.get(document_id)
        return [*self._revisions.get(document_id, []), *([current] if current else [])]

    def search(self, query: SearchQuery) -> SearchPage:
        """See Index.search."""
        found = self._found(query)
        if query.after is not None:
            before = _position(query.after)
            found = [document for document in found if (document.event_time, document.id) < before]
        page = found[: max(query.limit, 0)]
        return SearchPage(page, _token(page[-1]) if page and len(found) > len(page) else None)

    def count(self, query: SearchQuery) -> int:
        """See Index.count."""
        return len(self._found(query))

    def sentiment_timeline(
        self, since: datetime, until: datetime, bucket_seconds: int, symbol: str | None = None
    ) -> list[SentimentBucket]:
        """See Index.sentiment_timeline."""
        buckets: dict[int, list[tuple[float, SentimentLabel]]] = {}
        for document in self._between(since, until):
            start = math.floor(document.event_time.timestamp()) // bucket_seconds * bucket_seconds
            company = company_sentiments(document).get(symbol) if symbol else None
            if company is not None:
                buckets.setdefault(start, []).append((company.score, company.label))
            elif not symbol and document.sentiment is not None:
                buckets.setdefault(start, []).append((document.sentiment.score, document.sentiment.label))
        return [
            SentimentBucket(
                t=datetime.fromtimestamp(start, UTC),
                symbol=symbol or "",
                score=sum(score for score, _ in rows) / len(rows),
                n=len(rows),
                positive=sum(label == "positive" for _, label in rows),
                neutral=sum(label == "neutral" for _, label in rows),
                negative=sum(label == "negative" for _, label in rows),
            )
            for start, rows in sorted(buckets.items())
        ]

    def movers(self, since: datetime, until: datetime, limit: int = 10, minimum: int = 3) -> list[Mover]:
        """See Index.movers."""
        now, before = self._means(since, until), self._means(since - (until - since), since)
        return compared(now, before, minimum=minimum, limit=limit)

    def sources(self) -> list[SourceCount]:
        """See Index.sources."""
        times: dict[str, list[datetime]] = {}
        for document in self._current.values():
            times.setdefault(document.source, []).append(document.event_time)
        rows = [SourceCount(source, len(own), max(own)) for source, own in times.items()]
        return sorted(rows, key=lambda row: (-row.n, row.source))

    def _found(self, query: SearchQuery) -> list[ScoredDocument]:
        found = [document for document in list(self._current.values()) if _matches(document, query)]
        return sorted(found, key=lambda document: (document.event_time, document.id), reverse=True)

    def _between(self, since: datetime, until: datetime) -> Iterator[ScoredDocument]:
        return (one for one in list(self._current.values()) if since <= one.event_time < until)

    def _means(self, since: datetime, until: datetime) -> dict[str, tuple[float, int]]:
        scores: dict[str, list[float]] = {}
        for document in self._between(since, until):
            for symbol, company in company_sentiments(document).items():
                scores.setdefault(symbol, []).append(company.score)
        return {symbol: (sum(own) / len(own), len(own)) for symbol, own in scores.items()}

    # -- ScoredStream

    def publish(self, documents: Sequence[ScoredDocument]) -> None:
        """See ScoredStream.publish."""
        with self._lock:
            for document in documents:
                self._stream.append(ScoredEntry(len(self._stream) + 1, document))

    def read(self, after: int, limit: int) -> list[ScoredEntry]:
        """See ScoredStream.read."""
        return self._stream[max(after, 0) : max(after, 0) + limit]

    def offset_before(self, then: datetime) -> int:
        """See ScoredStream.offset_before."""
        first = next((entry.offset for entry in self._stream if entry.document.seen_at >= then), len(self._stream) + 1)
        return first - 1

    def end(self) -> int:
        """See ScoredStream.end."""
        return len(self._stream)

    # -- ConsumerOffsets

    def committed(self, consumer: str) -> int:
        """See ConsumerOffsets.committed."""
        return self._offsets.get(consumer, 0)

    def commit(self, consumer: str, offset: int) -> None:
        """See ConsumerOffsets.commit."""
        with self._lock:
            self._offsets[consumer] = max(offset, self._offsets.get(consumer, 0))

    # -- AlertStore

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """See AlertStore.put_alerts. `alert_states` keeps every state that was put."""
        with self._lock:
            for alert in alerts:
                key = (alert.fingerprint, alert.starts_at)
                if key not in self._alerts or self._alerts[key].transition < alert.transition:
                    self._alerts[key] = alert
                    self.alert_states.append(alert)

    def list_alerts(self, *, status: AlertStatus | None = None, limit: int = 50) -> list[Alert]:
        """See AlertStore.list_alerts."""
        alerts = [alert for alert in self._alerts.values() if status is None or alert.status == status]
        alerts.sort(key=lambda alert: (alert.updated_at, alert.starts_at, alert.fingerprint), reverse=True)
        return alerts[: max(limit, 0)]

    # -- NotificationLog

    def last(self, receiver: str, group_key: str) -> NotificationEntry | None:
        """See NotificationLog.last."""
        own = (one for one in reversed(self.notifications) if (one.receiver, one.group_key) == (receiver, group_key))
        return next(own, None)

    def record(self, entry: NotificationEntry) -> None:
        """See NotificationLog.record."""
        self.notifications.append(entry)


def _token(document: ScoredDocument) -> str:
    return base64.urlsafe_b64encode(f"{document.event_time.isoformat()} {document.id}".encode()).decode()


def _position(token: str) -> tuple[datetime, str]:
    try:
        when, _, document_id = base64.urlsafe_b64decode(token.encode()).decode().partition(" ")
        return datetime.fromisoformat(when), document_id
    except ValueError:
        raise UsageError("is no page of this search", about="after", hint="Start again without it.") from None


def _words(text: str) -> list[str]:
    folded = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", folded)


def _contains(words: list[str], wanted: list[str], prefix: bool) -> bool:
    for start in range(len(words) - len(wanted) + 1):
        here = words[start : start + len(wanted)]
        same_end = here[-1].startswith(wanted[-1]) if prefix else here[-1] == wanted[-1]
        if same_end and here[:-1] == wanted[:-1]:
            return True
    return False


def _matches(document: ScoredDocument, query: SearchQuery) -> bool:
    checks: list[Callable[[], bool]] = [
        lambda: query.symbol is None or query.symbol in document.symbols,
        lambda: query.source is None or document.source == query.source,
        lambda: query.source_type is None or document.source_type == query.source_type,
        lambda: query.label is None or (document.sentiment is not None and document.sentiment.label == query.label),
        lambda: query.status is None or document.status == query.status,
        lambda: query.since is None or document.event_time >= query.since,
        lambda: query.until is None or document.event_time < query.until,
        lambda: not query.text.strip() or _has_text(document, query.text),
    ]
    return all(check() for check in checks)


def _has_text(document: ScoredDocument, text: str) -> bool:
    found = re.findall(r'"([^"]*)"?|([^\s"]+)', text)
    terms = [(_words(quoted or bare), bare.endswith("*")) for quoted, bare in found if _words(quoted or bare)]
    fields = [_words(field) for field in (document.title, document.summary, document.content)]
    return bool(terms) and all(any(_contains(words, *term) for words in fields) for term in terms)


#: The words that decide, in lower case.
POSITIVE = frozenset({"beats", "gains", "profit", "rally", "record", "rises", "strong", "surges", "upgrade", "wins"})
NEGATIVE = frozenset({"bankruptcy", "crash", "crisis", "cuts", "default", "falls", "fraud", "loss", "losses", "misses"})
NEGATIVE |= {"plunges", "probe", "sues", "warns", "weak"}


class KeywordScorer:
    """A Scorer without a model: known words decide, capitalised words are companies. A mention takes the
    sentiment of the nearest keyword, the story that of most of them.

    A text that contains `fail_on` raises ScoringError, as a text does that a model chokes on, and one that is empty.
    """

    def __init__(self, fail_on: str | None = None) -> None:
        self.fail_on = fail_on
        self.calls: list[int] = []  #: the size of each batch that was scored

    @property
    def model(self) -> ModelRef:
        """Its name, and a sha256 of zeros."""
        return ModelRef(name="keywords", version="1", sha256="0" * 64)

    def current(self) -> KeywordScorer:
        """Itself: it never changes."""
        return self

    def score(self, texts: Sequence[str]) -> list[TextScore]:
        """See Scorer.score."""
        if not all(text.strip() for text in texts):
            raise ScoringError("nothing to score: a text has no words")
        if self.fail_on is not None and any(self.fail_on in text for text in texts):
            raise ScoringError("a text has the word that fails", about=self.fail_on)
        self.calls.append(len(texts))
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> TextScore:
        words = [(match.group(), match.start(), match.end()) for match in re.finditer(r"[^\W\d_][\w&.-]*\w", text)]
        keys = [(start, _sign(word)) for word, start, _ in words if _sign(word)]
        total = sum(sign for _, sign in keys)
        entities = tuple(
            EntityMention(
                entity_group="ORG",
                text=word,
                start=start,
                end=end,
                confidence=0.9,
                relevance=1.0 if index == 0 else 0.5,
                sentiment=sentiment_of(min(keys, key=lambda key: (abs(key[0] - start), key[0]))[1] if keys else 0),
            )
            for index, (word, start, end) in enumerate(words)
            if word[0].isupper() and not _sign(word)
        )
        return TextScore(sentiment=sentiment_of((total > 0) - (total < 0)), entities=entities)


def _sign(word: str) -> int:
    return (word.lower() in POSITIVE) - (word.lower() in NEGATIVE)


def sentiment_of(sign: int) -> Sentiment:
    """A Sentiment as the KeywordScorer gives it: 1 positive, 0 neutral, -1 negative."""
    label: SentimentLabel = "positive" if sign > 0 else "negative" if sign < 0 else "neutral"
    probabilities: dict[SentimentLabel, float] = {"positive": 0.05, "neutral": 0.05, "negative": 0.05}
    probabilities[label] = 0.9
    return Sentiment(label=label, confidence=0.9, probabilities=probabilities, score=0.85 * sign)


class UpperCaseLinker:
    """A Linker without a gazetteer: an organisation's symbol is its name in upper case."""

    def link(self, text: str, mentions: Sequence[EntityMention]) -> tuple[EntityMention, ...]:
        """See Linker.link."""
        return tuple(
            msgspec.structs.replace(mention, symbol=mention.text.upper())
            if mention.entity_group == "ORG"
            else msgspec.structs.replace(mention, unlinked_reason="no company")
            for mention in mentions
        )


class RecordingNotifier:
    """Keeps what it was told in `notifications`. The errors in `failures` are raised first, one a call."""

    def __init__(self, name: str = "recording", failures: Sequence[NotifyError] = ()) -> None:
        self.name = name
        self.failures = list(failures)
        self.notifications: list[Notification] = []

    async def notify(self, notification: Notification) -> None:
        """See Notifier.notify."""
        if self.failures:
            raise self.failures.pop(0)
        self.notifications.append(notification)


def a_document(number: int = 1, **fields: object) -> Document:
    """A plain Document with an id of its own made from `number`; any field may be given."""
    return msgspec.structs.replace(Document(**_fields(number)), **fields)


def a_story(number: int = 1, **fields: object) -> ScoredDocument:
    """A scored, neutral story without companies; any field may be given."""
    scored = ScoredDocument(**_fields(number), status="scored", sentiment=sentiment_of(0))
    return msgspec.structs.replace(scored, **fields)


def _fields(number: int) -> dict[str, Any]:
    then = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return {
        "id": f"{number:032x}",
        "source": "test",
        "title": f"Story number {number}",
        "seen_at": then,
        "event_time": then,
    }
