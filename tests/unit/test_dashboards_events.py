"""The event stream: frames, buffers that overflow, readers that come back."""

from __future__ import annotations

import asyncio
from typing import Any

from dashboards.web.events import frame
from dashboards.web.hub import BUFFER, MAX_REPLAY, Event, Hub, Reader
from riskwire.errors import StorageError
from riskwire.testing import MemoryIndex, a_story


def test_a_frame_is_one_event_whatever_is_in_it() -> None:
    hostile = "a\r\nevent: evil\n\ndata: x\u2028\u0000"
    text = frame(Event("story", {"title": hostile}, 7)).decode()
    assert text.startswith("id: 7\nevent: story\ndata: {")
    assert text.endswith("}\n\n")
    assert text.count("\n") == 4
    assert "\r" not in text


def test_events_without_an_offset_have_no_id() -> None:
    assert frame(Event("hb", {})) == b"event: hb\ndata: {}\n\n"


def test_a_reader_takes_what_waits() -> None:
    async def run() -> list[Event]:
        reader = Reader(3)
        reader.put(Event("story", {}, 4))
        reader.put(Event("alert", {}))
        return await reader.take(0.01)

    assert [event.kind for event in asyncio.run(run())] == ["story", "alert"]


def test_a_quiet_reader_gets_nothing_in_time() -> None:
    assert asyncio.run(Reader(0).take(0.01)) == []


def test_a_slow_reader_is_told_how_many_it_missed() -> None:
    async def run() -> tuple[list[Event], list[Event]]:
        reader = Reader(0)
        for number in range(1, BUFFER + 11):
            reader.put(Event("story", {}, number))
        first = await reader.take(0.01)
        reader.put(Event("story", {}, BUFFER + 11))
        return first, await reader.take(0.01)

    first, second = asyncio.run(run())
    assert first == [Event("reset", {"missed": BUFFER + 10}, BUFFER + 10)]
    assert [event.offset for event in second] == [BUFFER + 11]


def _published(count: int) -> MemoryIndex:
    index = MemoryIndex()
    index.publish([a_story(number) for number in range(1, count + 1)])
    return index


def test_who_comes_back_gets_exactly_what_it_missed() -> None:
    index = _published(450)

    async def run() -> list[Event]:
        hub = Hub(index, index)
        reader = await hub.join()
        found = await hub.missed(3, reader.position)
        hub.close()
        return found

    events = asyncio.run(run())
    assert [event.offset for event in events] == list(range(4, 451))
    assert {event.kind for event in events} == {"story"}
    assert "content" not in events[0].data


def test_a_gap_that_is_too_large_is_a_reset() -> None:
    hub_of = lambda index: Hub(index, index)  # noqa: E731
    index = _published(MAX_REPLAY + 30)

    async def missed(after: int) -> list[Event]:
        return await hub_of(index).missed(after, index.end())

    assert asyncio.run(missed(10)) == [Event("reset", {"missed": MAX_REPLAY + 20}, MAX_REPLAY + 30)]
    # The reader knows a position that this database never had.
    assert asyncio.run(missed(10_000)) == [Event("reset", {"missed": 0}, MAX_REPLAY + 30)]
    assert asyncio.run(missed(index.end())) == []


def test_one_poller_serves_all_and_stops_with_the_last() -> None:
    class Counting(MemoryIndex):
        reads = 0

        def read(self, after: int, limit: int) -> Any:
            Counting.reads += 1
            return super().read(after, limit)

    index = Counting()

    async def run() -> tuple[int, int, list[int]]:
        hub = Hub(index, index, interval=0.02)
        readers = [await hub.join() for _ in range(20)]
        index.publish([a_story(1)])
        got = [len(await reader.take(2)) for reader in readers]
        few = Counting.reads
        for reader in readers:
            hub.leave(reader)
        await asyncio.sleep(0.1)
        before = Counting.reads
        await asyncio.sleep(0.1)
        return few, Counting.reads - before, got

    reads, after, got = asyncio.run(run())
    assert got == [1] * 20
    assert reads < 10
    assert after == 0


def test_a_store_that_fails_ends_no_stream() -> None:
    class Failing(MemoryIndex):
        failing = False

        def read(self, after: int, limit: int) -> Any:
            if self.failing:
                raise StorageError("database is locked")
            return super().read(after, limit)

    index = Failing()

    async def run() -> list[Event]:
        hub = Hub(index, index, interval=0.01, retry=0.05)
        reader = await hub.join()
        index.failing = True
        await asyncio.sleep(0.05)
        index.publish([a_story(1)])
        index.failing = False
        got = await reader.take(3)
        hub.close()
        return got

    assert [event.offset for event in asyncio.run(run())] == [1]
