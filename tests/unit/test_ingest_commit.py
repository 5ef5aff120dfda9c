"""Group commit: written together, answered one by one."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from ingest.commit import GroupCommit


def test_what_comes_during_a_write_is_written_together() -> None:
    groups: list[list[int]] = []

    def work(items: Sequence[int]) -> list[int | Exception]:
        groups.append(list(items))
        time.sleep(0.05)
        return [item * 10 for item in items]

    async def run() -> None:
        commit: GroupCommit[int, int] = GroupCommit(work, most=4)
        assert await asyncio.gather(*(commit.put(number) for number in range(10))) == [n * 10 for n in range(10)]
        assert await commit.put(99) == 990

    asyncio.run(run())
    assert [item for group in groups for item in group] == [*range(10), 99]
    assert max(map(len, groups)) == 4
    assert len(groups) == 4


def test_one_items_failure_is_its_own_and_a_failed_write_is_everyones() -> None:
    def work(items: Sequence[int]) -> list[int | Exception]:
        if 3 in items:
            raise OSError("disk")
        return [ValueError(str(item)) if item % 2 else item for item in items]

    async def run() -> None:
        commit: GroupCommit[int, int] = GroupCommit(work, most=10, linger=0.01)
        answers = await asyncio.gather(*(commit.put(number) for number in (0, 1, 2)), return_exceptions=True)
        assert answers[0] == 0
        assert isinstance(answers[1], ValueError)
        assert answers[2] == 2
        failed = await asyncio.gather(*(commit.put(number) for number in (2, 3)), return_exceptions=True)
        assert [type(one) for one in failed] == [OSError, OSError]
        assert await commit.put(4) == 4

    asyncio.run(run())


def test_a_cancellation_waits_for_the_write_that_has_begun() -> None:
    began, ended = threading.Event(), threading.Event()

    def work(items: Sequence[int]) -> list[int | Exception]:
        began.set()
        time.sleep(0.3)
        ended.set()
        return list(items)

    async def run() -> None:
        commit: GroupCommit[int, int] = GroupCommit(work, most=1)
        first, second = asyncio.ensure_future(commit.put(1)), asyncio.ensure_future(commit.put(2))
        while not began.is_set():
            await asyncio.sleep(0.01)
        second.cancel()  # not begun: it never is
        with pytest.raises(asyncio.CancelledError):
            await second
        assert not ended.is_set()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert ended.is_set()

    asyncio.run(run())


def test_the_end_of_the_loop_waits_too() -> None:
    ended = threading.Event()

    def work(items: Sequence[int]) -> list[int | Exception]:
        time.sleep(0.3)
        ended.set()
        return list(items)

    async def run() -> None:
        commit: GroupCommit[int, int] = GroupCommit(work, most=1)
        asyncio.ensure_future(commit.put(1))  # noqa: RUF006 - left behind on purpose
        asyncio.ensure_future(commit.put(2))  # noqa: RUF006
        await asyncio.sleep(0.05)

    started = time.perf_counter()
    asyncio.run(run())
    assert ended.is_set()
    assert time.perf_counter() - started < 2
