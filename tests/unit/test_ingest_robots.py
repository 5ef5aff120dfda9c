"""robots.txt: who is refused, who is asked, and how often."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ingest.net.http import Fetched
from ingest.net.robots import Robots, RobotsRefused, read_robots
from riskwire.clock import ManualClock
from riskwire.errors import FetchError

NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


class World:
    """Hosts whose robots.txt is what `say` answers."""

    def __init__(self, say: Callable[[str], bytes]) -> None:
        self.clock = ManualClock(NOW)
        self.robots = Robots(self.clock)
        self.asked: list[str] = []
        self.said: list[str] = []
        self.say = say

    async def get(self, url: str) -> Fetched:
        self.asked.append(url)
        await asyncio.sleep(0)
        return Fetched(url=url, body=self.say(url))

    def allowed(self, *urls: str) -> list[bool]:
        async def one(url: str) -> bool:
            try:
                await self.robots.check(url, self.get)
            except RobotsRefused as error:
                self.said.append(str(error))
                return False
            return True

        async def run() -> list[bool]:
            return await asyncio.gather(*map(one, urls))

        return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /rss", "/rss/all.xml", False),
        ("User-agent: *\nDisallow: /rss", "/feed", True),
        ("User-agent: *\nDisallow:", "/feed", True),
        ("User-agent: *\nDisallow: /\nAllow: /feed", "/feed", True),  # the longer rule
        ("User-agent: *\nDisallow: /*.xml$", "/a.xml", False),
        ("User-agent: *\nDisallow: /*.xml$", "/a.xml?x=1", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Riskwire\nAllow: /", "/feed", True),
        ("User-agent: riskwire\nDisallow: /", "/feed", False),
        ("User-agent: Googlebot\nDisallow: /", "/feed", True),
        ("<html><body>Not found</body></html>", "/feed", True),
        ("\x00\xff garbage \n disallow", "/feed", True),
        ("", "/feed", True),
    ],
)
def test_what_it_says(text: str, path: str, allowed: bool) -> None:
    assert World(lambda _: text.encode("latin-1")).allowed(f"https://a.example{path}") == [allowed]


def test_each_host_is_asked_once_a_day() -> None:
    world = World(lambda url: b"User-agent: *\nDisallow: /no" if "//a." in url else b"")
    urls = [f"https://a.example/{path}" for path in ("yes", "no", "yes/2")] + ["https://b.example/no"]
    assert world.allowed(*urls) == [True, False, True, True]
    assert "robots.txt of a.example" in world.said[0]
    assert "ignore_robots" in world.said[0]
    assert sorted(world.asked) == ["https://a.example/robots.txt", "https://b.example/robots.txt"]
    world.clock.advance(timedelta(hours=23))
    world.allowed(*urls)
    assert len(world.asked) == 2
    world.clock.advance(timedelta(hours=2))
    world.allowed(*urls)
    assert len(world.asked) == 4


@pytest.mark.parametrize(("status", "again_after"), [(404, 24), (403, 24), (500, 1), (None, 1)])
def test_one_that_can_not_be_had_forbids_nothing(status: int | None, again_after: int) -> None:
    def say(url: str) -> bytes:
        raise FetchError("no", about=url, status=status)

    world = World(say)
    assert world.allowed("https://a.example/x") == [True]
    world.clock.advance(timedelta(hours=again_after, minutes=-1))
    world.allowed("https://a.example/x")
    assert len(world.asked) == 1
    world.clock.advance(timedelta(minutes=2))
    world.allowed("https://a.example/x")
    assert len(world.asked) == 2


def test_a_huge_one_is_read_in_part_and_in_time() -> None:
    started = datetime.now(UTC)
    rules = read_robots(
        b"User-agent: *\n" + b"".join(b"Disallow: /%d*a*b*c*d$\n" % number for number in range(200_000))
    )
    assert rules is not None
    assert not rules.can_fetch("https://a.example/7aabbccdd", "Riskwire")
    rules.can_fetch("https://a.example/" + "abcd" * 500, "Riskwire")
    assert (datetime.now(UTC) - started).total_seconds() < 10
