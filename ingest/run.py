"""The loop: due → poll → decide → append → save the state. One bad source never stops another."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from ingest.base import Ingestor
from ingest.change import Decision
from ingest.feeds import Sources, active
from ingest.http import Fetcher
from ingest.intake import Intake
from ingest.mastodon import MastodonIngestor
from ingest.parse import ParserPool
from ingest.rss import RssIngestor
from ingest.schedule import after_failure, after_success, seconds_until
from riskwire import metrics
from riskwire.clock import Clock
from riskwire.errors import AddressRefused, FetchError, IngestError, StorageError
from riskwire.log import get_logger, masked
from riskwire.ports import DocumentLog, KnownStories, SourceState, SourceStates
from riskwire.settings import IngestSettings

T = TypeVar("T")
_log = get_logger("ingest")
_PER_HOST = 2
#: Pauses between two tries to store, in seconds; the last one again and again.
_RETRIES = (0.2, 1.0, 3.0, 10.0, 30.0)
#: A sleeping source looks at the clock this often, in seconds: the machine may have slept, too.
_NAP = 60.0


class FeedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one poll came to: a row of `riskwire up --once`. `new` counts stories and corrections that were accepted."""

    name: str
    outcome: Literal["ok", "not_modified", "failed", "refused"]
    entries: int = 0
    new: int = 0
    error: str | None = None


class Stopped(Exception):
    """The loop ends before this was done; nothing of it was saved."""


