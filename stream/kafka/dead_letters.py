"""The dead letters' topic: written by the workers, read and given another try by `riskwire dead-letter`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from riskwire import wire
from riskwire.errors import WireError
from riskwire.settings import KafkaSettings
from riskwire.types import FailedMessage
from stream.kafka.admin import read_all, reader
from stream.kafka.connection import asking
from stream.kafka.events import Event, failed_event
from stream.kafka.producer import Publisher
from stream.topics import topics


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter with its place in the topic, by which it is named (`0:17`: partition and offset)."""

    place: str
    message: FailedMessage

    @property
    def is_whole(self) -> bool:
        """Whether all of its value was kept."""
        return len(self.message.value) == self.message.value_size


class DeadLetters:
    """The topic of what could not be processed."""

    def __init__(self, settings: KafkaSettings, publisher: Publisher) -> None:
        self._settings, self._publisher = settings, publisher
        self._topics = topics(settings)

    def keep(self, failed: Sequence[FailedMessage]) -> None:
        """Durable before it returns. Raises StorageError. The same one may be kept twice after a crash."""
        self._publisher.send(self._topics.dead_letter.name, [failed_event(one) for one in failed])

    def all(self) -> list[Letter]:
        """Oldest first, each message (stage, key, sha256) once. Raises StorageError."""
        found: dict[tuple[str, str | None, str], Letter] = {}
        for letter in asking("does not answer", lambda: list(self._read()), self._settings):
            one = letter.message
            found.setdefault((one.stage, one.key, one.value_sha256), letter)
        return list(found.values())

    def retry(self, letters: Sequence[Letter]) -> None:
        """Put their values on the documents topic again, as they came. Only whole ones. Raises StorageError."""
        events = [
            Event(
                (one.message.key or "").encode(), one.message.value, [], int(one.message.failed_at.timestamp() * 1000)
            )
            for one in letters
        ]
        self._publisher.send(self._topics.documents.name, events)

    def _read(self) -> Iterator[Letter]:
        name = self._topics.dead_letter.name
        with reader(self._settings, "dead-letter") as consumer:
            for record in read_all(consumer, name):
                try:
                    message = wire.decode(record.value, FailedMessage)
                except WireError:
                    continue  # another program's: none of ours
                yield Letter(place=f"{record.partition}:{record.offset}", message=message)
