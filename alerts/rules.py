"""What a rule is. A kind of rule about stories is a class with three things: `kind`, `measure` and `words`.

Windows, states, notices and the loader treat all kinds alike; a new kind is a class here and a reader in
`alerts.loader`. The rules about sources are in `alerts.health`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Literal

import msgspec

from alerts.samples import MARKET, MICRO, Sample
from alerts.windows import Totals
from riskwire.types import ScoredDocument, Severity, SourceType

Aggregate = Literal["mean", "min", "max", "count"]
GroupBy = Literal["symbol", "market"]
#: Rank of the severities: a notice whose severity rises is an escalation.
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


class Matcher(msgspec.Struct, frozen=True, kw_only=True):
    """Which stories a rule looks at. An empty list takes all; `min_confidence` is 0…1."""

    symbols: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    source_types: tuple[SourceType, ...] = ()
    min_confidence: float = 0.0

    def takes(self, document: ScoredDocument, group: str, sample: Sample) -> bool:
        """Whether this story counts for this group. For the market, it has to name one of the symbols."""
        if self.sources and document.source not in self.sources:
            return False
        if self.source_types and document.source_type not in self.source_types:
            return False
        if self.symbols:
            named = document.symbols if group == MARKET else (group,)
            if not any(symbol in self.symbols for symbol in named):
                return False
        return sample.confidence >= self.min_confidence * MICRO


class NotifyPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How alerts are put together and how often they are told. In Alertmanager's words, with shorter waits."""

    group_by: tuple[str, ...] = ("rule", "symbol")
    group_wait: timedelta = timedelta(seconds=5)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)
    send_resolved: bool = True


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule measured in a window: the value, over `n` stories from so many sources."""

    value: float | None = None
    n: int = 0
    sources: int = 0


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What all kinds share, whatever they look at: when it is told, of whom, and how."""

    kind: ClassVar[str] = ""

    name: str
    hold: timedelta = timedelta(0)  # `for`
    keep_firing_for: timedelta = timedelta(0)
    severity: Severity = "warning"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    notify: NotifyPolicy = NotifyPolicy()


class StoryRule(Rule, frozen=True, kw_only=True):
    """What the kinds share that look at stories. `above` and `below` are inclusive; exactly one of them is set.

    A rule starts when the value has reached its threshold with `min_documents` stories from `min_sources` sources, and
    stays until the value is back behind `resolve_at` (else the threshold), or no story is left in the window.
    """

    window: timedelta
    above: float | None = None
    below: float | None = None
    resolve_at: float | None = None
    group_by: GroupBy = "symbol"
    min_documents: int = 1
    min_sources: int = 1
    match: Matcher = Matcher()

    def measure(self, totals: Totals, samples: Sequence[Sample]) -> float | None:
        """The value of a window with these totals and samples; None when it says nothing."""
        raise NotImplementedError

    def words(self) -> str:
        """What is measured, as a reader says it."""
        raise NotImplementedError

    def needs_samples(self) -> bool:
        """Whether `measure` looks at the samples, not just at the totals."""
        return False

    @property
    def threshold(self) -> float:
        """The value at which it starts."""
        value = self.below if self.below is not None else self.above
        assert value is not None
        return value

    def starts(self, reading: Reading) -> bool:
        """Whether the condition is met, by enough stories from enough sources."""
        if reading.value is None or reading.n < self.min_documents or reading.sources < self.min_sources:
            return False
        return reading.value <= self.threshold if self.below is not None else reading.value >= self.threshold

    def stays(self, reading: Reading) -> bool:
        """Whether a condition that was met still is: the value has not come back, and stories are left."""
        if reading.value is None or not reading.n:
            return False
        if self.resolve_at is not None:
            return reading.value < self.resolve_at if self.below is not None else reading.value > self.resolve_at
        return reading.value <= self.threshold if self.below is not None else reading.value >= self.threshold

    def show(self, value: float) -> str:
        """A value of this rule as a reader sees it."""
        return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")

    def carries(self, sample: Sample) -> bool:
        """Whether a story is evidence: it lies on the threshold's side of zero, or of the threshold."""
        limit = self.threshold * MICRO
        return sample.score <= max(limit, -1) if self.below is not None else sample.score >= min(limit, 1)

    def strength(self, sample: Sample) -> tuple[float, float]:
        """What the evidence is sorted by, strongest first: the most against the threshold, then the newest."""
        direction = 1 if self.below is not None else -1
        return direction * sample.score, -sample.event_time.timestamp()


class Threshold(StoryRule, frozen=True, kw_only=True):
    """An aggregate of the window: the confidence-weighted mean, the lowest or highest score, or the count."""

    kind: ClassVar[str] = "threshold"

    aggregate: Aggregate = "mean"

    def measure(self, totals: Totals, samples: Sequence[Sample]) -> float | None:
        """See StoryRule.measure."""
        if self.aggregate == "count":
            return float(totals.n)
        if self.aggregate == "mean":
            return totals.mean
        scores = [sample.score for sample in samples]
        if not scores:
            return None
        return (min(scores) if self.aggregate == "min" else max(scores)) / MICRO

    def needs_samples(self) -> bool:
        """See StoryRule.needs_samples."""
        return self.aggregate in ("min", "max")

    def words(self) -> str:
        """See StoryRule.words."""
        return {
            "mean": "mean sentiment",
            "min": "lowest sentiment",
            "max": "highest sentiment",
            "count": "stories",
        }[self.aggregate]

    def show(self, value: float) -> str:
        """See StoryRule.show."""
        return f"{value:.0f}" if self.aggregate == "count" else super().show(value)

    def carries(self, sample: Sample) -> bool:
        """See StoryRule.carries."""
        return self.aggregate == "count" or super().carries(sample)

    def strength(self, sample: Sample) -> tuple[float, float]:
        """See StoryRule.strength. For a count every story weighs the same, so the newest come first."""
        if self.aggregate == "count":
            return 0.0, -sample.event_time.timestamp()
        return super().strength(sample)


class NegativeShare(StoryRule, frozen=True, kw_only=True):
    """The share of negative stories in the window, 0…1; `min_documents` guards its denominator."""

    kind: ClassVar[str] = "negative_share"

    def measure(self, totals: Totals, samples: Sequence[Sample]) -> float | None:
        """See StoryRule.measure."""
        return totals.negative_share

    def words(self) -> str:
        """See StoryRule.words."""
        return "share of negative stories"

    def show(self, value: float) -> str:
        """See StoryRule.show."""
        return f"{value * 100:.0f} %"

    def carries(self, sample: Sample) -> bool:
        """See StoryRule.carries."""
        return sample.label == "negative" or self.below is not None

    def strength(self, sample: Sample) -> tuple[float, float]:
        """See StoryRule.strength. Negative stories carry it, whichever way the threshold points."""
        return float(sample.score), -sample.event_time.timestamp()


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of a file, in its order."""

    rules: tuple[Rule, ...]

    @property
    def about_stories(self) -> tuple[StoryRule, ...]:
        """Those that look at stories."""
        return tuple(rule for rule in self.rules if isinstance(rule, StoryRule))

    @property
    def longest_window(self) -> timedelta:
        """The longest window of any rule."""
        return max((rule.window for rule in self.about_stories), default=timedelta(0))

    def by_name(self, name: str) -> Rule | None:
        """The rule of this name."""
        return next((rule for rule in self.rules if rule.name == name), None)
