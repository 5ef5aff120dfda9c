"""robots.txt for feeds (RFC 9309): where a host does not want programs, they are not polled.

A feed is made for programs to poll, and robots.txt for crawlers that follow links. It is obeyed all the same: the group
that names Riskwire, else the one for everybody. Where a publisher forbids a folder to crawlers and yet offers a feed in
it (the SEC's /cgi-bin), its table says `ignore_robots = true`. APIs with terms of their own are not asked about.
A robots.txt that is not there (4xx) allows everything; one that can't be had (5xx, no connection) forbids nothing for
now, since the feed's own fetch is about to find out. What was had is kept for a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from protego import Protego

from riskwire.clock import Clock
from riskwire.errors import AddressRefused, FetchError

PRODUCT = "Riskwire"
_KEEP, _RETRY = timedelta(days=1), timedelta(hours=1)
#: RFC 9309 asks for at least 500 KiB to be read.
_MOST = 500 * 1024
_HOSTS = 20_000


class RobotsRefused(AddressRefused):
    """The host's robots.txt forbids this address to programs."""


class Answer(Protocol):
    """What is needed of a fetched robots.txt."""

    @property
    def body(self) -> bytes:
        """Its bytes."""
        ...


class _Rules(msgspec.Struct, frozen=True):
    """`rules` is None where everything is allowed."""

    rules: Protego | None
    until: datetime


class Robots:
    """What the hosts say, each asked once a day however many feeds it has."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], _Rules] = {}
        self._asking: dict[tuple[str, str], asyncio.Lock] = {}

    async def check(self, url: str, get: Callable[[str], Awaitable[Answer]]) -> datetime:
        """Until when this address may be asked for; `get` fetches its host's robots.txt.

        Raises RobotsRefused where the host does not want us.
        """
        parts = urlsplit(url)
        origin = (parts.scheme, parts.netloc.lower())
        known = self._known.get(origin)
        if known is None or known.until <= self._clock.now():
            known = await self._learn(origin, get)
        if known.rules is not None and not known.rules.can_fetch(url, PRODUCT):
            raise RobotsRefused(
                f"robots.txt of {parts.hostname} forbids it to programs",
                about=url,
                hint="If its publisher offers it to programs, set ignore_robots = true in its table.",
            )
        return known.until

    async def _learn(self, origin: tuple[str, str], get: Callable[[str], Awaitable[Answer]]) -> _Rules:
        lock = self._asking.setdefault(origin, asyncio.Lock())
        try:
            async with lock:
                known = self._known.get(origin)
                if known is None or known.until <= self._clock.now():  # else another feed of it has just asked
                    known = await self._ask(f"{origin[0]}://{origin[1]}/robots.txt", get)
                    if len(self._known) >= _HOSTS:
                        self._known.clear()
                    self._known[origin] = known
                return known
        finally:
            if not lock.locked():
                self._asking.pop(origin, None)

    async def _ask(self, url: str, get: Callable[[str], Awaitable[Answer]]) -> _Rules:
        now = self._clock.now()
        try:
            found = await get(url)
        except FetchError as error:
            missing = error.status is not None and 400 <= error.status < 500
            return _Rules(None, now + (_KEEP if missing else _RETRY))
        except TimeoutError:
            return _Rules(None, now + _RETRY)
        return _Rules(await asyncio.to_thread(read_robots, found.body), now + _KEEP)


def read_robots(body: bytes) -> Protego | None:
    """The rules; None where they can't forbid anything. A web page in its place (many sites' 404) has none."""
    text = body[:_MOST].decode("utf-8", "replace")
    if "disallow" not in text.lower():
        return None
    return Protego.parse(text)
