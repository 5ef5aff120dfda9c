"""A stream, kept open: batches are taken as polls are, a broken connection is made again, a silent one is given up."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta

import msgspec

from ingest.base import Polled, Streamer
from ingest.intake import Intake
from ingest.polling.outcome import broken_off, outcome_of, succeeded
from ingest.polling.schedule import seconds_until
from ingest.store import StateStore, Stopped, is_set
from riskwire import metrics
from riskwire.clock import Clock
from riskwire.errors import FetchError, IngestError, StorageError
from riskwire.log import get_logger
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

_log = get_logger("ingest")
#: Seconds a source gets to return when it is told to stop, and between two looks at a silent one.
_GRACE, _LOOK = 5.0, 5.0


class Listener:
    """Runs one Streamer for as long as the loop runs."""

    def __init__(
        self, source: Streamer, intake: Intake, states: StateStore, clock: Clock, settings: IngestSettings
    ) -> None:
        self._source = source
        self._intake = intake
        self._states = states
        self._clock = clock
        self._settings = settings
        self._state = SourceState(name=source.name, url=source.url)
        self._heard = 0.0
        self._stop = asyncio.Event()

    async def run(self, state: SourceState, stop: asyncio.Event) -> None:
        """Connect, again and again, until `stop` is set; each time from the state saved last."""
        self._state, self._stop = state, stop
        try:
            while not stop.is_set():
                wait = seconds_until(self._state.next_poll_at, self._clock.now())
                if wait and await is_set(stop, wait):
                    return
                await self._connect()
        except Stopped:
            return

    async def _connect(self) -> None:
        name = self._source.name
        try:
            await self._run_once()
            # Ended without an error: the server closes connections now and then. Not at once again all the same.
            then = self._clock.now() + timedelta(seconds=1 + random.random())  # noqa: S311 - spreads, keeps no secret
            self._state = msgspec.structs.replace(self._state, next_poll_at=then)
            return
        except (Stopped, StorageError):
            raise
        except IngestError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001
            # A mistake of ours, or of a library: it is this source's failure, and said so.
            _log.exception("source_broke", source=name)
            error = IngestError(f"could not be read ({type(caught).__name__})", about=self._source.url)
        now = self._clock.now()
        state = broken_off(self._state, error, settings=self._settings, now=now, dice=random.random())  # noqa: S311
        self._state = await self._states.save(state, now, self._stop)
        metrics.feed_fetches.labels(name, outcome_of(error)).inc()
        metrics.feed_errors.labels(name, type(error).__name__).inc()
        _log.warning("stream_broke", source=name, error=state.last_error, failures=state.failures)

    async def _run_once(self) -> None:
        """One connection, watched. Raises what the source raises, or FetchError when nothing is heard."""
        self._heard = time.monotonic()
        running = asyncio.ensure_future(self._source.run(self._state, self._emit, self._stop))
        stopping = asyncio.ensure_future(self._stop.wait())
        silence = self._source.silence
        look = min(_LOOK, silence / 4) if silence else None
        try:
            while not running.done():
                await asyncio.wait({running, stopping}, timeout=look, return_when=asyncio.FIRST_COMPLETED)
                if stopping.done():
                    await asyncio.wait({running}, timeout=_GRACE)
                    break
                if silence and not running.done() and time.monotonic() - self._heard > silence:
                    raise FetchError(f"was silent for more than {silence:g} s", about=self._source.url)
            if running.done():
                running.result()
        finally:
            for one in (running, stopping):
                one.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)

    async def _emit(self, polled: Polled) -> None:
        """The same order as a poll's: decide and append, then save where we are."""
        self._heard = time.monotonic()
        decision = await self._states.until_stored(
            lambda: self._intake.take(polled.told, polled.said, polled.gone, source=self._source.name), self._stop
        )
        now = self._clock.now()
        # The source knows only the state that its connection began with: rhythm and health are counted on here.
        own = msgspec.structs.replace(
            self._state, cursor=polled.state.cursor, newest_at=polled.state.newest_at or self._state.newest_at
        )
        polled = msgspec.structs.replace(polled, state=own)
        after = succeeded(
            self._state, polled, decision, settings=self._settings, interval=None, now=now, dice=0.5
        )  # fmt: skip
        # The next connection is due when this one ends, not after some interval.
        after = msgspec.structs.replace(after, next_poll_at=None)
        self._state = await self._states.save(after, now, self._stop)
        self._heard = time.monotonic()
        metrics.feed_fetches.labels(self._source.name, polled.outcome).inc()
        if polled.told or polled.gone:
            _log.debug(
                "heard", source=self._source.name, told=len(polled.told), new=len(decision.new),
                corrected=len(decision.corrected), removed=len(decision.removed),
            )  # fmt: skip
