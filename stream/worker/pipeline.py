"""The worker's stages, which overlap: while one batch is written, the next is scored and a third is decoded.

    feed ─► prepare ─► score ─► publish ─► index ─► the ledger
            decode,    model    scored     bulk,
            held                topic      some at once

The order of a batch is the promise (design, promise 1): scored topic stored, then index, and only then is it done in
the ledger, which alone says what may be committed. Storage that fails is waited for: no stage raises and nothing is
done, so nothing is committed, and `feed` takes no more. Everything that blocks runs in threads.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from riskwire import metrics
from riskwire.clock import Clock
from riskwire.errors import StorageError
from riskwire.log import get_logger
from riskwire.ports import Index, Linker, ScoredStream, Scorer
from riskwire.settings import StreamSettings
from riskwire.types import FailedMessage, ScoredDocument
from stream.dead_letters import refusals
from stream.scoring import ENGLISH_ONLY, score_documents
from stream.worker.batch import Batch, Taken, prepare, with_removals, writable
from stream.worker.ledger import Ledger

T = TypeVar("T")
_log = get_logger("stream")

#: Batches that wait before `feed` does, that are in the model at once (one is tokenised while the other runs), and
#: that are on their way into the index at once.
_WAITING, _SCORING, _INDEXING = 4, 2, 3
#: Seconds between two tries of a failing storage: the first pause, and the longest.
BACKOFF_FIRST, BACKOFF_MAX = 0.1, 5.0


class Letters(Protocol):
    """Where what can't be processed is kept."""

    def keep(self, failed: Sequence[FailedMessage]) -> None:
        """Durable before it returns. Raises StorageError."""
        ...


class Stopped(Exception):
    """The pipeline was to end while the storage failed. Nothing of these batches was done."""


