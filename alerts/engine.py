"""The alert engine: scored stream → rules → stored states → notices, and only then the offset.

The order is the guarantee:

1. read stories, evaluate them, each at its own `seen_at`
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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from alerts.dedup import name_of
from alerts.evaluate import Evaluator
from alerts.pipeline import NoticePipeline
from alerts.rules import RuleSet
from riskwire import metrics
from riskwire.clock import Clock
from riskwire.errors import StorageError
from riskwire.log import get_logger
from riskwire.ports import AlertStore, ConsumerOffsets, NotificationLog, Notifier, ScoredStream
from riskwire.settings import AlertSettings
from riskwire.types import Alert

log = get_logger("alerts")

#: Its name at ConsumerOffsets.
CONSUMER = "alerts"
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
    """Reads every scored story once; run one of it. `names` gives companies' names by symbol, for the notices."""

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
        grace: float = TICK_GRACE,
    ) -> None:
        self._scored = scored
        self._store = store
        self._offsets = offsets
        self._clock = clock
        self._grace = grace
        self._evaluator = Evaluator(
            rules,
            allowed_lateness=timedelta(seconds=settings.allowed_lateness),
            demo=demo,
            base_url=base_url,
            names=names,
        )
        self.pipeline = NoticePipeline(rules, notifiers, notices, clock, settings)
        self._offset = 0
        self._read_all = False
        self._statuses: dict[str, str] = {}
        self._looks: deque[tuple[float, datetime]] = deque(maxlen=64)

    @property
    def caught_up(self) -> bool:
        """Whether every published story was evaluated, and every notice is delivered."""
        return self._read_all and self.pipeline.idle

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. A store that fails is waited for; nothing is skipped."""
        await self._patiently(self._start, stop)
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
        await self._fill_windows()
        kept: list[Alert] = []
        for status, limit in (("pending", _OPEN), ("firing", _OPEN), ("resolved", _RESOLVED)):
            kept += await asyncio.to_thread(self._list, status, limit)
        self._statuses = {name_of(alert): alert.status for alert in kept if alert.status != "resolved"}
        ended = self._evaluator.restore(kept)
        if ended:
            await asyncio.to_thread(self._store.put_alerts, ended)
        names = {(alert.fingerprint, alert.starts_at): alert for alert in ended}
        told_of = [
            names.get((alert.fingerprint, alert.starts_at), alert) for alert in kept if alert.status != "pending"
        ]
        await self.pipeline.restore(told_of)
        log.info(
            "alert engine started", rules=len(self._evaluator.rules.rules), firing=self._evaluator.firing,
            offset=self._offset,
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

    def _list(self, status: str, limit: int) -> list[Alert]:
        if status == "pending":
            return self._store.list_alerts(status="pending", limit=limit)
        if status == "firing":
            return self._store.list_alerts(status="firing", limit=limit)
        return self._store.list_alerts(status="resolved", limit=limit)

    async def _work(self, stop: asyncio.Event) -> None:
        last_tick = 0.0
        finish_by: float | None = None
        while True:
            if stop.is_set():
                finish_by = finish_by or time.monotonic() + _FINISH_SECONDS
                if self._read_all or time.monotonic() > finish_by:
                    return
            self._look()
            read = await self._patiently(self._batch, stop)
            self._read_all = read == 0
            if read:
                continue
            if time.monotonic() - last_tick >= min(_TICK_EVERY, self._grace):
                last_tick = time.monotonic()
                await self._patiently(self._tick, stop)
            if not stop.is_set():
                await _sleep(_POLL, stop)

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
        await self._until_stored(lambda: self._offsets.commit(CONSUMER, self._offset))
        return len(entries)

    async def _tick(self) -> int:
        """Move the engine's time on to what the clock said a moment ago: by then its stories have arrived."""
        then = time.monotonic() - self._grace
        due: datetime | None = None
        while self._looks and self._looks[0][0] <= then:
            due = self._looks.popleft()[1]
        if due is not None:
            await self._settle(self._evaluator.advance(due))
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
            await self._until_stored(lambda: self._store.put_alerts(states))
            self.pipeline.accept(states)
            for alert in states:
                self._count(alert)
        metrics.alerts_active.set(self._evaluator.firing)

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

    async def _until_stored(self, work: Callable[[], None]) -> None:
        pause = 0.1
        while True:
            try:
                await asyncio.to_thread(work)
            except StorageError as error:
                log.warning("store not available, trying again", seconds=pause, error=error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
            else:
                return

    async def _patiently(self, work: Callable[[], Awaitable[int]], stop: asyncio.Event) -> int:
        """The result of a step that may fail for want of the store; tried again until it works, or `stop` (then 0)."""
        pause = 0.1
        while True:
            try:
                return await work()
            except StorageError as error:
                if stop.is_set():
                    return 0
                log.warning("store not available, trying again", seconds=pause, error=error)
                await _sleep(pause, stop)
                pause = min(pause * 2, 10.0)


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
