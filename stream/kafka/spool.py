"""From the local spool to Kafka. Ingest writes to the SQLite log of its own data folder, where what was accepted and
the memory of it are one transaction; from there this moves it on. Kafka may be away for days: nothing is dropped, and
the spool survives a restart. Polling goes on until `kafka.spool_documents` wait; then ingest waits, too.

The order is the guarantee: 1 read from the spool, 2 Kafka has stored it, 3 the spool may forget it. A crash between 2
and 3 sends some again: the workers know an (id, revision) that they have handled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from riskwire import metrics
from riskwire.clock import Clock
from riskwire.errors import StorageBusy, StorageError, WireError
from riskwire.log import get_logger
from riskwire.ports import AppendResult, DocumentLog, KnownStories, KnownStory, LogEntry
from riskwire.types import Document
from stream.dead_letters import dead_letter
from stream.decoding import read_document
from stream.kafka.events import Event, document_event
from stream.kafka.producer import Publisher

_log = get_logger("ingest")
#: Documents that are moved at once, and the pause when there are none.
BATCH, PAUSE = 500, 0.05
#: The first and the longest pause while Kafka is away, in seconds.
BACKOFF_FIRST, BACKOFF_MAX = 0.2, 10.0
#: Seconds between two looks at how much waits.
_CHECK_SECONDS = 1.0


class Forwarder:
    """Moves the spool's documents to the documents topic. One of it a spool."""

    def __init__(self, spool: DocumentLog, publisher: Publisher, topic: str, clock: Clock) -> None:
        self._spool, self._publisher, self._topic, self._clock = spool, publisher, topic, clock
        self.last_error: StorageError | None = None  #: why it waits; None when all is well

    def move(self) -> int:
        """One batch; how many that were. Raises StorageError: they are still in the spool."""
        entries = self._spool.read(BATCH)
        if not entries:
            return 0
        self._publisher.send(self._topic, self._events(entries))
        self._spool.ack(entries[-1].offset)
        return len(entries)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set, and then until the spool is empty or Kafka fails: what is left, the next start moves."""
        pause = BACKOFF_FIRST
        while True:
            try:
                moved = await asyncio.to_thread(self.move)
                self.last_error, pause = None, BACKOFF_FIRST
                if moved:
                    continue
                if stop.is_set():
                    return
                wait = PAUSE
            except StorageError as error:
                if stop.is_set():
                    _log.warning("stopped while Kafka fails; the rest waits in the spool", error=str(error))
                    return
                if self.last_error is None:
                    _log.error("Kafka fails; stories wait in the spool, nothing is lost", error=str(error))
                self.last_error = error
                wait, pause = pause, min(pause * 2, BACKOFF_MAX)
            metrics.queue_depth.set(await asyncio.to_thread(self._spool.depth))
            try:
                async with asyncio.timeout(wait):
                    await stop.wait()
            except TimeoutError:
                continue

    def _events(self, entries: Sequence[LogEntry]) -> list[Event]:
        events, failed = [], []
        for entry in entries:
            try:
                events.append(document_event(read_document(entry.value), entry.value))
            except WireError as error:
                # Ingest writes no such thing; a file that was tampered with may hold it, and must not block the rest.
                failed.append(
                    dead_letter(entry.value, key=entry.key, stage="ingest", error=error, failed_at=self._clock.now())
                )
        if failed:
            self._spool.dead_letter(failed)
        return events


class BoundedSpool:
    """The spool as ingest sees it: a DocumentLog that takes no more while `most` documents wait.

    Loop, streams and webhook all wait for a log that raises StorageError, and so keep their places at the sources.
    """

    def __init__(self, log: DocumentLog, most: int) -> None:
        self._log, self._most = log, most
        self._checked, self._is_full = -_CHECK_SECONDS, False
        self.read, self.ack, self.dead_letter, self.depth = log.read, log.ack, log.dead_letter, log.depth

    def append(self, documents: Sequence[Document]) -> AppendResult:
        """See DocumentLog.append. Raises StorageBusy while the spool is full."""
        # To count at every append would cost more than the append; the bound need not be exact.
        if (now := time.monotonic()) - self._checked >= _CHECK_SECONDS:
            self._checked, self._is_full = now, self._log.depth() >= self._most
        if self._is_full:
            raise StorageBusy(
                f"{self._most} documents wait for Kafka already; ingest waits, too",
                about="kafka.spool_documents",
                hint="See why Kafka is away: `riskwire topics status`.",
            )
        return self._log.append(documents)


class KnownAnywhere:
    """KnownStories of an ingest process: its own memory first, and of what that does not know the index's.

    A new data folder, or a second ingest process, so goes on with the revisions that the index holds. Raises
    StorageError while the index is away: ingest waits and asks again, rather than take a correction for news.
    """

    def __init__(self, memory: KnownStories, index: KnownStories) -> None:
        self._memory, self._index = memory, index

    def by_id(self, ids: Sequence[str]) -> dict[str, KnownStory]:
        """See KnownStories.by_id."""
        known = self._memory.by_id(ids)
        missing = [one for one in ids if one not in known]
        return {**self._index.by_id(missing), **known} if missing else known

    def by_link(self, publisher: str, links: Sequence[str]) -> dict[str, KnownStory]:
        """See KnownStories.by_link."""
        known = self._memory.by_link(publisher, links)
        missing = [one for one in links if one not in known]
        return {**self._index.by_link(publisher, missing), **known} if missing else known

    def by_author(self, author: str) -> list[KnownStory]:
        """See KnownStories.by_author."""
        own = self._memory.by_author(author)
        others = self._index.by_author(author)
        # One that is known here and not among its author's any more is removed; the index may not have heard of it.
        known = self._memory.by_id([one.id for one in others])
        return sorted([*own, *(one for one in others if one.id not in known)], key=lambda story: story.id)
