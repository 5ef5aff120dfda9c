"""Health of sources and time in, states of alerts out. Pure, as `alerts.evaluate` is for stories.

Time is each record's `at` and the ticks; a `for` that is over fires at its own moment, in order. So the same records
give the same alerts, however they are batched and how often somebody ticks in between.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from alerts.cells import ended_state
from alerts.health import SourceHealthRule, worse
from alerts.rules import RuleSet
from alerts.states import INACTIVE, Phase, due, step
from alerts.templates import fill
from riskwire.identity import fingerprint
from riskwire.ports import SourceHealth
from riskwire.types import Alert

_INSTANT = timedelta(microseconds=1)


class _Cell:
    """One rule for one source."""

    def __init__(self, rule: SourceHealthRule, order: int, source: str) -> None:
        self.rule = rule
        self.order = (order, source)
        self.health: SourceHealth | None = None
        self.phase: Phase = INACTIVE
        self.alert: Alert | None = None  # the newest state of the open alert
        self.guard: datetime | None = None  # the alert came from the store, and holds everything up to then
        self.due: datetime | None = None


class HealthEvaluator:
    """The rules over the sources' health. `sources` are those that are there: of others nothing is said any more."""

    def __init__(self, rules: RuleSet, *, sources: Collection[str] | None = None, base_url: str = "") -> None:
        self.rules = tuple(rule for rule in rules.rules if isinstance(rule, SourceHealthRule))
        self.now: datetime | None = None
        self._sources = sources
        self._base_url = base_url.rstrip("/")
        self._cells: dict[tuple[int, str], _Cell] = {}
        self._heap: list[tuple[datetime, tuple[int, str]]] = []

    @property
    def firing(self) -> int:
        """How many alerts fire."""
        return sum(cell.phase.status == "firing" for cell in self._cells.values())

    def fill(self, health: SourceHealth) -> None:
        """Remember a record that was handled before. Nothing is said about it, unless a rule is new."""
        self._move(health.at)
        for cell in self._watching(health):
            cell.health = health
            self._schedule(cell, health.at)

    def restore(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Go on from the stored states: the newest of each alert. Call it after `fill` and before anything else.

        What it returns are alerts whose rule or source is gone: now resolved.
        """
        ended = []
        for alert in sorted(alerts, key=lambda one: (one.updated_at, one.transition)):
            cell = self._cell_of(alert)
            now = max(alert.updated_at, self.now or alert.updated_at)
            if cell is not None:
                cell.guard = alert.updated_at
                if alert.status != "resolved":
                    cell.alert, cell.phase = alert, Phase(status=alert.status, since=alert.starts_at)
                self._schedule(cell, now)
            elif alert.status != "resolved":
                ended.append(ended_state(alert, now, "the rule or the source was removed"))
        return ended

    def observe(self, health: SourceHealth) -> list[Alert]:
        """A source is like that since `health.at`. The states that alerts entered by it and by the time until then."""
        states = self.advance(health.at)
        for cell in self._watching(health):
            cell.health = health
            states += self._evaluate(cell, heard=True)
        return states

    def advance(self, now: datetime) -> list[Alert]:
        """It is `now`. The states that alerts entered by time alone, each stamped with its own moment."""
        states: list[Alert] = []
        while self._heap and self._heap[0][0] <= now:
            then, key = heapq.heappop(self._heap)
            cell = self._cells[key]
            if cell.due != then:
                continue  # it was evaluated since, and has another moment
            cell.due = None
            self._move(then)
            states += self._evaluate(cell)
        self._move(now)
        return states

    def _evaluate(self, cell: _Cell, *, heard: bool = False) -> list[Alert]:
        now, rule, health, last = self.now, cell.rule, cell.health, cell.alert
        assert now is not None
        if health is None:
            return []  # an alert from the store, whose source was not heard of since
        if cell.guard is not None and now <= cell.guard:
            self._schedule(cell, cell.guard + _INSTANT)
            return []
        cell.guard = None
        phase = step(rule, cell.phase, now, met=rule.starts(health), stays=rule.stays(health))
        entered = phase.status != cell.phase.status
        cell.phase = phase
        if then := due(rule, phase):
            self._schedule(cell, then)
        if phase.status == "inactive":
            cell.alert = None
            return [ended_state(last, now, f"{rule.words()} is {rule.reading(health)}")] if last is not None else []
        if not entered and not heard:
            return []
        alert = self._alert(rule, health, phase, last)
        if not entered and last is not None and (alert.value, alert.annotations) == (last.value, last.annotations):
            return []
        cell.alert = alert
        return [alert]

    def _alert(self, rule: SourceHealthRule, health: SourceHealth, phase: Phase, last: Alert | None) -> Alert:
        assert self.now is not None
        assert phase.since is not None
        labels = labels_of(rule, health.name)
        return Alert(
            rule=rule.name,
            labels=labels,
            annotations=_annotations(rule, health, last),
            severity=rule.severity,
            status="pending" if phase.status == "pending" else "firing",
            starts_at=phase.since,
            updated_at=self.now,
            fingerprint=fingerprint(labels),
            transition=last.transition + 1 if last else 1,
            value=rule.value(health),
            threshold=rule.above if rule.measure else None,
            generator_url=f"{self._base_url}/?{urlencode({'source': health.name})}#feeds" if self._base_url else None,
        )

    def _watching(self, health: SourceHealth) -> list[_Cell]:
        if self._sources is not None and health.name not in self._sources:
            return []
        watching = [index for index, rule in enumerate(self.rules) if rule.watches(health.name)]
        return [self._cell(index, health.name) for index in watching]

    def _cell_of(self, alert: Alert) -> _Cell | None:
        source = alert.labels.get("source", "")
        if self._sources is not None and source not in self._sources:
            return None
        for index, rule in enumerate(self.rules):
            if (
                rule.name == alert.rule
                and rule.watches(source)
                and fingerprint(labels_of(rule, source)) == alert.fingerprint
            ):
                return self._cell(index, source)
        return None

    def _cell(self, index: int, source: str) -> _Cell:
        return self._cells.setdefault((index, source), _Cell(self.rules[index], index, source))

    def _schedule(self, cell: _Cell, then: datetime) -> None:
        if cell.due != then:
            cell.due = then
            heapq.heappush(self._heap, (then, cell.order))

    def _move(self, now: datetime) -> None:
        self.now = now if self.now is None else max(self.now, now)


def labels_of(rule: SourceHealthRule, source: str) -> dict[str, str]:
    """What makes an alert this alert: its rule, its source, and the rule's own labels."""
    return {"rule": rule.name} | rule.labels | {"source": source}


def _annotations(rule: SourceHealthRule, health: SourceHealth, last: Alert | None) -> dict[str, str]:
    before = last.annotations if last is not None else {}
    own = {
        "company": health.name,
        "measure": rule.words(),
        "condition": rule.condition(),
        "reading": rule.reading(health),
        "error": health.error or "",
        "last_success": f"{health.last_success_at:%a %d %b %H:%M} UTC" if health.last_success_at else "",
    }
    value = rule.value(health)
    if value is not None:
        worst = max(value, float(before.get("worst_value", value)))
        own |= {"worst": rule.show(worst), "worst_value": repr(worst)}
    elif rule.measure is None:
        own["worst"] = worse(before.get("worst", ""), health.status)
    fields = {
        "source": health.name,
        "status": health.status,
        "value": own["reading"],
        "threshold": rule.show(rule.above) if rule.measure else own["condition"],
        "error": own["error"],
        "rule": rule.name,
        "severity": rule.severity,
    }
    texts = {key: fill(text, fields) for key, text in rule.annotations.items()}
    return {"summary": rule.summary(health)} | texts | {key: text for key, text in own.items() if text}
