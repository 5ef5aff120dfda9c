"""Several long-running parts in one event loop: all run, or none does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping

from riskwire.log import get_logger

log = get_logger("up")

Part = Callable[[asyncio.Event], Awaitable[None]]

#: Seconds the parts get to finish what they have in hand.
GRACE = 15.0


async def supervise(parts: Mapping[str, Part], stop: asyncio.Event) -> None:
    """Run every part until `stop` is set, SIGINT or SIGTERM comes, or one of them ends.

    A part that fails stops the others gracefully, and its exception is raised: half a program that looks healthy would
    be worse than one that its supervisor restarts.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks = {asyncio.create_task(_named(part, stop), name=name): name for name, part in parts.items()}
    waiter = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*tasks, waiter}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        waiter.cancel()
        # From here on a second Ctrl-C means it.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        _, unfinished = await asyncio.wait(tasks, timeout=GRACE)
        for task in unfinished:
            log.warning("part did not stop in time", part=tasks[task], seconds=GRACE)
            task.cancel()
        await asyncio.gather(*tasks, waiter, return_exceptions=True)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _named(part: Part, stop: asyncio.Event) -> None:
    await part(stop)
