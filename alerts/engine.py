"""The alert engine: scored stream and sources' health → rules → stored states → notices, and only then the offset.

The order is the guarantee:

1. read stories (and changes of health), evaluate them, each at its own `seen_at` (`at`)
2. store the states that alerts entered
3. hand them to the notice pipeline
4. commit the offset

A crash before 4 evaluates some stories again: states that are stored already count as they are, and what was not told
is found by comparing the stored states with the notification log.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from alerts.dedup import name_of
from alerts.evaluate import Evaluator
from alerts.health import SourceHealthRule
from alerts.patience import patiently, sleep_unless, until_stored
from alerts.pipeline import NoticePipeline
from alerts.rules import RuleSet
from alerts.watch import HealthEvaluator
from riskwire import metrics
from riskwire.clock import Clock
from riskwire.log import get_logger
from riskwire.ports import AlertStore, ConsumerOffsets, NotificationLog, Notifier, ScoredStream, SourceHealths
from riskwire.settings import AlertSettings
from riskwire.types import Alert, AlertStatus

log = get_logger("alerts")

#: Its names at ConsumerOffsets: of the scored stream, and of the sources' health.
CONSUMER, HEALTH_CONSUMER = "alerts", "alerts:health"
#: Seconds a story may take from `seen_at` to the scored stream before the clock's ticks overtake it.
TICK_GRACE = 1.5
_POLL = 0.05
_TICK_EVERY = 0.5
_BATCH = 256
_REBUILD_BATCH = 1_000
#: How many resolved alerts are looked at after a restart.
_RESOLVED = 1_000
_OPEN = 100_000
#: Seconds to finish reading what is published when the program stops.
_FINISH_SECONDS = 2.0


class AlertEngine:
    """Reads every scored story once, and every change of `healths`; run one of it.

    `names` gives companies' names by symbol, for the notices; `sources` are those that are polled, None if not known.
    `health_offsets` keeps the place in `healths` where `offsets` is of another store.
    """

    def __init__(
        self,
        *,
        rules: RuleSet,
        scored: ScoredStream,
        store: AlertStore,
        offsets: ConsumerOffsets,
        notices: NotificationLog,
        notifiers: Sequence[Notifier],
        clock: Clock,
        settings: AlertSettings,
        demo: bool = False,
        base_url: str = "",
        names: Mapping[str, str] | None = None,
        healths: SourceHealths | None = None,
        health_offsets: ConsumerOffsets | None = None,
        sources: Collection[str] | None = None,
        grace: float = TICK_GRACE,
    ) -> None:
        self._rules = rules
        self._scored = scored
        self._healths = healths
        self._store = store
        self._offsets, self._health_offsets = offsets, health_offsets or offsets
        self._clock = clock
        self._grace = grace
        self._evaluator = Evaluator(
            rules,
            allowed_lateness=timedelta(seconds=settings.allowed_lateness),
            demo=demo,
            base_url=base_url,
            names=names,
        )
        self._watch = HealthEvaluator(rules, sources=sources, base_url=base_url)
        self.pipeline = NoticePipeline(rules, notifiers, notices, clock, settings)
        self._offset = 0
        self._health_offset = 0
        self._read_all = False
        self._statuses: dict[str, str] = {}
        self._looks: deque[tuple[float, datetime]] = deque(maxlen=64)

    @property
    def caught_up(self) -> bool:
        """Whether all that was published was evaluated, and every notice is delivered."""
        return self._read_all and self.pipeline.idle

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. A store that fails is waited for; nothing is skipped."""
        await patiently(self._start, stop)
        if stop.is_set():
            return
        async with asyncio.TaskGroup() as tasks:
            drained = asyncio.Event()
            tasks.create_task(self.pipeline.run(drained), name="notices")
            try:
                await self._work(stop)
            finally:
                drained.set()

    async def _start(self) -> int:
        """Windows from the stream, open alerts from the store, untold notices from both. Nothing is sent twice."""
        self._offset = await asyncio.to_thread(self._offsets.committed, CONSUMER)
        self._health_offset = await asyncio.to_thread(self._health_offsets.committed, HEALTH_CONSUMER)
        await self._fill_windows()
        await self._fill_watch()
        kept: list[Alert] = []
        limits: dict[AlertStatus, int] = {"pending": _OPEN, "firing": _OPEN, "resolved": _RESOLVED}
        for status, limit in limits.items():
            kept += await asyncio.to_thread(partial(self._store.list_alerts, status=status, limit=limit))
        self._statuses = {name_of(alert): alert.status for alert in kept if alert.status != "resolved"}
        ended = self._evaluator.restore(one for one in kept if not self._is_of_source(one))
        ended += self._watch.restore(one for one in kept if self._is_of_source(one))
        if ended:
            await asyncio.to_thread(self._store.put_alerts, ended)
        names = {(alert.fingerprint, alert.starts_at): alert for alert in ended}
        told_of = [
            names.get((alert.fingerprint, alert.starts_at), alert) for alert in kept if alert.status != "pending"
        ]
        await self.pipeline.restore(told_of)
        log.info(
            "alert engine started", rules=len(self._rules.rules), firing=self._firing(), offset=self._offset
        )  # fmt: skip
        return len(told_of)

    async def _fill_windows(self) -> None:
        committed = self._offset
        newest = await asyncio.to_thread(self._scored.read, committed - 1, 1) if committed else []
        if not newest:
            return
        since = min(self._clock.now(), newest[0].document.seen_at) - self._evaluator.horizon
        after = await asyncio.to_thread(self._scored.offset_before, since)
        while after < committed:
            entries = await asyncio.to_thread(self._scored.read, after, min(_REBUILD_BATCH, committed - after))
            if not entries:
                break
            for entry in entries:
                if entry.offset <= committed:
                    self._evaluator.fill(entry.document)
            after = entries[-1].offset

    async def _fill_watch(self) -> None:
        """How each source was when it was last looked at: few records, for only changes are kept."""
        after = 0
        while self._healths is not None and after < self._health_offset:
            entries = await asyncio.to_thread(self._healths.read_health, after, _REBUILD_BATCH)
            for entry in entries:
                if entry.offset <= self._health_offset:
                    self._watch.fill(entry.health)
            after = entries[-1].offset if entries else self._health_offset

    def _is_of_source(self, alert: Alert) -> bool:
        return isinstance(self._rules.by_name(alert.rule), SourceHealthRule)

    async def _work(self, stop: asyncio.Event) -> None:
        last_tick = 0.0
        finish_by: float | None = None
        while True:
            if stop.is_set():
                finish_by = finish_by or time.monotonic() + _FINISH_SECONDS
                if self._read_all or time.monotonic() > finish_by:
                    return
            self._look()
            read = await patiently(self._batch, stop) + await patiently(self._health_batch, stop)
            self._read_all = read == 0
            if read:
                continue
            if time.monotonic() - last_tick >= min(_TICK_EVERY, self._grace):
                last_tick = time.monotonic()
                await patiently(self._tick, stop)
            if not stop.is_set():
                await sleep_unless(stop, _POLL)

    async def _batch(self) -> int:
        """One batch of stories, to the end. How many there were."""
        entries = await asyncio.to_thread(self._scored.read, self._offset, _BATCH)
        if not entries:
            return 0
        states: list[Alert] = []
        for entry in entries:
            states += self._evaluator.observe(entry.document)
        await self._settle(states)
        self._offset = entries[-1].offset
        await until_stored(lambda: self._offsets.commit(CONSUMER, self._offset))
        return len(entries)

    async def _health_batch(self) -> int:
        """One batch of changes of health, in the same order of steps. How many there were."""
        if self._healths is None:
            return 0
        entries = await asyncio.to_thread(self._healths.read_health, self._health_offset, _BATCH)
        if not entries:
            return 0
        states: list[Alert] = []
        for entry in entries:
            states += self._watch.observe(entry.health)
        await self._settle(states)
        self._health_offset = entries[-1].offset
        await until_stored(lambda: self._health_offsets.commit(HEALTH_CONSUMER, self._health_offset))
        return len(entries)

    async def _tick(self) -> int:
        """Move the engine's time on to what the clock said a moment ago: by then its stories have arrived."""
        then = time.monotonic() - self._grace
        due: datetime | None = None
        while self._looks and self._looks[0][0] <= then:
            due = self._looks.popleft()[1]
        if due is not None:
            await self._settle(self._evaluator.advance(due) + self._watch.advance(due))
        return 0

    def _look(self) -> None:
        at = time.monotonic()
        if not self._looks or at - self._looks[-1][0] >= self._grace / 10:
            self._looks.append((at, self._clock.now()))

    async def _settle(self, states: list[Alert]) -> None:
        late = self._evaluator.late
        if late:
            metrics.late_documents.inc(late)
            self._evaluator.late = 0
        if states:
            # The evaluator has moved on: these states exist nowhere else, so they are kept until they are stored.
            await until_stored(lambda: self._store.put_alerts(states))
            self.pipeline.accept(states)
            for alert in states:
                self._count(alert)
        metrics.alerts_active.set(self._firing())

    def _firing(self) -> int:
        return self._evaluator.firing + self._watch.firing

    def _count(self, alert: Alert) -> None:
        """A new status is news; a firing alert that got one story more is not."""
        name = name_of(alert)
        if self._statuses.get(name) == alert.status:
            return
        self._statuses[name] = alert.status
        if alert.status == "resolved":
            del self._statuses[name]
        metrics.alerts.labels(alert.rule, alert.status).inc()
        log.info(f"alert {alert.status}", rule=alert.rule, labels=alert.labels, value=alert.value)