class Pipeline:
    """Takes messages, and marks them done in the ledger. One run of it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        index: Index,
        scored: ScoredStream,
        letters: Letters,
        scorer: Scorer,
        linker: Linker,
        clock: Clock,
        settings: StreamSettings,
        batch_tokens: int,
        languages: Collection[str] = ENGLISH_ONLY,
    ) -> None:
        self._ledger, self._index, self._scored, self._letters = ledger, index, scored, letters
        self._scorer, self._linker, self._clock, self._settings = scorer, linker, clock, settings
        self._batch_tokens, self._languages = batch_tokens, languages
        self._inbox: deque[Taken] = deque()
        self._came, self._room, self._closing = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._prepared: asyncio.Queue[Batch | None] = asyncio.Queue(1)
        self._scoring: asyncio.Queue[asyncio.Task[Batch] | None] = asyncio.Queue(_SCORING - 1)
        self._in_hand: Counter[str] = Counter()  # the stories between `prepare` and the ledger
        self._finished = asyncio.Event()
        self._indexing: set[str] = set()
        self._free, self._indexed = asyncio.Semaphore(_INDEXING), asyncio.Condition()
        self._model = ThreadPoolExecutor(_SCORING, thread_name_prefix="riskwire-model")
        self._storage = ThreadPoolExecutor(2 + _INDEXING, thread_name_prefix="riskwire-storage")
        self._has_indexed = False
        self.last_error: StorageError | None = None  #: why it waits; None when all is well
        self.last_try = 0.0  #: when the storage was last asked, by the monotonic clock

    async def feed(self, taken: Taken) -> None:
        """Take a message in hand; waits while enough are waiting."""
        while len(self._inbox) >= _WAITING * self._settings.batch_size:
            self._room.clear()
            await self._room.wait()
        self._inbox.append(taken)
        self._came.set()

    async def run(self) -> None:
        """Until `close` was called and everything in hand is done. Raises ModelError when the model can't be used."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._prepare(), name="prepare")
                group.create_task(self._score(group), name="score")
                group.create_task(self._publish(group), name="publish")
        except* Stopped:
            _log.warning("stopped while the storage failed; nothing of it was committed", error=str(self.last_error))
        finally:
            self._model.shutdown(wait=False, cancel_futures=True)
            self._storage.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """No more will come: finish what is in hand."""
        self._closing.set()
        self._came.set()

    async def _prepare(self) -> None:
        while (batch := await self._collect()) is not None:
            work = partial(prepare, batch, self._index.held, self._clock.now())
            batch = await self._until_done(work)
            if removals := batch.removals:
                # Source, place and times are those of the story: what is on its way to the index must be there first.
                while not removals.isdisjoint(self._in_hand):
                    self._finished.clear()
                    await self._finished.wait()
                await self._until_done(partial(with_removals, batch, self._index.held, self._index.get))
            self._in_hand.update(document.id for document in batch.needed)
            await self._prepared.put(batch)
        await self._prepared.put(None)

    async def _collect(self) -> Batch | None:
        """The next batch, by number, tokens and time; None at the end."""
        while not self._inbox:
            if self._closing.is_set():
                return None
            self._came.clear()
            await self._came.wait()
        deadline = time.monotonic() + self._settings.linger
        while not self._is_full() and not self._closing.is_set() and (left := deadline - time.monotonic()) > 0:
            self._came.clear()
            try:
                async with asyncio.timeout(left):
                    await self._came.wait()
            except TimeoutError:
                break
        taken: list[Taken] = []
        tokens = 0
        while self._inbox and len(taken) < self._settings.batch_size:
            tokens += self._inbox[0].weight
            if taken and tokens > self._batch_tokens:
                break
            taken.append(self._inbox.popleft())
        self._room.set()
        return Batch(taken=taken)

    def _is_full(self) -> bool:
        waiting = len(self._inbox)
        # To weigh each at every arrival would cost more than it brings: the fewest that can fill a batch are enough.
        return waiting >= self._settings.batch_size or (
            waiting * 8 >= self._settings.batch_size and sum(one.weight for one in self._inbox) >= self._batch_tokens
        )

    async def _score(self, group: asyncio.TaskGroup) -> None:
        """Start scoring in order; how many run at once is bounded by the queue and the threads."""
        while (batch := await self._prepared.get()) is not None:
            await self._scoring.put(group.create_task(self._scored_batch(batch)))
        await self._scoring.put(None)

    async def _scored_batch(self, batch: Batch) -> Batch:
        if batch.needed:
            started = time.perf_counter()
            loop = asyncio.get_running_loop()
            stories, failed = await loop.run_in_executor(self._model, self._score_and_check, batch)
            metrics.model_seconds.observe(time.perf_counter() - started)
            batch.stories = stories
            batch.failed = [*batch.failed, *failed]
        return batch

    def _score_and_check(self, batch: Batch) -> tuple[list[ScoredDocument], list[FailedMessage]]:
        now = self._clock.now()
        return writable(score_documents(batch.needed, self._scorer, self._linker, now, self._languages), now)

    async def _publish(self, group: asyncio.TaskGroup) -> None:
        while (task := await self._scoring.get()) is not None:
            batch = await task
            if batch.failed:
                # 0 Poison is put aside first: it is never in the index, so this is the only place that has it.
                for one in batch.failed:
                    _log.warning("dead letter", key=one.key, stage=one.stage, error=one.error_message)
                await self._until_done(partial(self._letters.keep, batch.failed))
            if not batch.stories:
                self._finish(batch)
                continue
            # 1 Scored topic: consumers get at least what the index will hold.
            await self._until_done(partial(self._scored.publish, batch.stories))
            await self._free.acquire()
            ids = batch.ids
            async with self._indexed:
                # Two revisions of a story go in one after the other, so that the first is kept as a revision.
                await self._indexed.wait_for(partial(self._indexing.isdisjoint, ids))
            self._indexing.update(ids)
            group.create_task(self._put(batch, ids), name="index")

    async def _put(self, batch: Batch, ids: set[str]) -> None:
        try:
            # 2 Index: by id and revision, so that a repetition changes nothing. What it will never take is put aside.
            result = await self._until_done(partial(self._index.put, batch.stories))
            if result.refused:
                refused = refusals(batch.stories, result.refused, self._clock.now())
                batch.failed = [*batch.failed, *refused]
                await self._until_done(partial(self._letters.keep, refused))
        finally:
            self._free.release()
            async with self._indexed:
                self._indexing.difference_update(ids)
                self._indexed.notify_all()
        if not self._has_indexed:
            self._has_indexed = True
            _log.info("indexed", stories=len(batch.stories))  # the first of this process: it works
        # 3 Done: only now may the offsets be committed.
        self._finish(batch)

    def _finish(self, batch: Batch) -> None:
        self._ledger.done(taken.ticket for taken in batch.taken)
        self._in_hand -= Counter(document.id for document in batch.needed)
        self._finished.set()
        now = self._clock.now()
        for story in batch.stories:
            metrics.documents.labels(story.source, story.status).inc()
            if story.origin in ("live", "webhook"):  # of others, seen_at is no time of arrival
                metrics.indexed_latency.observe(max((now - story.seen_at).total_seconds(), 0.0))
        if duplicates := len(batch.documents) - len(batch.needed):
            metrics.documents.labels("", "duplicate").inc(duplicates)
        if batch.failed:
            metrics.documents.labels("", "dead").inc(len(batch.failed))

    async def _until_done(self, step: Callable[[], T]) -> T:
        """The step's answer, however often the storage fails before. Raises Stopped when it fails at the end."""
        pause = BACKOFF_FIRST
        loop = asyncio.get_running_loop()
        while True:
            self.last_try = time.monotonic()
            try:
                answer = await loop.run_in_executor(self._storage, step)
            except StorageError as error:
                if self.last_error is None:
                    _log.error("the storage fails; trying again, nothing is lost", error=str(error))
                self.last_error = error
            else:
                self.last_error = None
                return answer
            try:
                async with asyncio.timeout(pause):
                    await self._closing.wait()
            except TimeoutError:
                pause = min(pause * 2, BACKOFF_MAX)
            else:
                raise Stopped
