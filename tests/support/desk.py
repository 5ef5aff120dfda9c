"""An alert engine with everything around it, on a clock in the hand, for days that are scripted in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alerts.engine import CONSUMER, HEALTH_CONSUMER, AlertEngine
from alerts.loader import parse_rules
from alerts.rules import RuleSet
from riskwire.clock import ManualClock
from riskwire.ports import SourceHealth
from riskwire.settings import AlertSettings
from riskwire.testing import MemoryIndex, MemoryLog, RecordingNotifier
from riskwire.types import Alert, Notification, ScoredDocument

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
RULES = """
notify: {group_wait: 5s, group_interval: 5m, repeat_interval: 4h}
rules:
  - name: fall
    kind: threshold
    below: -0.5
    window: 1h
    min_documents: 3
    severity: critical
"""


def at(minutes: float) -> datetime:
    """So many minutes into the day."""
    return T0 + timedelta(minutes=minutes)


class CrashOnce(Exception):
    """The process ends here."""


class FailingOnce(MemoryIndex):
    """Crashes once: before alerts are put, or where a test calls `trip` with what it was told."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where, self.armed = where, True

    def trip(self, here: str) -> None:
        if here == self.where and self.armed:
            self.armed = False
            raise CrashOnce

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        self.trip("put")
        super().put_alerts(alerts)


@dataclass
class Desk:
    """An engine with everything around it, on a clock in the hand. `stop` and `start` again are a restart."""

    rules: RuleSet = field(default_factory=lambda: parse_rules(RULES))
    index: MemoryIndex = field(default_factory=MemoryIndex)
    notifiers: Sequence[RecordingNotifier] = field(default_factory=lambda: [RecordingNotifier()])
    clock: ManualClock = field(default_factory=lambda: ManualClock(T0))
    demo: bool = False
    sources: MemoryLog = field(default_factory=MemoryLog)
    polled: set[str] | None = None
    _task: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        self._stop = asyncio.Event()
        self.engine = AlertEngine(
            rules=self.rules, scored=self.index, store=self.index, offsets=self.index, notices=self.index,
            notifiers=self.notifiers, clock=self.clock, settings=AlertSettings(timeout=1), demo=self.demo,
            base_url="http://127.0.0.1:8600", healths=self.sources, sources=self.polled, grace=0,
        )  # fmt: skip
        self._task = asyncio.create_task(self.engine.run(self._stop))

    async def stop(self) -> None:
        self._stop.set()
        assert self._task is not None
        await self._task

    async def crash(self) -> None:
        """Cancelled where it stands: nothing is drained, committed or tidied up."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def push(self, *documents: ScoredDocument) -> None:
        for document in documents:
            self.clock.move_to(document.seen_at)
            self.index.publish([document])
            await self.quiet()

    async def tell(self, *healths: SourceHealth) -> None:
        """Sources change, each at its time."""
        for health in healths:
            self.clock.move_to(health.at)
            self.sources.save_all([], [health])
            await self.quiet()

    async def go(self, minutes: float) -> None:
        """Let time pass in steps, each seen to its end by engine and notices, however slow the machine is."""
        while (now := self.clock.now()) < at(minutes):
            step = timedelta(minutes=5 if at(minutes) - now > timedelta(minutes=20) else 1)
            self.clock.move_to(min(now + step, at(minutes)))
            await self.quiet()
            await self.until(lambda: (self.engine._evaluator.now or T0) >= self.clock.now())
            await self.until(lambda: (self.engine._watch.now or T0) >= self.clock.now())
            self.engine.pipeline._hand_over()
            for _ in range(10):
                if self.engine.pipeline.idle:
                    break
                await asyncio.sleep(0.005)

    async def quiet(self) -> None:
        """Until the engine has read everything."""
        async with asyncio.timeout(10):
            while self.index._offsets.get(CONSUMER, 0) < self.index.end() or self.index._offsets.get(
                HEALTH_CONSUMER, 0
            ) < len(self.sources._health):
                await asyncio.sleep(0.01)

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                await asyncio.sleep(0.01)

    def want(self, reason: str, since: float, until: float, symbol: str = "ACME") -> Notification:
        """Exactly one notice for this reason between two times."""
        found = [
            one
            for one in self.notifiers[0].notifications
            if one.reason == reason
            and one.alerts[0].labels.get("symbol") == symbol
            and one.sent_at is not None
            and at(since) <= one.sent_at <= at(until)
        ]
        told = [(one.reason, one.sent_at) for one in self.notifiers[0].notifications]
        assert len(found) == 1, f"{reason} between {since} and {until}; told: {told}"
        return found[0]

    def total(self, count: int) -> None:
        assert len(self.notifiers[0].notifications) == count
