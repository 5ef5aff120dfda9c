"""Group commit: what comes while one write is under way is written together next, in one transaction.

A sync of the disk costs milliseconds, and a round of thousands of feeds would pay it twice a feed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Hands items to `work` in groups, in order, one group at a time, in a thread.

    `work` answers for each item with its result or the exception that is this item's own; what it raises is everyone's.
    `linger` is how many seconds the first of a group waits for company.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R | Exception]], *, most: int, linger: float = 0) -> None:
        self._work = work
        self._most = most
        self._linger = linger
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, item: T) -> R:
        """The item's result, once it is written; raises what `work` raised for it.

        A cancellation waits for the end of a write that has begun: nobody may close the storage while it writes.
        """
        entry = (item, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="group commit")
        try:
            return await asyncio.shield(entry[1])
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            elif not entry[1].done():
                await asyncio.wait([entry[1]])
            if entry[1].done() and not entry[1].cancelled():
                entry[1].exception()  # seen: the caller is being cancelled, and what was not accepted comes again
            raise

    async def _write(self) -> None:
        try:
            while self._waiting:
                if self._linger and len(self._waiting) < self._most:
                    await asyncio.sleep(self._linger)
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._write_one(group)
        finally:
            self._writer = None
            for _item, future in self._waiting:  # only when this task was cancelled, at the very end
                future.cancel()

    async def _write_one(self, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        # No task: the end of the program cancels every task, and this one must be waited for.
        work = asyncio.get_running_loop().run_in_executor(None, self._work, [item for item, _ in group])
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise
        finally:
            _settle(work, [future for _, future in group])


def _settle(work: asyncio.Future[Sequence[R | Exception]], futures: Sequence[asyncio.Future[R]]) -> None:
    error = work.exception()
    answers = [error] * len(futures) if error is not None else work.result()
    for future, answer in zip(futures, answers, strict=True):
        if isinstance(answer, BaseException):
            future.set_exception(answer)
            future.exception()  # seen, should nobody wait any more
        else:
            future.set_result(answer)
