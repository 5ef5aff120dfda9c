"""The processor of the one-machine setting: log → scorer → scored stream, index, ack, in one asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from riskwire import metrics, wire
from riskwire.clock import Clock
from riskwire.closing import Closing
from riskwire.errors import StorageError, WireError
from riskwire.log import get_logger
from riskwire.ports import DocumentLog, Index, Linker, LogEntry, ScoredStream, Scorer
from riskwire.settings import StreamSettings
from riskwire.types import Document, FailedMessage, ScoredDocument
from stream.batching import still_needed
from stream.dead_letters import dead_letter, refusals
from stream.decoding import read_document
from stream.removal import without_removed
from stream.scoring import ENGLISH_ONLY, score_documents

T = TypeVar("T")
_log = get_logger("stream")

#: Seconds between two tries of a failing storage: the first pause, and the longest.
BACKOFF_FIRST, BACKOFF_MAX = 0.1, 10.0
#: After so many failures of one step `drain` gives up: a command must end, a server must wait.
DRAIN_TRIES = 5


class Stopped(Exception):
    """The processor was told to stop while the storage failed. Nothing was acknowledged."""


class Processor(Closing):
    """Takes documents from the log until it is told to stop. Close it, or use it in a `with`.

    `languages` are those that the model knows.

    Two threads of its own do what would block the event loop: one the model, one the storage. `on_batch` is called in
    the loop after each batch with what was indexed (to wake who waits for it); it must not block or raise.
    """

    def __init__(
        self,
        log: DocumentLog,
        index: Index,
        scored: ScoredStream,
        scorer: Scorer,
        linker: Linker,
        clock: Clock,
        settings: StreamSettings,
        on_batch: Callable[[Sequence[ScoredDocument]], None] | None = None,
        languages: Collection[str] = ENGLISH_ONLY,
    ) -> None:
        self._languages = languages
        self._on_batch = on_batch
        self._log, self._index, self._scored = log, index, scored
        self._scorer, self._linker, self._clock, self._settings = scorer, linker, clock, settings
        self._model = ThreadPoolExecutor(1, thread_name_prefix="riskwire-model")
        self._storage = ThreadPoolExecutor(1, thread_name_prefix="riskwire-storage")
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.last_error: StorageError | None = None  #: why it waits; None when all is well

    def notify(self) -> None:
        """New documents are on the log: look now. Safe from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake.set)

    async def run(self, stop: asyncio.Event) -> None:
        """Process until `stop` is set; the batch in hand is finished first.

        Raises ModelError when the model can't be used. A failing storage is tried again, for as long as it takes.
        """
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()  # a new one for each run: an event belongs to the loop that waits for it
        try:
            while not stop.is_set():
                if not await self._batch(stop):
                    await self._pause(stop, self._settings.poll_interval)
        except Stopped:
            _log.warning("stopped while the storage failed", error=str(self.last_error))
        finally:
            self._loop = None

    async def drain(self, progress: Callable[[int], None] | None = None, stop: asyncio.Event | None = None) -> int:
        """Process until the log is empty, and answer how many entries that were. `progress` is told each batch's.

        Raises StorageError when the storage still fails after some tries.
        """
        stop = stop or asyncio.Event()
        total = 0
        try:
            while not stop.is_set() and (done := await self._batch(stop, patience=DRAIN_TRIES)):
                total += done
                if progress is not None:
                    progress(done)
        except Stopped:
            _log.warning("stopped while the storage failed", error=str(self.last_error))
        return total

    def close(self) -> None:
        """End the threads, when what they do is done."""
        self._model.shutdown()
        self._storage.shutdown()

    async def _batch(self, stop: asyncio.Event, patience: int | None = None) -> int:
        """One batch from the log to the index; how many entries it had.

        The order of the steps is the promise (design, promise 1): what the index holds was published, and what was
        acknowledged is in the index. A crash between two of them repeats work and loses none.
        """

        async def sure(step: Callable[[], T]) -> T:
            return await self._until_done(step, stop, patience)

        entries = await sure(lambda: self._log.read(self._settings.batch_size))
        if not entries:
            return 0
        documents, failed = self._decoded(entries)
        held = await sure(lambda: self._index.held([document.id for document in documents]))
        needed = still_needed(documents, held)
        if removed := {document.id for document in needed if document.removed}:
            stories_held = await sure(lambda: {one: story for one in removed if (story := self._index.get(one))})
            needed = without_removed(needed, stories_held)
        stories, unwritable = self._writable(await self._score(needed))
        failed += unwritable
        # 0 Poison is put aside first: it is never in the index, so this is the only place that has it.
        if failed:
            await sure(lambda: self._log.dead_letter(failed))
        if stories:
            # 1 Scored stream: consumers get at least what the index will hold.
            await sure(lambda: self._scored.publish(stories))
            # 2 Index: by id and revision, so that a repetition changes nothing.
            result = await sure(lambda: self._index.put(stories))
            if result.refused:
                refused = refusals(stories, result.refused, self._clock.now())
                await sure(lambda: self._log.dead_letter(refused))
                failed += refused
        # 3 Ack: only now may the log forget.
        await sure(lambda: self._log.ack(entries[-1].offset))
        await self._count(documents, stories, failed)
        if self._on_batch is not None:
            self._on_batch(stories)
        return len(entries)

    def _decoded(self, entries: Sequence[LogEntry]) -> tuple[list[Document], list[FailedMessage]]:
        documents: list[Document] = []
        failed: list[FailedMessage] = []
        for entry in entries:
            try:
                documents.append(read_document(entry.value))
            except WireError as error:
                failed.append(self._dead(entry.value, entry.key, error))
        return documents, failed

    def _writable(self, stories: list[ScoredDocument]) -> tuple[list[ScoredDocument], list[FailedMessage]]:
        good: list[ScoredDocument] = []
        failed: list[FailedMessage] = []
        for story in stories:
            try:
                wire.encode(story)
                good.append(story)
            except WireError as error:
                failed.append(self._dead(repr(story).encode("utf-8", "backslashreplace"), story.id, error))
        return good, failed

    def _dead(self, value: bytes, key: str, error: WireError) -> FailedMessage:
        _log.warning("dead letter", key=key, error=str(error))
        return dead_letter(value, key=key, stage="stream", error=error, failed_at=self._clock.now())

    async def _score(self, documents: list[Document]) -> list[ScoredDocument]:
        if not documents:
            return []
        started = time.perf_counter()
        stories = await asyncio.get_running_loop().run_in_executor(
            self._model, score_documents, documents, self._scorer, self._linker, self._clock.now(), self._languages
        )
        metrics.model_seconds.observe(time.perf_counter() - started)
        return stories

    async def _until_done(self, step: Callable[[], T], stop: asyncio.Event, patience: int | None) -> T:
        """The step's answer, however often the storage fails before; with `patience`, after so many tries its error."""
        pause, tries = BACKOFF_FIRST, 0
        while True:
            try:
                answer = await asyncio.get_running_loop().run_in_executor(self._storage, step)
                self.last_error = None
                return answer
            except StorageError as error:
                tries += 1
                if patience is not None and tries >= patience:
                    raise
                if self.last_error is None:
                    _log.error("the storage fails; trying again, nothing is lost", error=str(error))
                self.last_error = error
            if await self._pause(stop, pause, woken=False):
                raise Stopped
            pause = min(pause * 2, BACKOFF_MAX)

    async def _pause(self, stop: asyncio.Event, seconds: float, *, woken: bool = True) -> bool:
        """Wait so long, or until there is something to do. True when it is time to stop."""
        waits = [asyncio.ensure_future(stop.wait())]
        if woken:
            waits.append(asyncio.ensure_future(self._wake.wait()))
        _, pending = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        self._wake.clear()
        return stop.is_set()

    async def _count(
        self, documents: list[Document], stories: list[ScoredDocument], failed: list[FailedMessage]
    ) -> None:
        now = self._clock.now()
        for story in stories:
            metrics.documents.labels(story.source, story.status).inc()
            if story.origin in ("live", "webhook"):  # of others, seen_at is no time of arrival
                metrics.indexed_latency.observe(max((now - story.seen_at).total_seconds(), 0.0))
        handled = {(story.id, story.revision) for story in stories}
        for document in documents:
            if (document.id, document.revision) not in handled:
                metrics.documents.labels(document.source, "duplicate").inc()
        if failed:
            metrics.documents.labels("", "dead").inc(len(failed))
        with contextlib.suppress(StorageError):  # a figure is not worth stopping for
            loop = asyncio.get_running_loop()
            metrics.queue_depth.set(await loop.run_in_executor(self._storage, self._log.depth))
