"""DocumentLog on Kafka, for a reader that is alone: a spool in front, one consumer of all partitions behind.

The workers do not read through it (`stream.worker` shares partitions and acknowledges out of a pipeline); it is what
`riskwire backfill --via-kafka` appends to, and what the contract suite holds Kafka against. An offset is the number of
messages that were read before, over all partitions, so that it goes on after everything was acknowledged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from riskwire.clock import Clock, SystemClock
from riskwire.ports import AppendResult, KnownStories, LogEntry
from riskwire.settings import KafkaSettings
from riskwire.types import Document, FailedMessage
from stream.kafka.admin import Cluster
from stream.kafka.connection import asking, client_options
from stream.kafka.dead_letters import DeadLetters
from stream.kafka.producer import Publisher
from stream.kafka.spool import Forwarder
from stream.sqlite.log import SqliteLog
from stream.topics import topics


class _Read(NamedTuple):
    entry: LogEntry
    place: TopicPartition
    next: int  # the offset in its partition to go on from


class KafkaLog:
    """DocumentLog and, by its spool, KnownStories. Close it."""

    def __init__(
        self,
        settings: KafkaSettings,
        spool: SqliteLog,
        publisher: Publisher,
        *,
        known: KnownStories | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings, self._spool = settings, spool
        self._topics = topics(settings)
        self._forwarder = Forwarder(spool, publisher, self._topics.documents.name, clock or SystemClock())
        self._letters = DeadLetters(settings, publisher)
        self._known = known or spool
        self._consumer: Any = None
        self._ends: dict[TopicPartition, int] = {}
        self._count = 0
        self._waiting: deque[_Read] = deque()

    def append(self, documents: Sequence[Document]) -> AppendResult:
        """See DocumentLog.append: durable in the spool, then in Kafka."""
        result = self._spool.append(documents)
        while self._forwarder.move():
            pass
        return result

    def read(self, limit: int) -> list[LogEntry]:
        """See DocumentLog.read."""

        def fill() -> None:
            consumer = self._open()
            self._ends = consumer.end_offsets(list(consumer.assignment()))
            while len(self._waiting) < limit and any(consumer.position(p) < end for p, end in self._ends.items()):
                for place, records in consumer.poll(timeout_ms=500).items():
                    for record in records:
                        self._count += 1
                        entry = LogEntry(self._count, (record.key or b"").decode("utf-8", "replace"), record.value)
                        self._waiting.append(_Read(entry, place, record.offset + 1))

        if len(self._waiting) < limit:
            asking("does not answer", fill, self._settings)
        return [one.entry for one, _ in zip(self._waiting, range(limit), strict=False)]

    def ack(self, through: int) -> None:
        """See DocumentLog.ack."""
        done: dict[TopicPartition, OffsetAndMetadata] = {}
        while self._waiting and self._waiting[0].entry.offset <= through:
            one = self._waiting.popleft()
            done[one.place] = OffsetAndMetadata(one.next, "", -1)
        if done:
            asking("does not take an offset", lambda: self._open().commit(done), self._settings)

    def dead_letter(self, failed: Sequence[FailedMessage]) -> None:
        """See DocumentLog.dead_letter."""
        self._letters.keep(failed)

    def depth(self) -> int:
        """See DocumentLog.depth."""
        lags = Cluster(self._settings).lags(self._topics.documents.name, self._topics.workers) or {}
        return self._spool.depth() + sum(lag.waiting for lag in lags.values())

    def by_id(self, ids: Sequence[str]) -> Any:
        """See KnownStories.by_id."""
        return self._known.by_id(ids)

    def by_link(self, publisher: str, links: Sequence[str]) -> Any:
        """See KnownStories.by_link."""
        return self._known.by_link(publisher, links)

    def by_author(self, author: str) -> Any:
        """See KnownStories.by_author."""
        return self._known.by_author(author)

    def close(self) -> None:
        """Leave what was not acknowledged to the next."""
        if self._consumer is not None:
            self._consumer.close()

    def _open(self) -> Any:
        if self._consumer is None:
            consumer = KafkaConsumer(
                **client_options(self._settings, "log"),
                group_id=self._topics.workers,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            name = self._topics.documents.name
            places = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name) or ())]
            consumer.assign(places)
            # Every acknowledged message counts: so no offset comes twice.
            self._count = sum(consumer.committed(place) or 0 for place in places)
            self._consumer = consumer
        return self._consumer
