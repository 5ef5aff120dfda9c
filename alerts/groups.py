"""Alerts that belong together become one notice: first after `group_wait`, then every `group_interval`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alerts.dedup import name_of
from alerts.rules import SEVERITIES, NotifyPolicy, RuleSet
from riskwire.types import Alert


def group_key(alert: Alert, policy: NotifyPolicy) -> str:
    """The labels that the group shares, as text: `rule=company-negative-news,symbol=HWKB`."""
    labels = alert.labels | {"rule": alert.rule, "severity": alert.severity}
    return ",".join(f"{label}={labels.get(label, '')}" for label in policy.group_by) or "all"


class Group:
    """The alerts of one key, each in its newest state, and when it is told next."""

    def __init__(self, key: str, policy: NotifyPolicy, due: datetime) -> None:
        self.key = key
        self.policy = policy
        self.due = due
        self.told = False
        self.alerts: dict[str, Alert] = {}

    def severity(self) -> int:
        """The rank of the worst that fires."""
        return max(
            (SEVERITIES.index(one.severity) for one in self.alerts.values() if one.status == "firing"), default=-1
        )


class Groups:
    """All groups. `put` alerts in, ask what is `due`."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._groups: dict[str, Group] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def policy(self, alert: Alert) -> NotifyPolicy:
        """The policy of the alert's rule; the default one for a rule that is gone."""
        rule = self._rules.by_name(alert.rule)
        return rule.notify if rule is not None else NotifyPolicy()

    def put(self, alerts: Iterable[Alert], now: datetime) -> None:
        """Newer states replace older ones. A rise in severity, or an end, of what was told does not wait."""
        for alert in alerts:
            policy = self.policy(alert)
            key = group_key(alert, policy)
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = Group(key, policy, now + policy.group_wait)
            before = group.severity()
            known = group.alerts.get(name_of(alert))
            if known is None or known.transition < alert.transition:
                group.alerts[name_of(alert)] = alert
            if group.told and group.severity() > before:
                group.due = min(group.due, now + policy.group_wait)

    def due(self, now: datetime) -> list[tuple[str, NotifyPolicy, list[Alert]]]:
        """(key, policy, alerts) of the groups whose time has come. What is over leaves the group with this."""
        ready = []
        for group in [one for one in self._groups.values() if one.due <= now]:
            ready.append((group.key, group.policy, sorted(group.alerts.values(), key=_order)))
            group.told = True
            group.due = now + group.policy.group_interval
            group.alerts = {name: one for name, one in group.alerts.items() if one.status != "resolved"}
            if not group.alerts:
                del self._groups[group.key]
        return ready

    def next_due(self) -> datetime | None:
        """When the next group is to be told."""
        return min((group.due for group in self._groups.values()), default=None)

    def hurry(self, now: datetime) -> None:
        """Let nothing wait that was not told: the program is about to stop."""
        for group in self._groups.values():
            group.due = min(group.due, now)


def _order(alert: Alert) -> tuple[int, bool, float, str]:
    return -SEVERITIES.index(alert.severity), alert.status == "resolved", alert.starts_at.timestamp(), alert.fingerprint
