"""How often a host may be asked: by its own headers, by a pace of so many requests a second, or one every so often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from ingest.net.headers import retry_after


def used_up(headers: Mapping[str, str], now: datetime, spare: float = 1.0) -> float | None:
    """Seconds until there are requests left, when fewer than `spare` are; None while there are, or nothing is said.

    Reads `X-RateLimit-Remaining` and `-Reset` (Reddit, Mastodon) and `X-Rate-Limit-…` (X). A minute, where a server
    says that there are none left and not until when.
    """
    for prefix in ("x-ratelimit", "x-rate-limit"):
        try:
            remaining = float(headers.get(f"{prefix}-remaining", "").strip())
        except ValueError:
            continue
        if remaining < spare:
            wait = retry_after({"x-ratelimit-reset": headers.get(f"{prefix}-reset", "")}, now)
            return 60.0 if wait is None else wait
    return None


class Limiter:
    """At most so many requests a second, of all who share it. Waits are short, so that they may be slept through."""

    def __init__(self, per_second: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1.0 / per_second
        self._monotonic = monotonic
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next place. Places are given in the order of asking, evenly: no burst."""
        # Taken before the wait, so that whoever comes meanwhile gets the place behind.
        now = self._monotonic()
        mine = max(self._next, now)
        self._next = mine + self._gap
        if mine > now:
            await asyncio.sleep(mine - now)


class Turns:
    """One request every so many seconds, of all who share it: each is told how long to stay away, and nobody sleeps."""

    def __init__(self, every: float) -> None:
        """`every` is in seconds."""
        self._every = timedelta(seconds=every)
        self._free: datetime | None = None  # from when a request may be made
        self._unclaimed: datetime | None = None  # the first place that is nobody's
        self._places: dict[str, datetime] = {}

    def claim(self, name: str, now: datetime) -> float:
        """0: it is this one's turn now. Else the seconds until the place that is kept for it."""
        place = self._places.get(name) or self._reserve(name, now)
        if place <= now and self._free is not None and now < self._free:
            # The one before came late to its own place: the distance between two requests goes before the places.
            place = self._reserve(name, self._free)
        if place > now:
            return (place - now).total_seconds()
        del self._places[name]
        self._free = now + self._every
        self._unclaimed = max(self._unclaimed or self._free, self._free)
        return 0.0

    def hold(self, now: datetime, seconds: float) -> None:
        """The host asked to be left alone for so long: nobody's turn comes before."""
        until = now + timedelta(seconds=seconds)
        self._free = max(self._free or until, until)

    def _reserve(self, name: str, earliest: datetime) -> datetime:
        place = max(earliest, self._unclaimed or earliest)
        self._places[name] = place
        self._unclaimed = place + self._every
        return place
