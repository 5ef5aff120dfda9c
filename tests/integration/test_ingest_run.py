"""The loop with real servers and the in-memory log: nothing lost, nothing twice, one bad source never stops another."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from ingest.feeds.feed import Feed
from ingest.feeds.list import Sources
from ingest.run import FeedOutcome, IngestLoop, all_refused
from riskwire import wire
from riskwire.clock import ManualClock, SystemClock
from riskwire.errors import StorageFull, WireError
from riskwire.ports import AppendResult
from riskwire.settings import IngestSettings
from riskwire.testing import MemoryLog
from riskwire.types import Document

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def rss(*items: tuple[str, str], link: bool = True) -> bytes:
    """A feed of (guid, title)."""
    body = "".join(
        f"<item><guid isPermaLink='false'>{guid}</guid><title>{title}</title>"
        + (f"<link>https://wire.example/{guid}</link>" if link else "")
        + "<pubDate>Sun, 08 Mar 2026 22:16:00 GMT</pubDate></item>"
        for guid, title in items
    )
    return f"<rss version='2.0'><channel><title>t</title>{body}</channel></rss>".encode()


class World:
    """A server whose paths answer as told, and everything that the loop needs."""

    def __init__(self, log: MemoryLog | None = None, **settings: Any) -> None:
        self.log = log or MemoryLog()
        self.clock = ManualClock(NOW)
        self.pages: dict[str, bytes | Handler] = {}
        self.hits: list[str] = []
        self.settings = IngestSettings(**({"allow_private_addresses": True, "timeout": 3} | settings))
        self.base = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._page)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.path.strip("/")
        self.hits.append(name)
        page = self.pages.get(name)
        if page is None:
            raise web.HTTPNotFound
        return (
            web.Response(body=page, content_type="application/rss+xml")
            if isinstance(page, bytes)
            else await page(request)
        )

    def loop(self, *names: str, clock: Any = None, **feed: Any) -> IngestLoop:
        feeds = tuple(Feed(name=name, url=self.base + name, **feed) for name in names)
        return IngestLoop(
            self.settings,
            Sources(feeds),
            self.log,
            self.log,
            self.log,
            clock or self.clock,
            "run",
            author_key=b"k",
        )

    async def once(self, *names: str) -> dict[str, FeedOutcome]:
        outcomes = await self.loop(*names).once()
        assert [outcome.name for outcome in outcomes] == list(names)
        return {outcome.name: outcome for outcome in outcomes}

    @property
    def documents(self) -> list[Document]:
        return [wire.decode(entry.value, Document) for entry in self.log.read(10_000)]


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


def test_polled_ten_times_is_taken_once() -> None:
    world = World()
    world.pages["a"] = rss(("1", "one"), ("2", "two"))

    async def scenario() -> None:
        async with world.serving():
            assert (await world.once("a"))["a"] == FeedOutcome(name="a", outcome="ok", entries=2, new=2)
            world.clock.advance(timedelta(minutes=5))
            # The very same bytes need no reading; others, with the same stories in them, do.
            assert (await world.once("a"))["a"] == FeedOutcome(name="a", outcome="not_modified")
            for number in range(8):
                world.clock.advance(timedelta(minutes=5))
                world.pages["a"] = rss(("1", "one"), ("2", "two")) + f"<!-- {number} -->".encode()
                assert (await world.once("a"))["a"] == FeedOutcome(name="a", outcome="ok", entries=2, new=0)

    run(scenario)
    assert [document.title for document in world.documents] == ["one", "two"]
    assert all(document.seen_at == NOW and document.run_id == "run" for document in world.documents)


def test_one_bad_feed_never_stops_another() -> None:
    world = World(timeout=1)

    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async def gone(request: web.Request) -> web.StreamResponse:
        raise web.HTTPGone

    async def later(request: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "7200"})

    world.pages |= {
        "good": rss(("1", "one")),
        "hang": hang,
        "gone": gone,
        "later": later,
        "html": b"<!DOCTYPE html><html><body>Blocked</body></html>",
        "broken": b"<rss><channel><title>cut o",
        "binary": bytes(range(256)) * 10,
        "empty": b"",
    }

    async def scenario() -> None:
        async with world.serving():
            outcomes = await world.once("hang", "html", "broken", "binary", "empty", "gone", "later", "missing", "good")
            said = {name: outcome.error or "" for name, outcome in outcomes.items()}
            assert outcomes["good"].new == 1
            assert {outcome.outcome for name, outcome in outcomes.items()} == {"ok", "failed", "gone"}
            assert [name for name, outcome in outcomes.items() if outcome.outcome == "gone"] == ["gone"]
            assert "1 s" in said["hang"]
            assert "HTML" in said["html"]
            assert "broken XML" in said["broken"]
            assert "binary" in said["binary"]
            assert "empty" in said["empty"]
            assert "gone" in said["gone"]
            assert "404" in said["missing"]

    run(scenario)
    states = {state.name: state for state in world.log.all()}
    assert states["html"].failures == 1
    assert states["gone"].last_error is not None
    waits = {name: (state.next_poll_at or NOW) - NOW for name, state in states.items()}
    assert waits["later"] == timedelta(hours=2)
    assert waits["gone"] > timedelta(hours=20)
    assert waits["html"] < timedelta(minutes=6)


def test_a_mistake_in_our_own_code_is_that_feeds_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.pages |= {"a": rss(("1", "one")), "b": rss(("2", "two"))}
    real = __import__("ingest.feeds.rss", fromlist=["tell"]).tell

    def tell(feed: Feed, *rest: Any) -> Any:
        if feed.name == "a":
            raise ZeroDivisionError("secret detail")
        return real(feed, *rest)

    monkeypatch.setattr("ingest.feeds.rss.tell", tell)

    async def scenario() -> None:
        async with world.serving():
            outcomes = await world.once("a", "b")
            assert outcomes["a"].outcome == "failed"
            assert "ZeroDivisionError" in (outcomes["a"].error or "")
            assert outcomes["b"].new == 1

    run(scenario)


def test_a_story_that_can_not_be_written_is_that_feeds_failure() -> None:
    class Picky(MemoryLog):
        def append(self, documents: Sequence[Document]) -> AppendResult:
            if any("poison" in document.title for document in documents):
                raise WireError("can't be written as JSON", about="riskwire.document")
            return super().append(documents)

    world = World(Picky())
    world.pages |= {"a": rss(("1", "poison")), "b": rss(("2", "two"))}

    async def scenario() -> None:
        async with world.serving():
            outcomes = await world.once("a", "b")
            assert (outcomes["a"].outcome, outcomes["b"].new) == ("failed", 1)

    run(scenario)


def test_conditional_get_survives_a_restart() -> None:
    world = World()

    async def page(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == '"7"':
            return web.Response(status=304)
        return web.Response(body=rss(("1", "one")), headers={"ETag": '"7"'})

    world.pages["a"] = page

    async def scenario() -> None:
        async with world.serving():
            assert (await world.once("a"))["a"].outcome == "ok"
            assert (await world.once("a"))["a"] == FeedOutcome(name="a", outcome="not_modified")
            state = world.log.load("a")
            assert state is not None
            assert (state.last_outcome, state.entries, state.etag) == ("not_modified", 1, '"7"')

    run(scenario)


def test_corrections_and_two_wordings() -> None:
    world = World()
    world.pages |= {"a": rss(("1", "as the first has it")), "b": rss(("1", "as the second has it"))}

    async def scenario() -> None:
        async with world.serving():
            for _ in range(4):
                await world.once("a")
                await world.once("b")
            assert [document.revision for document in world.documents] == [1, 2]
            world.pages["a"] = rss(("1", "as the first corrects it"))
            for _ in range(3):
                await world.once("a", "b")

    run(scenario)
    assert [(one.revision, one.title) for one in world.documents][-1] == (3, "as the first corrects it")
    assert len({document.id for document in world.documents}) == 1


def test_a_guid_that_changes_at_every_fetch() -> None:
    world = World()

    async def scenario() -> None:
        async with world.serving():
            for number in range(5):
                body = rss(("x", "the same story")).replace(b">x</guid>", f">{number}</guid>".encode())
                world.pages["a"] = body
                await world.once("a")

    run(scenario)
    assert len(world.documents) == 1


class FullLog(MemoryLog):
    """A disk that is full a few times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def append(self, documents: Sequence[Document]) -> AppendResult:
        if self.times:
            self.times -= 1
            raise StorageFull("no space left", about="riskwire.db")
        return super().append(documents)


