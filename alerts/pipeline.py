"""The way of a notice: group → (each receiver on its own:) dedup → send with retry → record.

What must be sent is a function of the stored alerts and the notification log, so nothing that waits here has to survive
a crash: `restore` finds it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from alerts.dedup import name_of
from alerts.groups import Groups, group_key
from alerts.receivers import Receiver
from alerts.rules import RuleSet
from alerts.states import fired
from riskwire.clock import Clock
from riskwire.log import get_logger
from riskwire.ports import NotificationEntry, NotificationLog, Notifier
from riskwire.settings import AlertSettings
from riskwire.types import Alert

log = get_logger("alerts")

#: After a restart, an alert that ended without a word is still told of when it ended this lately.
UNTOLD_WITHIN = timedelta(hours=6)
#: Seconds that notices on their way get when the program stops; what is left is found again at the next start.
DRAIN_SECONDS = 3.0
_LOOK_EVERY = 0.1


class NoticePipeline:
    """Takes states of alerts, tells each receiver what it has not been told."""

    def __init__(
        self,
        rules: RuleSet,
        notifiers: Sequence[Notifier],
        notices: NotificationLog,
        clock: Clock,
        settings: AlertSettings,
    ) -> None:
        self._rules = rules
        self._notices = notices
        self._clock = clock
        self._groups = Groups(rules)
        self.receivers = [
            Receiver(notifier, notices, clock, timeout=settings.timeout, max_attempts=settings.max_attempts)
            for notifier in notifiers
        ]

    @property
    def idle(self) -> bool:
        """Whether no receiver has anything left to deliver."""
        return all(receiver.idle for receiver in self.receivers)

    def accept(self, alerts: Iterable[Alert]) -> None:
        """New states. Never blocks."""
        self._groups.put((alert for alert in alerts if self._is_news(alert)), self._clock.now())

    async def restore(self, alerts: Iterable[Alert]) -> None:
        """Take up what was not told before the last stop: the stored newest states against the notification log."""
        known = [alert for alert in alerts if self._is_news(alert)]
        firing = [alert for alert in known if alert.status == "firing"]
        self._groups.put(firing, self._clock.now())
        resolved: dict[str, list[Alert]] = {}
        for alert in known:
            if alert.status == "resolved":
                resolved.setdefault(group_key(alert, self._groups.policy(alert)), []).append(alert)
        for key, ended in resolved.items():
            policy = self._groups.policy(ended[0])
            together = [one for one in firing if group_key(one, self._groups.policy(one)) == key]
            for receiver in self.receivers:
                last = await asyncio.to_thread(self._notices.last, receiver.name, key)
                untold = [alert for alert in ended if _is_untold(alert, last, self._clock.now())]
                if untold:
                    receiver.offer(key, policy, [*together, *untold])

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set, and then what is on its way, for a few seconds."""
        tasks = [asyncio.create_task(receiver.run(), name=f"notify {receiver.name}") for receiver in self.receivers]
        try:
            while not stop.is_set():
                self._hand_over()
                try:
                    async with asyncio.timeout(_LOOK_EVERY):
                        await stop.wait()
                except TimeoutError:
                    continue
            await self._drain()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _hand_over(self) -> None:
        for key, policy, alerts in self._groups.due(self._clock.now()):
            for receiver in self.receivers:
                receiver.offer(key, policy, alerts)

    async def _drain(self) -> None:
        self._groups.hurry(self._clock.now())
        self._hand_over()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                for receiver in self.receivers:
                    await receiver.settled()
        except TimeoutError:
            log.warning(
                "notices left for the next start", receivers=[one.name for one in self.receivers if not one.idle]
            )

    def _is_news(self, alert: Alert) -> bool:
        """Whether people are told of it: it fires, or it is over and had fired."""
        if alert.status == "pending":
            return False
        rule = self._rules.by_name(alert.rule)
        if alert.status == "resolved" and rule is not None and alert.ends_at is not None:
            return fired(rule, alert.starts_at, alert.ends_at)
        return True


def _is_untold(alert: Alert, last: NotificationEntry | None, now: datetime) -> bool:
    name = name_of(alert)
    if last is not None and name in last.firing:
        return name not in last.resolved
    ended = alert.ends_at or alert.updated_at
    if now - ended > UNTOLD_WITHIN:
        return False
    return last is None or (name not in last.resolved and ended > last.sent_at)
