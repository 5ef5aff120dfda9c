"""The log side of the cluster setting for the contract suites, on the real broker: topics of its own for each test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from riskwire.settings import KafkaSettings
from stream.kafka.admin import Cluster
from stream.kafka.dead_letters import DeadLetters
from stream.kafka.events import Event
from stream.kafka.log import KafkaLog
from stream.kafka.producer import Publisher
from stream.kafka.scored import KafkaOffsets, KafkaScoredStream
from stream.sqlite.storage import Storage
from stream.topics import topics


class KafkaBackend:
    """`log`, `scored` and `offsets`. One partition, as the suites speak of one order."""

    def __init__(self, bootstrap_servers: str, name: str, folder: Path, *, partitions: int = 1) -> None:
        self.settings = KafkaSettings(bootstrap_servers=bootstrap_servers, prefix=name, partitions=partitions)
        self._folder = folder
        Cluster(self.settings).init()
        self._open()

    def _open(self) -> None:
        self._spool = Storage(self._folder / "spool.db")
        self.publisher = Publisher(self.settings, "test")
        self.log = KafkaLog(self.settings, self._spool.log, self.publisher)
        self.scored = KafkaScoredStream(self.settings, self.publisher)
        self.offsets = KafkaOffsets(self.settings, self.scored)

    def reopen(self) -> None:
        self.close()
        self._open()

    def dead_letters(self) -> list[Any]:
        return [letter.message for letter in DeadLetters(self.settings, self.publisher).all()]

    def poison(self, value: bytes) -> None:
        self.publisher.send(topics(self.settings).documents.name, [Event(b"poison", value, [], 0)])

    def close(self) -> None:
        self.log.close()
        self.scored.close()
        self.offsets.close()
        self.publisher.close()
        self._spool.close()
