"""The one table of topics: names, keys, partitions, retention, sizes. They are made by `riskwire topics init` alone.

Documents and scored stories are keyed by id, so that the revisions of a story stay in order, and are never compacted:
what was known then can be read again. A message is JSON by `riskwire.wire` with CloudEvents headers
(`stream.kafka.events`), never pickle, never a Python path.
"""

from __future__ import annotations

import msgspec

from riskwire.settings import KafkaSettings

#: The largest message of documents, scored stories and alerts, and of dead letters, which carry one in base64.
MESSAGE_BYTES = 1024 * 1024
DEAD_LETTER_BYTES = 2 * 1024 * 1024
_DAY_MS = 24 * 3600 * 1000
#: Dead letters are looked at by people, and people are on holiday.
_DEAD_LETTER_DAYS = 30.0


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic as it is to be."""

    name: str
    key: str  # what its messages are keyed by, for those who read the table
    partitions: int
    replication: int
    retention_days: float
    max_bytes: int

    def configuration(self) -> dict[str, str]:
        """Its settings at the broker."""
        return {
            "cleanup.policy": "delete",  # never compacted
            "retention.ms": str(int(self.retention_days * _DAY_MS)),
            "max.message.bytes": str(self.max_bytes),
            # Where there are three copies, a message counts as stored once two have it.
            "min.insync.replicas": str(max(1, self.replication - 1)),
            # The retention counts from when Kafka has a message, not from its story's time: one that had to wait in a
            # spool for longer than that, or the removal of an old story, would be deleted before anyone has read it.
            "message.timestamp.type": "LogAppendTime",
        }


class Topics(msgspec.Struct, frozen=True):
    """The four topics, and the names of the groups that read them."""

    documents: Topic
    scored: Topic
    alerts: Topic
    dead_letter: Topic
    prefix: str

    @property
    def workers(self) -> str:
        """The group of the stream workers."""
        return f"{self.prefix}.stream"

    def group(self, consumer: str) -> str:
        """The group of another consumer (`alerts`)."""
        return f"{self.prefix}.{consumer}"

    def all(self) -> tuple[Topic, ...]:
        """In the order of a story's way."""
        return self.documents, self.scored, self.alerts, self.dead_letter


def topics(settings: KafkaSettings) -> Topics:
    """The table under these settings."""

    def topic(name: str, key: str, *, partitions: int = settings.partitions, days: float, size: int) -> Topic:
        return Topic(
            name=f"{settings.prefix}.{name}",
            key=key,
            partitions=partitions,
            replication=settings.replication,
            retention_days=days,
            max_bytes=size,
        )

    days = settings.retention_days
    return Topics(
        documents=topic("documents", "document id", days=days, size=MESSAGE_BYTES),
        scored=topic("scored", "document id", days=days, size=MESSAGE_BYTES),
        # One partition: few, and their states are read in order.
        alerts=topic("alerts", "fingerprint", partitions=1, days=days, size=MESSAGE_BYTES),
        dead_letter=topic(
            "dead-letter", "key of the message", partitions=1, days=_DEAD_LETTER_DAYS, size=DEAD_LETTER_BYTES
        ),
        prefix=settings.prefix,
    )
