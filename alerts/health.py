"""Rules about the health of sources: what they watch, when they start and stop, and the words for it. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal, get_args

from alerts.durations import format_duration
from alerts.rules import Rule
from riskwire.ports import SourceHealth, SourceStatus

Trouble = Literal["silent", "failing", "refused", "gone"]
Measure = Literal["failures", "lateness", "undated", "duplicates"]
#: The statuses a rule can wait for, the worst last; and the numbers that it can compare.
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
MEASURES: tuple[Measure, ...] = get_args(Measure)
#: What an annotation of such a rule may name.
FIELDS = ("source", "status", "value", "threshold", "error", "rule", "severity")


class SourceHealthRule(Rule, frozen=True, kw_only=True):
    """One source is in one of these `statuses`; or, with `measure`, a number of its health has reached `above`.

    Shares (`undated`, `duplicates`) are 0…1, `lateness` is in seconds, `failures` are in a row. `sources` are names;
    none means all.
    """

    kind: ClassVar[str] = "source_health"

    statuses: tuple[Trouble, ...] = TROUBLES
    measure: Measure | None = None
    above: float = 0.0
    resolve_at: float | None = None
    sources: tuple[str, ...] = ()

    def watches(self, source: str) -> bool:
        """Whether it looks at this source."""
        return not self.sources or source in self.sources

    def starts(self, health: SourceHealth) -> bool:
        """Whether the condition is met."""
        if self.measure is None:
            return health.status in self.statuses
        value = self.value(health)
        return value is not None and value >= self.above

    def stays(self, health: SourceHealth) -> bool:
        """Whether a condition that was met still is: hysteresis, as for stories."""
        value = self.value(health)
        if self.measure is None or self.resolve_at is None or value is None:
            return self.starts(health)
        return value > self.resolve_at

    def value(self, health: SourceHealth) -> float | None:
        """The number that is compared; None where a status is, or nothing is known."""
        return None if self.measure is None else getattr(health, self.measure)

    def reading(self, health: SourceHealth) -> str:
        """What was found, as a reader says it."""
        value = self.value(health)
        if self.measure is None:
            return health.status
        return "unknown" if value is None else self.show(value)

    def condition(self) -> str:
        """What it starts at: `≥ 50 %`, `silent, failing or gone`."""
        if self.measure is not None:
            return f"≥ {self.show(self.above)}"
        *most, last = self.statuses
        return f"{', '.join(most)} or {last}" if most else last

    def show(self, value: float) -> str:
        """A value of this rule as a reader sees it."""
        if self.measure in ("undated", "duplicates"):
            return f"{value * 100:.0f} %"
        return format_duration(timedelta(seconds=value)) if self.measure == "lateness" else f"{value:.0f}"

    def words(self) -> str:
        """What is measured, as a reader says it."""
        if self.measure is None:
            return "status"
        return {
            "failures": "failures in a row",
            "lateness": "usual lateness",
            "undated": "share of undated stories",
            "duplicates": "share of duplicate stories",
        }[self.measure]

    def summary(self, health: SourceHealth) -> str:
        """The sentence that a notice begins with, unless the rule has one of its own."""
        if self.measure is not None:
            return f"{health.name}: {self.words()} {self.reading(health)}."
        return f"{health.name} {_found(health)}."


def worse(one: SourceStatus | str, other: SourceStatus | str) -> str:
    """The worse of two statuses."""
    return max(one, other, key=lambda status: TROUBLES.index(status) if status in TROUBLES else -1)


def _found(health: SourceHealth) -> str:
    if health.status == "silent":
        quiet, usual = (format_duration(timedelta(seconds=one or 0)) for one in (health.quiet, health.usual_quiet))
        return f"has brought nothing new for {quiet}; {usual} is the most that is usual"
    if health.status == "failing":
        return f"has failed {health.failures} times in a row"
    return "is gone for good" if health.status == "gone" else f"is {health.status}"