def test_a_full_disk_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.store._RETRIES", (0.01,))
    patient, poor = World(FullLog(3)), World(FullLog(1000))
    for world in (patient, poor):
        world.pages["a"] = rss(("1", "one"))

    async def scenario() -> None:
        async with patient.serving():
            assert (await patient.once("a"))["a"].new == 1
        async with poor.serving():
            with pytest.raises(StorageFull):
                await poor.once("a")
        assert poor.log.load("a") is None

    run(scenario)


def test_refused() -> None:
    world = World(allow_private_addresses=False)

    async def scenario() -> None:
        async with world.serving():
            outcomes = await world.loop("a", "b").once()
            assert all_refused(outcomes)
            assert "--allow-private-addresses" in (outcomes[0].error or "")
        assert world.hits == []

    run(scenario)
    assert not all_refused([])


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def test_the_loop_polls_when_due_and_ends_when_told() -> None:
    world = World()
    world.pages |= {"a": rss(("1", "one")), "slow": rss(("2", "two"))}

    async def scenario() -> None:
        stop = asyncio.Event()
        async with world.serving():
            loop = world.loop("a", "slow", clock=SystemClock())
            often, seldom = (Feed(name="a", url=world.base + "a", interval=0.2), loop._sources.rows[1])
            loop._sources = Sources((often, seldom))
            running = asyncio.ensure_future(loop.run(stop))
            await until(lambda: world.hits.count("a") >= 4)
            started = time.perf_counter()
            stop.set()
            await running
            assert time.perf_counter() - started < 1
            assert world.hits.count("slow") == 1
            # A restart polls nothing before its time.
            before = world.hits.count("slow")
            stop = asyncio.Event()
            running = asyncio.ensure_future(world.loop("slow", clock=SystemClock()).run(stop))
            await asyncio.sleep(0.3)
            stop.set()
            await running
            assert world.hits.count("slow") == before

    run(scenario)
    assert len(world.documents) == 2


