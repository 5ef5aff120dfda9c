"""The sources' states, kept: many at once, tried again while the storage fails, and given up when told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from ingest.commit import GroupCommit
from ingest.polling.health import health_of, with_status
from riskwire import metrics
from riskwire.errors import StorageError
from riskwire.log import get_logger
from riskwire.ports import SourceHealth, SourceState, SourceStates

T = TypeVar("T")
_log = get_logger("ingest")
#: Pauses between two tries to store, in seconds; the last one again and again.
_RETRIES = (0.2, 1.0, 3.0, 10.0, 30.0)
#: Tries of a command, which must end.
_TRIES = 4
_GROUP, _LINGER = 512, 0.02


class Stopped(Exception):
    """The loop ends before this was done; nothing of it was saved."""


class StateStore:
    """Loads all states at once, and saves them a group at a time."""

    def __init__(self, states: SourceStates) -> None:
        self._port = states
        self._commit: GroupCommit[tuple[SourceState, SourceHealth | None], None] = GroupCommit(
            self._write, most=_GROUP, linger=_LINGER
        )

    async def load(self, sources: Sequence[tuple[str, str]], stop: asyncio.Event | None) -> list[SourceState]:
        """The state of each (name, URL), an empty one where the URL is another than it was."""
        kept = {state.name: state for state in await self.until_stored(lambda: asyncio.to_thread(self._port.all), stop)}
        found = [(kept.get(name), name, url) for name, url in sources]
        return [
            state if state is not None and state.url == url else SourceState(name=name, url=url)
            for state, name, url in found
        ]  # fmt: skip

    async def claim(self, state: SourceState, stop: asyncio.Event | None) -> None:
        """Durable when it returns. Says nothing of its health: it was not asked yet. Raises as `save`."""
        await self.until_stored(lambda: self._commit.put((state, None)), stop)

    async def save(self, state: SourceState, now: datetime, stop: asyncio.Event | None) -> SourceState:
        """Durable when it returns; the state as it was saved, with its health. Raises Stopped, or StorageError."""
        state, change = with_status(state, now)
        await self.until_stored(lambda: self._commit.put((state, change)), stop)
        metrics.observe_health(health_of(state, now))
        if change is not None and change.previous not in (None, "new"):
            _log.warning("source_health", source=state.name, status=change.status, before=change.previous)
        return state

    async def until_stored(self, work: Callable[[], Awaitable[T]], stop: asyncio.Event | None) -> T:
        """Do it until it is stored. Raises Stopped; without `stop` the StorageError after a few tries."""
        tries = 0
        while True:
            try:
                return await work()
            except StorageError as error:
                tries += 1
                if stop is None and tries >= _TRIES:
                    raise
                pause = _RETRIES[min(tries, len(_RETRIES)) - 1]
                _log.warning("storage_failed", error=str(error), retry_in=pause)
                if stop is None:
                    await asyncio.sleep(pause)
                elif await is_set(stop, pause):
                    raise Stopped from None

    def _write(self, group: Sequence[tuple[SourceState, SourceHealth | None]]) -> list[None]:
        self._port.save_all([state for state, _ in group], [change for _, change in group if change is not None])
        return [None] * len(group)


async def is_set(stop: asyncio.Event, seconds: float) -> bool:
    """Wait this long for `stop`, and say whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def unless_stopped(work: Awaitable[T], stop: asyncio.Event | None) -> T:
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
