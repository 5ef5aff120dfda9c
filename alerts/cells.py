"""One rule for one group: its window, where it stands, and its alert. And the small things that are said of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from alerts.durations import format_duration
from alerts.rules import Reading, StoryRule
from alerts.samples import Sample
from alerts.states import INACTIVE, Phase
from alerts.windows import Window
from riskwire.types import Alert


class Late(msgspec.Struct, frozen=True):
    """A window that had passed when late stories completed it. It holds as long as one that was on time would."""

    until: datetime
    end: datetime
    reading: Reading
    samples: tuple[Sample, ...]


class Cell:
    """One rule for one group."""

    def __init__(self, rule: StoryRule, order: int, group: str, lateness: timedelta) -> None:
        self.rule = rule
        self.group = group
        self.order = (order, group)
        self.window = Window(rule.window, lateness)
        self.phase: Phase = INACTIVE
        self.alert: Alert | None = None  # the newest state of the open alert
        self.ended: Alert | None = None  # the last one that is over
        self.late: Late | None = None
        self.guard: datetime | None = None  # the alert came from the store, and holds everything up to then
        self.due: datetime | None = None


def ended_state(alert: Alert, now: datetime, why: str) -> Alert:
    """The alert, over now."""
    annotations = {key: text for key, text in alert.annotations.items() if key != "held_until"} | {"ended": why}
    return msgspec.structs.replace(
        alert,
        status="resolved",
        ends_at=now,
        updated_at=now,
        transition=alert.transition + 1,
        annotations=annotations,
    )


def late_words(late: Late, now: datetime) -> dict[str, str]:
    """What a held alert's annotations say of it, to people and to the engine after a restart."""
    ago = format_duration(now - late.end)
    return {
        "late": f"These stories arrived late: their window ended {ago} before.",
        "held_until": late.until.isoformat(),
    }


def held_from(alert: Alert) -> Late | None:
    """The reverse: what holds a stored alert. Its samples are not kept; its evidence is."""
    text = alert.annotations.get("held_until")
    if text is None:
        return None
    until = datetime.fromisoformat(text)
    return Late(until, alert.updated_at, Reading(value=alert.value), ())


def content_of(alert: Alert) -> object:
    """What makes a state of a firing alert worth storing when it differs."""
    annotations = {key: text for key, text in alert.annotations.items() if key not in ("late", "held_until")}
    return alert.value, alert.evidence, annotations
