"""Time as a dependency. Decisions take `now`; only the edges ask a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The time, timezone-aware UTC."""
        ...


class SystemClock:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock in the hand: of tests, of replays, and of the demo."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on; never back."""
        return self.move_to(self._now + by)

    def move_to(self, then: datetime) -> datetime:
        """Move on to `then`. A time that has passed already leaves the clock where it is."""
        self._now = max(self._now, then)
        return self._now


class ReplayClock(ManualClock):
    """A clock in the hand until `release`, then the machine's own: for a replay that ends now and goes on live."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._released = False

    def now(self) -> datetime:
        return max(super().now(), datetime.now(UTC)) if self._released else super().now()

    def release(self) -> None:
        """From now on, the machine's time."""
        self._released = True
