"""Manners, over a real server: moves, robots, what is gone, caches, pace, health, and turns that survive a crash."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from ingest.feeds.feed import Feed
from ingest.feeds.list import Sources
from ingest.run import FeedOutcome, IngestLoop
from riskwire.clock import ManualClock
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings
from riskwire.testing import MemoryLog

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
Answer = Callable[[], web.Response]


def rss(*titles: str, extra: str = "") -> web.Response:
    items = "".join(f"<item><guid>{title}</guid><title>{title}</title></item>" for title in titles)
    return web.Response(body=f"<rss version='2.0'><channel><title>t</title>{extra}{items}</channel></rss>".encode())


class World:
    """Pages by path; `hits` are the paths asked for. One feed, `a`."""

    def __init__(self, **settings: Any) -> None:
        self.log = MemoryLog()
        self.clock = ManualClock(NOW)
        self.pages: dict[str, Answer] = {}
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
        self.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        self.hits.append(request.path)
        if request.path not in self.pages:
            raise web.HTTPNotFound
        return self.pages[request.path]()

    def loop(self, **feed: Any) -> IngestLoop:
        sources = Sources((Feed(**({"name": "a", "url": f"{self.base}/a"} | feed)),))
        return IngestLoop(self.settings, sources, self.log, self.log, self.log, self.clock, "run", author_key=b"k")

    async def once(self, **feed: Any) -> FeedOutcome:
        (outcome,) = await self.loop(**feed).once()
        self.clock.advance(timedelta(minutes=5))
        return outcome

    @property
    def state(self) -> SourceState:
        found = self.log.load("a")
        assert found is not None
        return found

    @property
    def wait(self) -> float:
        assert self.state.next_poll_at is not None
        assert self.state.last_polled_at is not None
        return (self.state.next_poll_at - self.state.last_polled_at).total_seconds()


def run(world: World, scenario: Callable[[], Awaitable[None]]) -> None:
    async def inside() -> None:
        async with world.serving():
            await scenario()

    asyncio.run(inside())


def moved(status: int, to: str) -> Answer:
    return lambda: web.Response(status=status, headers={"Location": to})


def test_a_permanent_move_is_remembered_and_reported_and_undone_when_it_fails() -> None:
    world = World(ignore_robots=True)
    world.pages |= {"/a": moved(301, "/b"), "/b": moved(308, "/c"), "/c": lambda: rss("one")}

    async def scenario() -> None:
        assert (await world.once()).moved_to is None
        assert (await world.once()).moved_to == f"{world.base}/c"
        world.hits.clear()
        assert (await world.once()).outcome == "not_modified"
        assert world.hits == ["/c"]
        world.pages["/c"] = lambda: web.Response(status=404)
        assert (await world.once()).outcome == "failed"
        world.pages["/a"] = lambda: rss("one", "two")
        world.hits.clear()
        assert (await world.once()).new == 1
        assert world.hits == ["/a"]

    run(world, scenario)


def test_a_move_for_now_is_followed_and_not_remembered() -> None:
    world = World(ignore_robots=True)
    world.pages |= {"/a": moved(302, "/b"), "/b": moved(301, "/c"), "/c": lambda: rss("one")}

    async def scenario() -> None:
        for _ in range(3):
            await world.once()
        assert world.hits == ["/a", "/b", "/c"] * 3
        assert world.state.moved_to is None

    run(world, scenario)


def test_robots() -> None:
    world = World()
    world.pages |= {
        "/robots.txt": lambda: web.Response(text="User-agent: *\nDisallow: /a"),
        "/a": lambda: rss("one"),
        "/b": moved(302, "/a"),
    }

    async def scenario() -> None:
        for path in ("/a", "/b"):  # a way around is none
            outcome = await world.once(url=world.base + path)
            assert outcome.outcome == "refused"
            assert "robots.txt of 127.0.0.1 forbids" in (outcome.error or "")
        assert "/a" not in world.hits
        assert world.state.status == "refused"
        assert (await world.once(ignore_robots=True)).new == 1
        world.settings = world.settings.model_copy(update={"ignore_robots": True})
        assert (await world.once()).outcome == "not_modified"

    run(world, scenario)


def test_robots_txt_is_asked_once_a_day_however_often_we_start() -> None:
    world = World()
    world.pages |= {"/a": lambda: rss(str(len(world.hits))), "/b": lambda: rss(str(len(world.hits)))}

    async def scenario() -> None:
        for _ in range(3):
            assert (await world.once()).new == 1
        assert world.hits == ["/robots.txt", "/a", "/a", "/a"]
        world.clock.advance(timedelta(days=1))
        world.hits.clear()
        await world.once()
        assert world.hits == ["/robots.txt", "/a"]
        # Somewhere else it is asked again.
        world.pages["/a"] = moved(302, f"{world.base.replace('127.0.0.1', 'localhost')}/b")
        world.hits.clear()
        assert (await world.once()).outcome == "ok"
        assert world.hits == ["/a", "/robots.txt", "/b"]

    run(world, scenario)


def test_what_is_gone_is_reported_and_asked_daily_at_most() -> None:
    world = World()
    world.pages["/a"] = lambda: web.Response(status=410)

    async def scenario() -> None:
        assert (await world.once()).outcome == "gone"
        assert 86_400 <= world.wait < 30 * 3600
        assert world.state.status == "gone"
        (entry,) = world.log.read_health(0, 10)
        assert (entry.health.name, entry.health.previous, entry.health.status) == ("a", "new", "gone")

    run(world, scenario)


def test_caches_and_what_the_feed_says_of_itself() -> None:
    world = World(interval=60, interval_min=60, interval_max=900)
    headers: dict[str, str] = {}

    def page() -> web.Response:
        answer = rss("one", str(len(world.hits)), extra="<ttl>10000</ttl>" if "ttl" in headers else "")
        answer.headers.update({name: value for name, value in headers.items() if name != "ttl"})
        return answer

    world.pages["/a"] = page

    async def scenario() -> None:
        for said, at_least, at_most in (
            ({}, 50, 70),
            ({"Cache-Control": "max-age=1200"}, 1200, 1201),
            ({"Cache-Control": "max-age=99999"}, 3600, 3601),
            ({"Cache-Control": "max-age=1200, no-store"}, 50, 70),
            ({"ttl": ""}, 800, 1000),  # most say it without meaning it: up to interval_max
        ):
            headers.clear()
            headers.update(said)
            await world.once()
            assert at_least <= world.wait <= at_most, said
            world.clock.advance(timedelta(hours=2))

    run(world, scenario)


def test_the_pace_is_learnt_unless_it_is_set() -> None:
    world = World(interval=300, interval_min=100, interval_max=800)
    world.pages["/a"] = lambda: rss(str(len(world.hits)))

    async def scenario() -> None:
        for _ in range(6):
            await world.once()
        assert world.state.pace == 100
        world.pages["/a"] = lambda: rss("one")
        for _ in range(40):
            await world.once()
        assert world.state.pace == 800
        await world.once(interval=50)
        assert 40 < world.wait < 60
        world.settings = world.settings.model_copy(update={"adaptive": False})
        await world.once()
        assert 260 < world.wait < 340

    run(world, scenario)


def test_a_turn_that_was_cut_off_is_not_taken_again_at_once() -> None:
    world = World(interval=300)
    asked = asyncio.Event()

    async def scenario() -> None:
        hanging = world.loop()

        async def hang(request: web.Request) -> web.Response:
            world.hits.append(request.path)
            asked.set()
            await asyncio.sleep(30)
            return web.Response()

        world._page = hang  # type: ignore[method-assign]

        async with world.serving():
            world.settings = world.settings.model_copy(update={"ignore_robots": True, "timeout": 60})
            hanging = world.loop()
            running = asyncio.ensure_future(hanging.run(asyncio.Event()))
            async with asyncio.timeout(5):
                await asked.wait()
            running.cancel()  # as a crash would: nothing tidies up
            await asyncio.gather(running, return_exceptions=True)
            assert world.state.next_poll_at == NOW + timedelta(seconds=300)
            assert world.state.last_polled_at is None
            before = len(world.hits)
            stop = asyncio.Event()
            running = asyncio.ensure_future(world.loop().run(stop))
            await asyncio.sleep(0.3)
            stop.set()
            await running
            assert len(world.hits) == before

    run(world, scenario)


def test_a_start_after_a_pause_calls_nobody_silent_before_it_has_asked() -> None:
    """We were stopped for days: the feed was not. What those who watch are told comes after the answer."""
    world = World()
    world.pages["/a"] = lambda: rss("one", "two")
    stopped = NOW - timedelta(days=6)

    async def scenario() -> None:
        before = SourceState(
            name="a", url=f"{world.base}/a", last_outcome="ok", status="ok", last_polled_at=stopped,
            next_poll_at=stopped + timedelta(minutes=5), known_since=stopped - timedelta(days=30), last_new_at=stopped,
            longest_gap=3600.0,
        )  # fmt: skip
        world.log.save(before)
        stop = asyncio.Event()
        running = asyncio.ensure_future(world.loop().run(stop))
        async with asyncio.timeout(10):
            while world.state.last_polled_at == stopped:
                await asyncio.sleep(0.01)
        stop.set()
        await running
        assert "silent" not in [entry.health.status for entry in world.log.read_health(0, 10)]
        assert world.state.status == "ok"
        assert world.state.longest_gap is not None
        assert world.state.longest_gap <= 3600, "nor is the pause the source's own"

    run(world, scenario)


def test_failing_and_well_again_are_told_to_those_who_watch() -> None:
    world = World()

    async def scenario() -> None:
        world.pages["/a"] = lambda: rss("one")
        await world.once()
        world.pages["/a"] = lambda: web.Response(status=500)
        for _ in range(5):
            await world.once()
        world.pages["/a"] = lambda: rss("one", "two")
        await world.once()

    run(world, scenario)
    entries = world.log.read_health(0, 10)
    said = [(entry.health.previous, entry.health.status, entry.health.failures) for entry in entries]
    assert said == [
        ("new", "ok", 0), ("ok", "failing", 3), (None, "failing", 4), (None, "failing", 5), ("failing", "ok", 0),
    ]  # fmt: skip
    assert "500" in (entries[1].health.error or "")
    assert [entry.health for entry in world.log.read_health(entries[0].offset, 1)] == [entries[1].health]
