"""pending → firing → resolved, as one pure function over what a rule measured and the time.

inactive ──met──► pending ──`for` over──► firing ──not met for `keep_firing_for`──► inactive (resolved)
                     └──not met──► inactive
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from alerts.rules import Rule


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """Where one rule stands for one group. `since` is when its condition was first met, `clear_since` when a firing
    one was last met no more."""

    status: Literal["inactive", "pending", "firing"] = "inactive"
    since: datetime | None = None
    clear_since: datetime | None = None


INACTIVE = Phase()


def step(rule: Rule, phase: Phase, now: datetime, *, met: bool, stays: bool) -> Phase:
    """The next phase. `met`: the condition to start holds; `stays`: the weaker one (hysteresis) to go on holds."""
    if phase.status == "inactive":
        if not met:
            return INACTIVE
        return Phase(status="pending" if rule.hold else "firing", since=now)
    assert phase.since is not None
    if phase.status == "pending":
        if not met:
            return INACTIVE
        return Phase(status="firing", since=phase.since) if now - phase.since >= rule.hold else phase
    if stays or met:
        return Phase(status="firing", since=phase.since)
    clear_since = phase.clear_since or now
    if now - clear_since >= rule.keep_firing_for:
        return INACTIVE
    return Phase(status="firing", since=phase.since, clear_since=clear_since)


def due(rule: Rule, phase: Phase) -> datetime | None:
    """When the phase may change by time alone."""
    if phase.status == "pending" and phase.since is not None:
        return phase.since + rule.hold
    if phase.status == "firing" and phase.clear_since is not None:
        return phase.clear_since + rule.keep_firing_for
    return None


def fired(rule: Rule, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether an alert with these times fired, or ended while it was pending."""
    return ends_at - starts_at >= rule.hold