def test_without_sources_the_loop_waits_to_be_told() -> None:
    world = World()

    async def scenario() -> None:
        stop = asyncio.Event()
        running = asyncio.ensure_future(world.loop().run(stop))
        await asyncio.sleep(0.1)
        assert not running.done()
        stop.set()
        await running
        assert await world.loop().once() == []

    run(scenario)


def test_stopping_in_the_middle_of_a_fetch_and_of_a_full_disk() -> None:
    world = World(FullLog(10_000))
    reached = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        reached.set()
        await asyncio.sleep(30)
        return web.Response()

    world.pages |= {"hang": hang, "full": rss(("1", "one"))}

    async def scenario() -> None:
        stop = asyncio.Event()
        async with world.serving():
            running = asyncio.ensure_future(world.loop("hang", "full", clock=SystemClock()).run(stop))
            await reached.wait()
            await until(lambda: world.log.times < 10_000)  # type: ignore[attr-defined]
            started = time.perf_counter()
            stop.set()
            await running
            assert time.perf_counter() - started < 2
        for name in ("hang", "full"):  # nothing saved but that they had their turn: they are asked again when due
            state = world.log.load(name)
            assert state is not None
            assert (state.last_polled_at, state.cursor, state.etag) == (None, None, None)
            assert state.next_poll_at is not None

    run(scenario)


def test_cancelling_waits_for_the_log() -> None:
    entered, finished = threading.Event(), threading.Event()

    class SlowLog(MemoryLog):
        def append(self, documents: Sequence[Document]) -> AppendResult:
            entered.set()
            time.sleep(0.5)
            result = super().append(documents)
            finished.set()
            return result

    world = World(SlowLog())
    world.pages["a"] = rss(("1", "one"))

    async def scenario() -> None:
        async with world.serving():
            running = asyncio.ensure_future(world.loop("a", clock=SystemClock()).run(asyncio.Event()))
            await until(entered.is_set)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert finished.is_set()

    run(scenario)


def test_at_most_two_at_once_from_a_host() -> None:
    world = World()
    now_open, most = 0, 0

    async def page(request: web.Request) -> web.StreamResponse:
        nonlocal now_open, most
        now_open += 1
        most = max(most, now_open)
        await asyncio.sleep(0.1)
        now_open -= 1
        return web.Response(body=rss((request.path.strip("/"), "t")))

    names = [f"f{number}" for number in range(8)]
    world.pages |= dict.fromkeys(names, page)

    async def scenario() -> None:
        async with world.serving():
            outcomes = await world.once(*names)
            assert all(outcome.new == 1 for outcome in outcomes.values())

    run(scenario)
    assert most == 2


def test_another_address_under_the_same_name_starts_from_nothing() -> None:
    world = World()

    async def page(request: web.Request) -> web.StreamResponse:
        assert "If-None-Match" not in request.headers
        return web.Response(body=rss((request.path, "t")), headers={"ETag": '"1"'})

    world.pages |= {"a": page, "b": page}

    async def scenario() -> None:
        async with world.serving():
            await world.once("a")
            moved = Sources((Feed(name="a", url=world.base + "b"),))
            loop = IngestLoop(world.settings, moved, world.log, world.log, world.log, world.clock, "r", author_key=b"k")
            assert [outcome.outcome for outcome in await loop.once()] == ["ok"]

    run(scenario)
