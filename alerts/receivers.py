"""One receiver with a queue of its own: dedup → send with retry → record. Its outage holds up nobody else.

The queue is by group: a newer state replaces the one that waits (what is told is the newest, not the history). Nothing
is recorded before the receiver took it, so a crash may tell twice, but never leaves out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from alerts.dedup import name_of, needs_update, said_of
from alerts.rules import NotifyPolicy
from riskwire import metrics
from riskwire.clock import Clock
from riskwire.errors import NotifyError, NotifyRetry, StorageError
from riskwire.log import get_logger
from riskwire.ports import NotificationEntry, NotificationLog, Notifier
from riskwire.types import Alert, Notification

log = get_logger("alerts")

#: The most groups that wait for one receiver; beyond it the one that waits longest is given up.
MAX_WAITING = 1_000
#: Longest pause between two attempts, in seconds, unless the receiver asks for a longer one; and the longest of those.
MAX_PAUSE = 60.0
MAX_RETRY_AFTER = 3_600.0


class _Waiting(msgspec.Struct):
    policy: NotifyPolicy
    alerts: dict[str, Alert]
    attempts: int = 0


class Receiver:
    """Tells one Notifier. `offer` never blocks; `run` does the work until it is cancelled."""

    def __init__(
        self,
        notifier: Notifier,
        notices: NotificationLog,
        clock: Clock,
        *,
        timeout: float,
        max_attempts: int,
        pause: Callable[[int], float] | None = None,
    ) -> None:
        self.name = notifier.name
        self._notifier = notifier
        self._notices = notices
        self._clock = clock
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._pause = pause or _backoff
        self._waiting: dict[str, _Waiting] = {}
        self._refused: dict[str, NotificationEntry] = {}  # what was given up for good: not to be tried at once again
        self._work = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is on its way."""
        return self._settled.is_set()

    async def settled(self) -> None:
        """Returns when nothing waits or is on its way."""
        await self._settled.wait()

    def offer(self, key: str, policy: NotifyPolicy, alerts: Iterable[Alert]) -> None:
        """The newest states of a group; told if there is something to say."""
        waiting = self._waiting.get(key)
        if waiting is None:
            if len(self._waiting) >= MAX_WAITING:
                oldest = next(iter(self._waiting))
                self._give_up(oldest, self._waiting.pop(oldest).attempts, "too many notices wait")
            waiting = self._waiting[key] = _Waiting(policy, {})
        waiting.policy = policy
        offered = {name_of(alert): alert for alert in alerts}
        over = {name: one for name, one in waiting.alerts.items() if one.status == "resolved"}
        waiting.alerts = over | offered  # what is over was offered once, and must not be lost
        self._settled.clear()
        self._work.set()

    async def run(self) -> None:
        """Deliver what is offered, group by group, for ever."""
        while True:
            await self._work.wait()
            while self._waiting:
                try:
                    pause = await self._deliver(next(iter(self._waiting)))
                except StorageError as error:
                    log.warning("notification log not available", receiver=self.name, error=error)
                    pause = 1.0
                if pause:
                    await asyncio.sleep(pause)
            self._work.clear()
            self._settled.set()

    async def _deliver(self, key: str) -> float:
        """Tell one group. Seconds to wait before anything else is sent to this receiver."""
        waiting = self._waiting.pop(key)
        try:
            last = await asyncio.to_thread(self._notices.last, self.name, key)
        except StorageError:
            self._put_back(key, waiting)
            raise
        refused = self._refused.get(key)
        if refused is not None and (last is None or refused.sent_at >= last.sent_at):
            last = refused
        notification = self._notification(key, waiting, last, self._clock.now())
        if notification is None:
            return 0.0
        waiting.attempts += 1
        try:
            async with asyncio.timeout(self._timeout):
                await self._notifier.notify(notification)
        except NotifyRetry as error:
            return self._retry(key, waiting, error, error.retry_after)
        except NotifyError as error:
            self._refused[key] = _entry(notification, waiting)
            self._give_up(key, waiting.attempts, error)
            return 0.0
        except TimeoutError:
            return self._retry(key, waiting, NotifyRetry(f"did not answer within {self._timeout:g} s"), None)
        except asyncio.CancelledError:
            self._put_back(key, waiting)
            raise
        except Exception as error:  # noqa: BLE001 - a notifier's bug must not end the others' deliveries
            # Only its type: what a library says may hold an address with its secret.
            return self._retry(key, waiting, NotifyRetry(f"failed with {type(error).__name__}"), None)
        await self._record(_entry(notification, waiting))
        self._refused.pop(key, None)
        metrics.notifications.labels(self.name, "sent").inc()
        log.info("notified", receiver=self.name, group=key, reason=notification.reason, alerts=len(notification.alerts))
        return 0.0

    def _notification(
        self, key: str, waiting: _Waiting, last: NotificationEntry | None, now: datetime
    ) -> Notification | None:
        alerts = [one for name, one in waiting.alerts.items() if one.status == "firing" or not _told(name, last)]
        said = said_of(waiting.alerts.values())
        reason = needs_update(last, said, waiting.policy, now)
        if reason is None:
            return None
        return Notification(receiver=self.name, group_key=key, alerts=tuple(alerts), reason=reason, sent_at=now)

    def _retry(self, key: str, waiting: _Waiting, error: NotifyRetry, retry_after: float | None) -> float:
        if waiting.attempts >= self._max_attempts:
            self._give_up(key, waiting.attempts, error)
            return self._pause(1)
        metrics.notifications.labels(self.name, "retry").inc()
        pause = max(self._pause(waiting.attempts), min(retry_after or 0.0, MAX_RETRY_AFTER))
        log.warning(
            "notice not delivered, trying again",
            receiver=self.name, group=key, attempt=waiting.attempts, seconds=round(pause, 1), error=error,
        )  # fmt: skip
        self._put_back(key, waiting)
        return pause

    def _put_back(self, key: str, waiting: _Waiting) -> None:
        newer = self._waiting.pop(key, None)
        if newer is not None:  # offered while this one was on its way
            over = {name: one for name, one in waiting.alerts.items() if one.status == "resolved"}
            waiting = _Waiting(newer.policy, over | newer.alerts, waiting.attempts)
        self._waiting = {key: waiting} | self._waiting  # it keeps its turn

    def _give_up(self, key: str, attempts: int, why: object) -> None:
        metrics.notifications.labels(self.name, "failed").inc()
        log.error("notice given up", receiver=self.name, group=key, attempts=attempts, error=why)

    async def _record(self, entry: NotificationEntry) -> None:
        """Write down what was said. A failing store is tried again: forgetting it would say everything twice."""
        for attempt in range(1, 4):
            try:
                await asyncio.to_thread(self._notices.record, entry)
            except StorageError as error:
                log.warning("notice sent but not recorded", receiver=self.name, group=entry.group_key, error=error)
                await asyncio.sleep(0.2 * attempt)
            else:
                return
        self._refused[entry.group_key] = entry  # remembered here at least


def _told(name: str, last: NotificationEntry | None) -> bool:
    return last is not None and name in last.resolved


def _entry(notification: Notification, waiting: _Waiting) -> NotificationEntry:
    said = said_of(waiting.alerts.values())
    return NotificationEntry(
        receiver=notification.receiver,
        group_key=notification.group_key,
        firing=tuple(sorted(said.firing)),
        resolved=tuple(sorted(said.resolved)),
        severity=said.severity,
        reason=notification.reason,
        sent_at=notification.sent_at or notification.alerts[0].updated_at,
    )


def _backoff(attempt: int) -> float:
    """Seconds: 1, 2, 4, … up to a minute, each a little different, so that many don't come back at once."""
    return min(2.0 ** (attempt - 1), MAX_PAUSE) * random.uniform(0.75, 1.0)  # noqa: S311 - no secret
