"""Waiting for a store that is away for a while: nothing is skipped, and `stop` ends only what may be done again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from riskwire.errors import StorageError
from riskwire.log import get_logger

log = get_logger("alerts")
#: Seconds between two tries: doubling, from the first to the last.
_FIRST, _MOST = 0.1, 10.0


async def until_stored(work: Callable[[], None]) -> None:
    """Do it, in a thread, until it is stored: what it writes exists nowhere else."""
    pause = _FIRST
    while True:
        try:
            await asyncio.to_thread(work)
        except StorageError as error:
            log.warning("store not available, trying again", seconds=pause, error=error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MOST)
        else:
            return


async def patiently(work: Callable[[], Awaitable[int]], stop: asyncio.Event) -> int:
    """The result of a step that may fail for want of the store; tried again until it works, or `stop` (then 0)."""
    pause = _FIRST
    while True:
        try:
            return await work()
        except StorageError as error:
            if stop.is_set():
                return 0
            log.warning("store not available, trying again", seconds=pause, error=error)
            await sleep_unless(stop, pause)
            pause = min(pause * 2, _MOST)


async def sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, or until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
