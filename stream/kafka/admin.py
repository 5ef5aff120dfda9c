"""Making the topics, and looking at them: partitions, lag, dead letters. By kafka-python's admin client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import TopicAlreadyExistsError

from riskwire.settings import KafkaSettings
from stream.kafka.connection import asking, client_options
from stream.topics import Topic, topics

T = TypeVar("T")


class TopicStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One topic as it is. `lag` is of the group that reads it; None where nobody has to."""

    name: str
    exists: bool
    partitions: int = 0
    messages: int = 0
    lag: int | None = None


class Lag(msgspec.Struct, frozen=True):
    """One partition: the group's committed offset (the beginning, where it has none) and the end."""

    committed: int
    end: int

    @property
    def waiting(self) -> int:
        """Messages that were not acknowledged."""
        return max(self.end - self.committed, 0)


class Cluster:
    """Questions to Kafka. Each opens its own connection: they are asked seldom."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._topics = topics(settings)

    def init(self) -> list[str]:
        """Make the topics that are missing; their names. What is there stays as it is. Raises StorageError."""
        made = []
        with self._admin() as admin:
            for topic in self._topics.all():
                with suppress(TopicAlreadyExistsError):
                    asking("can't make topics", partial(_create, admin, topic), self._settings)
                    made.append(topic.name)
        return made

    def status(self) -> list[TopicStatus]:
        """Every topic of the table. Raises StorageError."""
        readers = {
            self._topics.documents.name: self._topics.workers,
            self._topics.scored.name: self._topics.group("alerts"),
        }
        rows = []
        for topic in self._topics.all():
            lags = self.lags(topic.name, readers.get(topic.name))
            if lags is None:
                rows.append(TopicStatus(name=topic.name, exists=False))
                continue
            begins = self._beginnings(topic.name)
            rows.append(
                TopicStatus(
                    name=topic.name,
                    exists=True,
                    partitions=len(lags),
                    messages=sum(lag.end - begins.get(number, 0) for number, lag in lags.items()),
                    lag=sum(lag.waiting for lag in lags.values()) if topic.name in readers else None,
                )
            )
        return rows

    def lags(self, topic: str, group: str | None) -> dict[int, Lag] | None:
        """By partition; None where there is no such topic. Raises StorageError."""

        def ask() -> dict[int, Lag] | None:
            with self._consumer(group) as consumer:
                numbers = consumer.partitions_for_topic(topic)
                if not numbers:
                    return None
                places = [TopicPartition(topic, number) for number in sorted(numbers)]
                begins, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
                lags = {}
                for place in places:
                    committed = consumer.committed(place) if group is not None else None
                    # Retention may have passed the group by.
                    lags[place.partition] = Lag(max(committed or 0, begins[place]), ends[place])
                return lags

        return self._ask(ask)

    def first_behind(self, topic: str, partition: int, offset: int) -> int | None:
        """The offset of the first message at or behind this one; None where there is none. Raises StorageError."""

        def ask() -> int | None:
            place = TopicPartition(topic, partition)
            with self._consumer(None) as consumer:
                consumer.assign([place])
                begin, end = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
                consumer.seek(place, max(offset, begin))
                while consumer.position(place) < end:
                    for records in consumer.poll(timeout_ms=500, max_records=1).values():
                        return int(records[0].offset)
                return None

        return self._ask(ask)

    def _beginnings(self, topic: str) -> dict[int, int]:
        def ask() -> dict[int, int]:
            with self._consumer(None) as consumer:
                places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
                return {place.partition: offset for place, offset in consumer.beginning_offsets(places).items()}

        return self._ask(ask)

    def _ask(self, call: Callable[[], T]) -> T:
        return asking("does not answer", call, self._settings)

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        admin = self._ask(lambda: KafkaAdminClient(**client_options(self._settings, "admin")))
        try:
            yield admin
        finally:
            admin.close()

    @contextmanager
    def _consumer(self, group: str | None) -> Iterator[Any]:
        with reader(self._settings, "admin", group) as consumer:
            yield consumer


@contextmanager
def reader(settings: KafkaSettings, client: str, group: str | None = None) -> Iterator[Any]:
    """The same in a `with`."""
    consumer = open_reader(settings, client, group)
    try:
        yield consumer
    finally:
        consumer.close()


def read_all(consumer: Any, topic: str) -> Iterator[Any]:
    """Every message of a topic up to where it ends now, partition by partition; none where there is no topic."""
    places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    if not places:
        return
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends = consumer.end_offsets(places)
    while any(consumer.position(place) < ends[place] for place in places):
        for records in consumer.poll(timeout_ms=500).values():
            yield from records


def open_reader(settings: KafkaSettings, client: str, group: str | None = None, **more: Any) -> Any:
    """A consumer that is assigned by hand and commits nothing by itself. Raises KafkaError, OSError."""
    return KafkaConsumer(
        **client_options(settings, client),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
        metrics_enabled=False,
        **more,
    )


def _create(admin: Any, topic: Topic) -> None:
    admin.create_topics(
        {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": topic.replication,
                "configs": topic.configuration(),
            }
        },
        wait_for_metadata=True,
    )
