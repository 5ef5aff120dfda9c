"""A rule's reading of a window → the Alert that a desk reads: what, whom, how bad, on what evidence, since when."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from alerts.durations import format_duration
from alerts.rules import Reading, StoryRule
from alerts.samples import MARKET, Sample
from alerts.templates import fill
from riskwire.identity import fingerprint
from riskwire.types import Alert, Evidence

MAX_EVIDENCE = 10
#: Annotations that every alert has, beside `summary` and the rule's own: what was read, in a reader's words, and how it
#: ended. `held_until` and `worst_value` are for the engine, which takes an alert up again after a restart.
OWN_ANNOTATIONS = frozenset(
    {
        "company", "condition", "ended", "error", "held_until", "last_success", "late", "measure", "reading", "sources",
        "stories", "worst", "worst_value",
    }
)  # fmt: skip


class Builder:
    """Writes alerts. `base_url` is the page's; `names` gives a company's name for its symbol where it is known."""

    def __init__(self, base_url: str = "", names: Mapping[str, str] | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._names = names or {}

    def company(self, group: str) -> str:
        """The group as a reader says it: `Harwick Bancorp (HWKB)`, `HWKB`, `the market`."""
        if group == MARKET:
            return "the market"
        name = self._names.get(group)
        return f"{name} ({group})" if name else group

    def firing(
        self,
        rule: StoryRule,
        group: str,
        reading: Reading,
        samples: Iterable[Sample],
        *,
        starts_at: datetime,
        now: datetime,
        transition: int,
        pending: bool = False,
        before: Alert | None = None,
        late: Mapping[str, str] | None = None,
    ) -> Alert:
        """An open alert, pending or firing."""
        stories = list(samples)
        labels = labels_of(rule, group)
        return Alert(
            rule=rule.name,
            labels=labels,
            annotations=self._annotations(rule, group, reading) | _worst(rule, reading, before) | dict(late or {}),
            severity=rule.severity,
            status="pending" if pending else "firing",
            starts_at=starts_at,
            updated_at=now,
            fingerprint=fingerprint(labels),
            transition=transition,
            value=None if reading.value is None else round(reading.value, 6),
            threshold=rule.threshold,
            window=rule.window.total_seconds(),
            evidence=evidence_of(rule, stories),
            generator_url=self.link(rule, group, starts_at, now),
            origin="demo" if any(sample.demo for sample in stories) else "live",
        )

    def link(self, rule: StoryRule, group: str, starts_at: datetime, now: datetime) -> str | None:
        """The page, filtered to the company and the time of the alert; None where no address is known."""
        if not self._base_url:
            return None
        query = {"symbol": group} if group != MARKET else {}
        query["since"] = _utc(starts_at - rule.window)
        query["until"] = _utc(now + timedelta(minutes=1))  # exclusive, and the newest story should be in it
        return f"{self._base_url}/?{urlencode(query)}"

    def _annotations(self, rule: StoryRule, group: str, reading: Reading) -> dict[str, str]:
        value = "unknown" if reading.value is None else rule.show(reading.value)
        sign = "≤" if rule.below is not None else "≥"
        own = {
            "company": self.company(group),
            "measure": rule.words(),
            "condition": f"{sign} {rule.show(rule.threshold)}",
            "reading": value,
            "stories": str(reading.n),
            "sources": str(reading.sources),
        }
        fields = {
            "symbol": group or "market",
            "company": own["company"],
            "value": value,
            "threshold": rule.show(rule.threshold),
            "n": own["stories"],
            "sources": own["sources"],
            "window": format_duration(rule.window),
            "rule": rule.name,
            "severity": rule.severity,
        }
        default = "{company}: " + rule.words() + " {value} over {n} stories in {window}."
        texts = {"summary": default} | rule.annotations
        return {key: fill(text, fields) for key, text in texts.items()} | own


def _worst(rule: StoryRule, reading: Reading, before: Alert | None) -> dict[str, str]:
    """The value furthest beyond the threshold so far, as a reader sees it and as a number."""
    values = [reading.value] if reading.value is not None else []
    if before is not None and (text := before.annotations.get("worst_value")) is not None:
        values.append(float(text))
    if not values:
        return {}
    worst = min(values) if rule.below is not None else max(values)
    return {"worst": rule.show(worst), "worst_value": repr(worst)}


def labels_of(rule: StoryRule, group: str) -> dict[str, str]:
    """What makes an alert this alert: its rule, its company, and the rule's own labels."""
    labels = {"rule": rule.name} | rule.labels
    if group != MARKET:
        labels["symbol"] = group
    return labels


def evidence_of(rule: StoryRule, samples: list[Sample]) -> tuple[Evidence, ...]:
    """The stories that carry it, strongest first; ties by id, so that a replay names the same ones."""
    carrying = [sample for sample in samples if rule.carries(sample)] or samples
    strongest = heapq.nsmallest(MAX_EVIDENCE, carrying, key=lambda sample: (rule.strength(sample), sample.id))
    return tuple(sample.evidence() for sample in strongest)


def _utc(then: datetime) -> str:
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")
