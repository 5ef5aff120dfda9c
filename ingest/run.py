"""The loop: due → poll → decide → append → save the state. One bad source never stops another."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from ingest import kinds
from ingest.base import Context, Ingestor, Polled, Streamer
from ingest.change import Decision
from ingest.feeds.list import Sources, active
from ingest.formats.parse import ParserPool
from ingest.intake import Intake
from ingest.listen import Listener
from ingest.net.http import Fetcher
from ingest.polling.outcome import FeedOutcome, claimed, failed, interval_of, outcome_of, succeeded
from ingest.polling.schedule import seconds_until
from ingest.store import StateStore, Stopped, is_set, unless_stopped
from riskwire import metrics
from riskwire.clock import Clock
from riskwire.errors import IngestError, StorageError
from riskwire.log import get_logger
from riskwire.ports import DocumentLog, KnownStories, SourceState, SourceStates
from riskwire.settings import IngestSettings

__all__ = ["FeedOutcome", "IngestLoop", "all_refused"]

_log = get_logger("ingest")
#: A sleeping source looks at the clock this often, in seconds: the machine may have slept, too.
_NAP = 60.0
_MOST_PARSERS = 4


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

        Give the webhook's `intake` where there is one: the two must share its order.
        """
        self._settings = settings
        self._sources = active(sources, settings)
        self._states = StateStore(states)
        self._clock = clock
        self._run_id = run_id
        self._author_key = author_key
        self._fetcher = fetcher
        self.intake = intake or Intake(log, known, clock)
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._hosts: dict[str, asyncio.Semaphore] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Poll each source whenever it is due, until `stop` is set. Storage that fails is tried again until then."""
        async with AsyncExitStack() as stack:
            sources = await self._built(stack)
            try:
                states = await self._states.load([(source.name, source.url) for source in sources], stop)
            except Stopped:
                return
            _log.info("started", sources=len(sources))
            async with asyncio.TaskGroup() as group:
                for source, state in zip(sources, states, strict=True):
                    tend = (
                        Listener(source, self.intake, self._states, self._clock, self._settings).run(state, stop)
                        if isinstance(source, Streamer)
                        else self._tend(source, state, stop)
                    )
                    group.create_task(tend, name=f"source {source.name}")
                group.create_task(stop.wait())  # a list without sources is no reason to end
        _log.info("stopped")

    async def once(self) -> list[FeedOutcome]:
        """Poll every source now, due or not, and answer for each, in their order. Streams have no turn to take.

        Raises StorageError when the log can't take the stories after a few tries; their sources' state is unchanged.
        """
        async with AsyncExitStack() as stack:
            sources = [one for one in await self._built(stack) if not isinstance(one, Streamer)]
            states = await self._states.load([(source.name, source.url) for source in sources], None)
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(self._poll(source, state, None))
                        for source, state in zip(sources, states, strict=True)
                    ]
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None
            return [task.result()[0] for task in tasks]

    async def _built(self, stack: AsyncExitStack) -> list[Ingestor | Streamer]:
        fetcher = self._fetcher or Fetcher(self._settings, clock=self._clock)
        size = self._settings.parsers or min(os.cpu_count() or 1, _MOST_PARSERS)
        parser = ParserPool(self._settings.parse_timeout, size)
        await stack.enter_async_context(parser)
        await stack.enter_async_context(fetcher)
        context = Context(fetcher, parser, self._author_key, self._run_id, self._settings)
        return [kinds.build(row, context) for row in self._sources.rows]

    async def _tend(self, source: Ingestor, state: SourceState, stop: asyncio.Event) -> None:
        """One source for as long as the loop runs."""
        try:
            while True:
                while wait := seconds_until(state.next_poll_at, self._clock.now()):
                    if await is_set(stop, min(wait, _NAP)):
                        return
                if stop.is_set():
                    return
                _, state = await self._poll(source, state, stop)
        except Stopped:
            return

    async def _poll(
        self, source: Ingestor, state: SourceState, stop: asyncio.Event | None
    ) -> tuple[FeedOutcome, SourceState]:
        """Poll, store, save. Raises Stopped, and (only without `stop`) StorageError; never the source's own failure."""
        started = time.perf_counter()
        async with self._host(source.url), self._slots:
            now = self._clock.now()
            if stop is not None:
                # 0. Say that its turn was taken: killed from here on, its host is not asked again before its time.
                await self._states.claim(claimed(state, self._interval(source, state), now), stop)
            try:
                # 1. Ask. Nothing of ours has changed when this fails or is stopped.
                polled = await unless_stopped(source.poll(state, now), stop)
                # 2. Put what is new on the log, and 3. (below) only then save where we are. Killed in between, the same
                # stories are told again and found to be known.
                decision = await self._states.until_stored(
                    lambda: self.intake.take(polled.told, polled.said, polled.gone, source=source.name), stop
                )
            except IngestError as error:
                return await self._failed(source, state, error, stop)
            except (Stopped, StorageError):
                raise
            except Exception as error:  # noqa: BLE001
                # A mistake of ours, or of a library: it is this source's failure, and said so.
                _log.exception("source_broke", source=source.name)
                broke = IngestError(f"could not be read ({type(error).__name__})", about=source.url)
                return await self._failed(source, state, broke, stop)
        after = succeeded(
            state, polled, decision,
            settings=self._settings, interval=source.interval, now=now, dice=random.random(),  # noqa: S311
        )  # fmt: skip
        after = await self._states.save(after, self._clock.now(), stop)
        metrics.feed_fetches.labels(source.name, polled.outcome).inc()
        metrics.feed_seconds.observe(time.perf_counter() - started)
        _report(source, polled, decision)
        moved = after.moved_to if after.moved_polls > 1 else None
        if moved and state.moved_polls <= 1:
            _log.warning("source_moved", source=source.name, to=moved)
        new = len(decision.new) + len(decision.corrected)
        outcome = FeedOutcome(
            name=source.name, outcome=polled.outcome, entries=polled.entries, new=new, moved_to=moved
        )  # fmt: skip
        return outcome, after

    async def _failed(
        self, source: Ingestor, state: SourceState, error: IngestError, stop: asyncio.Event | None
    ) -> tuple[FeedOutcome, SourceState]:
        now, outcome = self._clock.now(), outcome_of(error)
        after = failed(
            state, error,
            settings=self._settings, interval=source.interval, now=now, dice=random.random(),  # noqa: S311 - no secret
        )  # fmt: skip
        after = await self._states.save(after, now, stop)
        metrics.feed_fetches.labels(source.name, outcome).inc()
        metrics.feed_errors.labels(source.name, type(error).__name__).inc()
        _log.warning(
            "poll_failed", source=source.name, error=after.last_error, failures=after.failures,
            next_poll_at=str(after.next_poll_at),
        )  # fmt: skip
        return FeedOutcome(name=source.name, outcome=outcome, error=after.last_error), after

    def _interval(self, source: Ingestor, state: SourceState) -> float:
        return interval_of(state, source.interval, self._settings)

    def _host(self, url: str) -> asyncio.Semaphore:
        host = urlsplit(url).hostname
        if host is None:  # files ask no one's patience
            return asyncio.Semaphore(1)
        return self._hosts.setdefault(host, asyncio.Semaphore(self._settings.per_host))


def _report(source: Ingestor, polled: Polled, decision: Decision) -> None:
    # Most polls bring nothing: they are for those who look closely.
    say = _log.info if decision.new or decision.corrected or decision.removed else _log.debug
    say(
        "polled",
        source=source.name,
        outcome=polled.outcome,
        entries=polled.entries,
        new=len(decision.new),
        corrected=len(decision.corrected),
        removed=len(decision.removed),
    )


def all_refused(outcomes: Sequence[FeedOutcome]) -> bool:
    """Whether there were sources and each was refused: `up --once` then exits with 2."""
    return bool(outcomes) and all(outcome.outcome == "refused" for outcome in outcomes)
