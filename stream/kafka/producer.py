"""Sending that is known to have arrived: idempotent, acks=all, a bounded number in flight, every report looked at."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import islice
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from riskwire.closing import Closing
from riskwire.errors import StorageError
from riskwire.settings import KafkaSettings
from stream.kafka.connection import ANSWER_SECONDS, client_options
from stream.kafka.events import Event
from stream.topics import DEAD_LETTER_BYTES

#: Messages that are sent before their reports are waited for: what a failing broker can make us hold.
_IN_FLIGHT = 1_000


class Publisher(Closing):
    """Sends events to topics. Safe from several threads; close it."""

    def __init__(self, settings: KafkaSettings, client: str, *, most_bytes: int = DEAD_LETTER_BYTES) -> None:
        """Connects at the first event, so that a program can start before Kafka does."""
        self._settings, self._client, self._most_bytes = settings, client, most_bytes
        self._lock = threading.Lock()
        self._producer: Any = None

    def send(self, topic: str, events: Sequence[Event]) -> None:
        """Durable at the broker, all of them, when it returns.

        Raises StorageError: some may have arrived; the caller sends all of them again. That repeats messages, and every
        reader drops an (id, revision) that it has handled.
        """
        waiting = iter(events)
        with self._lock:
            try:
                while chunk := list(islice(waiting, _IN_FLIGHT)):
                    self._send(topic, chunk)
            except (KafkaError, OSError, AssertionError) as error:
                self._drop()
                raise StorageError(
                    "does not take messages",
                    about=f"kafka {self._settings.bootstrap_servers}, topic {topic}",
                    hint="Is it running, and was `riskwire topics init` called?",
                ) from error

    def close(self) -> None:
        """Let it go. What `send` returned for is stored already."""
        with self._lock:
            self._drop()

    def _send(self, topic: str, events: Sequence[Event]) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(
                **client_options(self._settings, self._client),
                metrics_enabled=False,
                enable_idempotence=True,
                acks="all",
                linger_ms=2,
                batch_size=256 * 1024,
                max_request_size=self._most_bytes + 64 * 1024,
                max_block_ms=int(ANSWER_SECONDS * 1000),
                delivery_timeout_ms=int(2 * ANSWER_SECONDS * 1000),
                allow_auto_create_topics=False,
            )
        reports = [
            self._producer.send(topic, value=one.value, key=one.key, headers=one.headers, timestamp_ms=one.time)
            for one in events
        ]
        self._producer.flush(timeout=2 * ANSWER_SECONDS)
        for report in reports:
            report.get(timeout=ANSWER_SECONDS)

    def _drop(self) -> None:
        # A producer whose messages failed is not asked again: its sequence numbers may be out of step.
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=1)