class IngestLoop:
    """Polls sources onto the log. The ports may block: they are called in threads."""

    def __init__(
        self,
        settings: IngestSettings,
        sources: Sources,
        log: DocumentLog,
        known: KnownStories,
        states: SourceStates,
        clock: Clock,
        run_id: str,
        *,
        author_key: bytes,
        intake: Intake | None = None,
        fetcher: Fetcher | None = None,
    ) -> None:
        """`sources` that these settings switch off are left out. `author_key` stands for social authors' names.

        Give the webhook's `intake` where there is one: the two must share its lock.
        """
        self._settings = settings
        self._sources = active(sources, settings)
        self._states = states
        self._clock = clock
        self._run_id = run_id
        self._author_key = author_key
        self._fetcher = fetcher
        self.intake = intake or Intake(log, known)
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._hosts: dict[str, asyncio.Semaphore] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Poll each source whenever it is due, until `stop` is set. Storage that fails is tried again until then."""
        async with AsyncExitStack() as stack:
            ingestors = await self._ingestors(stack)
            _log.info("started", sources=len(ingestors))
            async with asyncio.TaskGroup() as group:
                for ingestor in ingestors:
                    group.create_task(self._tend(ingestor, stop), name=f"source {ingestor.name}")
                group.create_task(stop.wait())  # a list without sources is no reason to end
        _log.info("stopped")

    async def once(self) -> list[FeedOutcome]:
        """Poll every source now, due or not, and answer for each, in their order.

        Raises StorageError when the log can't take the stories after a few tries; their sources' state is unchanged.
        """
        async with AsyncExitStack() as stack:
            ingestors = await self._ingestors(stack)
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._once(ingestor)) for ingestor in ingestors]
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None
            return [task.result() for task in tasks]

    async def _ingestors(self, stack: AsyncExitStack) -> list[Ingestor]:
        fetcher = self._fetcher or Fetcher(self._settings, clock=self._clock)
        parser = ParserPool(self._settings.parse_timeout)
        await stack.enter_async_context(parser)
        await stack.enter_async_context(fetcher)
        feeds: list[Ingestor] = [
            RssIngestor(feed, fetcher, parser, self._run_id) for feed in self._sources.feeds
        ]  # fmt: skip
        return feeds + [
            MastodonIngestor(tag, fetcher, self._author_key, self._run_id) for tag in self._sources.mastodon
        ]

    async def _once(self, ingestor: Ingestor) -> FeedOutcome:
        state = await self._load(ingestor)
        return await self._poll(ingestor, state, None)

    async def _tend(self, ingestor: Ingestor, stop: asyncio.Event) -> None:
        """One source for as long as the loop runs."""
        try:
            state = await self._stored(lambda: self._load(ingestor), stop)
            while True:
                while wait := seconds_until(state.next_poll_at, self._clock.now()):
                    if await _is_set(stop, min(wait, _NAP)):
                        return
                if stop.is_set():
                    return
                await self._poll(ingestor, state, stop)
                state = await self._stored(lambda: self._load(ingestor), stop)
        except Stopped:
            return

    async def _load(self, ingestor: Ingestor) -> SourceState:
        state = await asyncio.to_thread(self._states.load, ingestor.name)
        if state is None or state.url != ingestor.url:
            return SourceState(name=ingestor.name, url=ingestor.url)
        return state

    async def _poll(self, ingestor: Ingestor, state: SourceState, stop: asyncio.Event | None) -> FeedOutcome:
        """Poll, store, save. Raises Stopped, and (only without `stop`) StorageError; never the source's own failure."""
        started = time.perf_counter()
        async with self._host(ingestor.url), self._slots:
            now = self._clock.now()
            try:
                # 1. Ask. Nothing of ours has changed when this fails or is stopped.
                polled = await _unless_stopped(ingestor.poll(state, now), stop)
                # 2. Put what is new on the log, and 3. (below) only then save where we are. Killed in between, the same
                # stories are told again and found to be known.
                decision = await self._stored(lambda: self.intake.take(polled.told, polled.said), stop)
            except IngestError as error:
                return await self._failed(ingestor, state, error, stop)
            except (Stopped, StorageError):
                raise
            except Exception as error:  # noqa: BLE001
                # A mistake of ours, or of a library: it is this source's failure, and said so.
                _log.exception("source_broke", source=ingestor.name)
                broke = IngestError(f"could not be read ({type(error).__name__})", about=ingestor.url)
                return await self._failed(ingestor, state, broke, stop)
        new = len(decision.new) + len(decision.corrected)
        await self._save(
            self._success(ingestor, polled.state, polled.outcome, polled.entries, new, polled.wait, now), stop
        )
        metrics.feed_fetches.labels(ingestor.name, polled.outcome).inc()
        metrics.feed_seconds.observe(time.perf_counter() - started)
        _report(ingestor, polled.outcome, polled.entries, decision)
        return FeedOutcome(name=ingestor.name, outcome=polled.outcome, entries=polled.entries, new=new)

    def _success(
        self,
        ingestor: Ingestor,
        state: SourceState,
        outcome: Literal["ok", "not_modified"],
        entries: int,
        new: int,
        wait: float | None,
        now: datetime,
    ) -> SourceState:
        then = after_success(now, interval=self._interval(ingestor), wait=wait, dice=random.random())  # noqa: S311
        return msgspec.structs.replace(
            state,
            next_poll_at=then,
            last_polled_at=now,
            last_success_at=now,
            last_outcome=outcome,
            last_error=None,
            failures=0,
            entries=entries if outcome == "ok" else state.entries,
            new=new,
        )

    async def _failed(
        self, ingestor: Ingestor, state: SourceState, error: IngestError, stop: asyncio.Event | None
    ) -> FeedOutcome:
        now = self._clock.now()
        outcome: Literal["failed", "refused"] = "refused" if isinstance(error, AddressRefused) else "failed"
        said = masked(str(error))
        status = error.status if isinstance(error, FetchError) else None
        then = after_failure(
            now,
            interval=self._interval(ingestor),
            failures=state.failures + 1,
            backoff_max=self._settings.backoff_max,
            retry_after=error.retry_after if isinstance(error, FetchError) else None,
            gone=status == 410,
            dice=random.random(),  # noqa: S311 - spreads polls, keeps no secret
        )
        state = msgspec.structs.replace(
            state,
            next_poll_at=then,
            last_polled_at=now,
            last_outcome=outcome,
            last_error=said,
            failures=state.failures + 1,
            new=0,
        )
        await self._save(state, stop)
        metrics.feed_fetches.labels(ingestor.name, outcome).inc()
        metrics.feed_errors.labels(ingestor.name, type(error).__name__).inc()
        _log.warning("poll_failed", source=ingestor.name, error=said, failures=state.failures, next_poll_at=str(then))
        return FeedOutcome(name=ingestor.name, outcome=outcome, error=said)

    async def _save(self, state: SourceState, stop: asyncio.Event | None) -> None:
        await self._stored(lambda: asyncio.to_thread(self._states.save, state), stop)

    async def _stored(self, work: Callable[[], Awaitable[T]], stop: asyncio.Event | None) -> T:
        """Do it until it is stored. Raises Stopped; without `stop` the StorageError after a few tries."""
        tries = 0
        while True:
            try:
                return await work()
            except StorageError as error:
                if stop is None and tries >= 3:
                    raise
                pause = _RETRIES[min(tries, len(_RETRIES) - 1)]
                tries += 1
                _log.warning("storage_failed", error=str(error), retry_in=pause)
                if stop is None:
                    await asyncio.sleep(pause)
                elif await _is_set(stop, pause):
                    raise Stopped from None

    def _interval(self, ingestor: Ingestor) -> float:
        return ingestor.interval or self._settings.interval

    def _host(self, url: str) -> asyncio.Semaphore:
        host = urlsplit(url).hostname
        if host is None:  # files ask no one's patience
            return asyncio.Semaphore(1)
        return self._hosts.setdefault(host, asyncio.Semaphore(_PER_HOST))


async def _is_set(stop: asyncio.Event, seconds: float) -> bool:
    """Wait this long for `stop`, and say whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def _unless_stopped(work: Awaitable[T], stop: asyncio.Event | None) -> T:
    """Await the work; when `stop` comes first, cancel it and raise Stopped."""
    if stop is None:
        return await work
    task, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Stopped
    finally:
        for one in (task, stopping):
            one.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)


def _report(ingestor: Ingestor, outcome: str, entries: int, decision: Decision) -> None:
    # Most polls bring nothing: they are for those who look closely.
    say = _log.info if decision.new or decision.corrected else _log.debug
    say(
        "polled",
        source=ingestor.name,
        outcome=outcome,
        entries=entries,
        new=len(decision.new),
        corrected=len(decision.corrected),
    )


def all_refused(outcomes: Sequence[FeedOutcome]) -> bool:
    """Whether there were sources and each was refused: `up --once` then exits with 2."""
    return bool(outcomes) and all(outcome.outcome == "refused" for outcome in outcomes)
