"""Is there something to say that was not said? Pure; the answer is a named reason, or None."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from alerts.rules import SEVERITIES, NotifyPolicy
from riskwire.ports import NotificationEntry
from riskwire.types import Alert, NotificationReason, Severity


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a notice would say: the names of the alerts that fire and that are over, and the worst severity."""

    firing: frozenset[str] = frozenset()
    resolved: frozenset[str] = frozenset()
    severity: Severity = "info"


def name_of(alert: Alert) -> str:
    """`fingerprint@starts_at`: one episode of one alert."""
    return f"{alert.fingerprint}@{alert.starts_at.isoformat()}"


def said_of(alerts: Iterable[Alert]) -> Said:
    """What a notice with these alerts says. The severity is of those that fire; of all when none does."""
    every = list(alerts)
    firing = [alert for alert in every if alert.status == "firing"]
    worst = max((SEVERITIES.index(alert.severity) for alert in firing or every), default=0)
    return Said(
        firing=frozenset(name_of(alert) for alert in firing),
        resolved=frozenset(name_of(alert) for alert in every if alert.status == "resolved"),
        severity=SEVERITIES[worst],
    )


def needs_update(
    last: NotificationEntry | None, said: Said, policy: NotifyPolicy, now: datetime
) -> NotificationReason | None:
    """Why a receiver that was last told `last` has to be told this, if it has to."""
    told_firing = set(last.firing) if last is not None else set()
    told_resolved = set(last.resolved) if last is not None else set()
    if said.firing - told_firing:
        if not told_firing:
            return "first"
        return "escalated" if _rank(said.severity) > _rank(last.severity if last else "") else "new alerts"
    if said.firing and last is not None and _rank(said.severity) > _rank(last.severity):
        return "escalated"
    ended = said.resolved - told_resolved
    if policy.send_resolved and ended:
        # One that fired and ended before anything was said (a late batch, an outage) is still told of, once.
        return "resolved" if told_firing & ended or last is not None else "first"
    if not policy.send_resolved and ended - told_firing:
        return "first"
    if said.firing and last is not None and now - last.sent_at >= policy.repeat_interval:
        return "repeat"
    return None


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1
