"""The scored topic as a ScoredStream, and the consumers' offsets.

The port's offset is one number; Kafka has one a partition. The number is their sum: a reader that has read up to
`places` (the next offset of each partition) stands at `sum(places)`, which only grows as it reads. To come back to a
number this object remembers the places behind those it gave out, and Kafka keeps those that were committed. Between
two remembered places it reads by the same path each time: never beyond the later one's in any partition.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from riskwire import wire
from riskwire.errors import StorageError, WireError
from riskwire.log import get_logger
from riskwire.ports import ScoredEntry
from riskwire.settings import KafkaSettings
from riskwire.types import ScoredDocument
from stream.kafka.admin import open_reader
from stream.kafka.connection import asking, client_options
from stream.kafka.events import document_event, seen_at
from stream.kafka.producer import Publisher
from stream.topics import topics

T = TypeVar("T")
Places = dict[int, int]  # partition → the offset to read next
_log = get_logger("scored")

#: Places that are remembered at most; the oldest go first.
_REMEMBERED = 50_000
#: How long one fetch waits for a partition that has messages to send them.
_POLL_MS = 250
#: So many fetches in a row may bring nothing, before what is at hand has to do.
_PATIENCE = 4
#: Seconds that the broker's clock may be behind ours.
_SKEW = 60.0


class KafkaScoredStream:
    """ScoredStream. Safe from several threads, one at a time; close it."""

    def __init__(self, settings: KafkaSettings, publisher: Publisher) -> None:
        self._settings, self._publisher = settings, publisher
        self._topic = topics(settings).scored.name
        self._lock = threading.RLock()
        self._consumer: Any = None
        self._buffers: dict[int, deque[tuple[datetime, Any]]] = {}  # seen when, and the message
        self._numbers: list[int] = []  # those whose places are remembered, sorted
        self._places: dict[int, Places] = {}

    def publish(self, documents: Sequence[ScoredDocument]) -> None:
        """See ScoredStream.publish."""
        self._publisher.send(self._topic, [document_event(document) for document in documents])

    def read(self, after: int, limit: int) -> list[ScoredEntry]:
        """See ScoredStream.read."""

        def walk(consumer: Any) -> list[ScoredEntry]:
            begins, ends = self._bounds(consumer)
            at = self._find(after, begins)
            self._fill(consumer, at, ends, limit)
            entries: list[ScoredEntry] = []
            while len(entries) < limit and (partition := self._next(at)) is not None:
                _, record = self._buffers[partition].popleft()
                at[partition] = record.offset + 1
                number = self.remember(at)
                try:
                    entries.append(ScoredEntry(number, wire.decode(record.value, ScoredDocument)))
                except WireError as error:
                    place = f"{partition}:{record.offset}"
                    _log.warning("left out what is no scored story", place=place, error=str(error))
            return entries

        return self._ask(walk) if limit > 0 else []

    def offset_before(self, then: datetime) -> int:
        """See ScoredStream.offset_before. Kafka knows when it got a message, which is not before its story was seen:
        from there it is not far."""

        def ask(consumer: Any) -> int:
            _, ends = self._bounds(consumer)
            millis = max(int((then.timestamp() - _SKEW) * 1000), 0)
            found = consumer.offsets_for_times({TopicPartition(self._topic, p): millis for p in ends})
            places = dict(ends)
            for partition, end in ends.items():
                first = found.get(TopicPartition(self._topic, partition))
                if first is not None:
                    places[partition] = self._first_seen(consumer, partition, first.offset, end, then)
            self._buffers.clear()  # the consumer stands elsewhere
            return self.remember(places)

        return self._ask(ask)

    def end(self) -> int:
        """See ScoredStream.end."""
        return self._ask(lambda consumer: self.remember(self._bounds(consumer)[1]))

    def remember(self, places: Mapping[int, int]) -> int:
        """The number of these places; from now on it leads back to them."""
        with self._lock:
            number = sum(places.values())
            if number not in self._places:
                self._numbers.insert(bisect_right(self._numbers, number), number)
                if len(self._numbers) > _REMEMBERED:
                    del self._places[self._numbers.pop(0)]
            self._places[number] = dict(places)
            return number

    def places(self, number: int) -> Places | None:
        """What is remembered of this number."""
        with self._lock:
            places = self._places.get(number)
            return dict(places) if places is not None else None

    def close(self) -> None:
        """Let the connection go."""
        with self._lock:
            self._drop()

    def _first_seen(self, consumer: Any, partition: int, start: int, end: int, then: datetime) -> int:
        """The offset of the first message of a partition whose story was seen at or after `then`."""
        place = TopicPartition(self._topic, partition)
        others = [other for other in consumer.assignment() if other != place]
        consumer.pause(*others)
        try:
            consumer.seek(place, start)
            while consumer.position(place) < end:
                for record in consumer.poll(timeout_ms=_POLL_MS).get(place, ()):
                    if record.offset >= end:
                        return end
                    if _seen(record) >= then:
                        return int(record.offset)
            return end
        finally:
            consumer.resume(*others)

    def _fill(self, consumer: Any, at: Places, ends: Places, limit: int) -> None:
        """Have at least `limit` messages behind `at` at hand, or all there are."""
        for partition, offset in at.items():
            buffer = self._buffers.setdefault(partition, deque())
            if buffer and buffer[0][1].offset != offset:
                buffer.clear()
            place = TopicPartition(self._topic, partition)
            if not buffer and consumer.position(place) != offset:
                consumer.seek(place, offset)

        def missing() -> bool:
            # A partition with nothing at hand might hold the oldest: each is waited for.
            behind = [p for p in at if (self._buffers[p][-1][1].offset + 1 if self._buffers[p] else at[p]) < ends[p]]
            return any(not self._buffers[p] for p in behind) or (
                bool(behind) and sum(map(len, self._buffers.values())) < limit
            )

        patience = _PATIENCE
        while patience and missing():
            polled = consumer.poll(timeout_ms=_POLL_MS)
            patience -= not polled
            for place, records in polled.items():
                self._buffers[place.partition].extend((_seen(record), record) for record in records)

    def _next(self, at: Places) -> int | None:
        """The partition whose message comes next: the one seen first, on the way to the next remembered places."""
        later = self._next_remembered(sum(at.values()))
        candidates = [
            (buffer[0][0], partition)
            for partition, buffer in self._buffers.items()
            if buffer and (later is None or at[partition] < later.get(partition, at[partition] + 1))
        ]
        return min(candidates)[1] if candidates else None

    def _find(self, after: int, begins: Places) -> Places:
        """The places of this number: those remembered, else the ones below them that come nearest."""
        known = self.places(after)
        if known is None:
            later = self._next_remembered(after)
            known = dict(begins) if later is None or after <= sum(begins.values()) else dict(later)
            too_far = sum(known.values()) - after
            for partition in sorted(known, key=lambda p: known[p] - begins.get(p, 0), reverse=True):
                back = min(max(known[partition] - begins.get(partition, 0), 0), max(too_far, 0))
                known[partition] -= back
                too_far -= back
        return {p: max(known.get(p, begin), begin) for p, begin in begins.items()}

    def _next_remembered(self, number: int) -> Places | None:
        with self._lock:
            place = bisect_right(self._numbers, number)
            return self._places[self._numbers[place]] if place < len(self._numbers) else None

    def _bounds(self, consumer: Any) -> tuple[Places, Places]:
        places = list(consumer.assignment())
        begins, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
        return {p.partition: o for p, o in begins.items()}, {p.partition: o for p, o in ends.items()}

    def _ask(self, question: Callable[[Any], T]) -> T:
        with self._lock:
            try:
                return asking("does not answer", lambda: question(self._open()), self._settings)
            except StorageError:
                self._drop()
                raise

    def _open(self) -> Any:
        if self._consumer is None:
            consumer = open_reader(self._settings, "scored", max_poll_records=2_000, fetch_max_wait_ms=100)
            numbers = consumer.partitions_for_topic(self._topic)
            if not numbers:
                consumer.close()
                raise StorageError("is not there", about=f"topic {self._topic}", hint="Call `riskwire topics init`.")
            consumer.assign([TopicPartition(self._topic, number) for number in sorted(numbers)])
            self._consumer, self._buffers = consumer, {}
        return self._consumer

    def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()


def _seen(record: Any) -> datetime:
    return seen_at(record.headers) or datetime.fromtimestamp(record.timestamp / 1000, UTC)


class KafkaOffsets:
    """ConsumerOffsets: Kafka's own, of one group for each consumer of the scored topic. Close it."""

    def __init__(self, settings: KafkaSettings, stream: KafkaScoredStream) -> None:
        self._settings, self._stream = settings, stream
        self._topics = topics(settings)
        self._lock = threading.Lock()
        self._kafka: dict[str, Any] = {}

    def committed(self, consumer: str) -> int:
        """See ConsumerOffsets.committed."""
        places = self._ask(consumer, self._committed)
        return self._stream.remember(places) if any(places.values()) else 0

    def commit(self, consumer: str, offset: int) -> None:
        """See ConsumerOffsets.commit. Only places that this process has read, or was told of, can be committed."""
        name = self._topics.scored.name

        def go(kafka: Any) -> None:
            before = self._committed(kafka)
            # In a single partition the number is the place.
            places = self._stream.places(offset) or (dict.fromkeys(before, offset) if len(before) == 1 else None)
            if places is None or offset <= sum(before.values()):
                return
            kafka.commit(
                {
                    TopicPartition(name, partition): OffsetAndMetadata(next_, "", -1)
                    for partition, next_ in places.items()
                }
            )

        self._ask(consumer, go)

    def close(self) -> None:
        """Let the connections go."""
        with self._lock:
            while self._kafka:
                self._kafka.popitem()[1].close()

    def _committed(self, kafka: Any) -> Places:
        name = self._topics.scored.name
        return {
            number: kafka.committed(TopicPartition(name, number)) or 0
            for number in sorted(kafka.partitions_for_topic(name) or ())
        }

    def _ask(self, consumer: str, question: Callable[[Any], T]) -> T:
        def ask() -> T:
            if consumer not in self._kafka:
                self._kafka[consumer] = KafkaConsumer(
                    **client_options(self._settings, consumer),
                    group_id=self._topics.group(consumer),
                    enable_auto_commit=False,
                    allow_auto_create_topics=False,
                    metrics_enabled=False,
                )
            return question(self._kafka[consumer])

        with self._lock:
            try:
                return asking("does not answer", ask, self._settings)
            except StorageError:
                if (broken := self._kafka.pop(consumer, None)) is not None:
                    broken.close()
                raise
