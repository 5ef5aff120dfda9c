"""Rules about sources: what fires, when, what it says, and what goes on after a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from alerts.health import SourceHealthRule
from alerts.loader import load_rules, parse_rules
from alerts.notifiers.base import cards_of, subject_of, text_of
from alerts.rules import RuleSet
from alerts.watch import HealthEvaluator
from riskwire.errors import RulesError
from riskwire.ports import SourceHealth
from riskwire.types import Alert, Notification

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
TROUBLE = SourceHealthRule(name="trouble", hold=timedelta(minutes=15))


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def health(minutes: float, status: str = "ok", name: str = "wire", **fields: object) -> SourceHealth:
    return SourceHealth(name=name, status=status, at=at(minutes), **fields)  # type: ignore[arg-type]


def evaluator(*rules: SourceHealthRule, **fields: object) -> HealthEvaluator:
    return HealthEvaluator(RuleSet(rules=rules or (TROUBLE,)), **fields)  # type: ignore[arg-type]


def told(states: list[Alert]) -> list[tuple[str, str, float]]:
    return [(one.labels["source"], one.status, (one.updated_at - T0).total_seconds() / 60) for one in states]


@pytest.mark.parametrize("status", ["silent", "failing", "refused", "gone"])
def test_trouble_fires_after_its_time_and_is_over_when_the_source_is_back(status: str) -> None:
    it = evaluator()
    assert told(it.observe(health(0))) == []
    assert told(it.observe(health(10, status))) == [("wire", "pending", 10)]
    assert told(it.advance(at(24))) == []
    assert told(it.advance(at(60))) == [("wire", "firing", 25)], "at its own moment, not at that of the tick"
    (over,) = it.observe(health(70))
    assert told([over]) == [("wire", "resolved", 70)]
    assert over.annotations["ended"] == "status is ok"
    assert over.annotations["worst"] == status
    assert it.firing == 0


def test_what_is_over_before_its_time_was_never_told() -> None:
    it = evaluator()
    it.observe(health(0, "failing"))
    assert [one.status for one in it.observe(health(14.9))] == ["resolved"]
    assert it.advance(at(600)) == []


def test_one_that_flaps_stays_one_alert() -> None:
    it = evaluator(SourceHealthRule(name="r", keep_firing_for=timedelta(minutes=10)))
    states = it.observe(health(0, "failing"))
    for minute, status in ((5, "ok"), (9, "failing"), (20, "ok"), (25, "silent"), (40, "ok")):
        states += it.observe(health(minute, status))
    states += it.advance(at(90))
    assert {one.starts_at for one in states} == {at(0)}
    assert [one.status for one in states[:-1]] == ["firing"] * (len(states) - 1)
    assert told(states[-1:]) == [("wire", "resolved", 50)]


def test_only_the_statuses_and_sources_that_were_asked_for() -> None:
    rule = SourceHealthRule(name="r", statuses=("gone",), sources=("wire",))
    it = evaluator(rule)
    assert it.observe(health(0, "failing")) == []
    assert it.observe(health(1, "gone", name="other")) == []
    assert told(it.observe(health(2, "gone"))) == [("wire", "firing", 2)]


def test_sources_that_are_not_polled_any_more_are_nothing_to_it() -> None:
    assert evaluator(SourceHealthRule(name="r"), sources={"other"}).observe(health(0, "gone")) == []


def test_worse_is_told_as_the_same_alert() -> None:
    it = evaluator(SourceHealthRule(name="r"))
    (first,) = it.observe(health(0, "failing", failures=3, error="HTTP 500"))
    (more,) = it.observe(health(5, "failing", failures=4, error="HTTP 500"))
    (gone,) = it.observe(health(9, "gone", failures=5, error="HTTP 410"))
    assert {one.fingerprint for one in (first, more, gone)} == {first.fingerprint}
    assert [one.transition for one in (first, more, gone)] == [1, 2, 3]
    assert gone.starts_at == first.starts_at
    assert more.annotations["summary"] == "wire has failed 4 times in a row."
    assert gone.annotations["summary"] == "wire is gone for good."
    assert it.observe(health(10, "gone", failures=5, error="HTTP 410")) == [], "nothing new"


@pytest.mark.parametrize(
    ("measure", "above", "back", "values", "shown"),
    [
        ("undated", 0.5, 0.3, (0.4, 0.6, 0.4, 0.3), "60 %"),
        ("duplicates", 0.8, 0.5, (None, 0.9, 0.6, 0.2), "90 %"),
        ("lateness", 3600, 1800, (60, 5400, 2000, 900), "1h30m"),
        ("failures", 5, None, (3, 7, 6, 0), "7"),
    ],
)
def test_numbers_with_hysteresis(
    measure: str, above: float, back: float | None, values: tuple[float | None, ...], shown: str
) -> None:
    rule = SourceHealthRule(name="r", measure=measure, above=above, resolve_at=back)  # type: ignore[arg-type]
    it = evaluator(rule)
    states = [it.observe(health(n, "ok", **{measure: value or 0})) for n, value in enumerate(values)]
    assert [[one.status for one in some] for some in states] == [[], ["firing"], ["firing"], ["resolved"]]
    (first,) = states[1]
    assert (first.value, first.threshold) == (values[1], above)
    assert first.annotations["reading"] == shown
    assert states[3][0].annotations["worst"] == shown


def test_what_is_not_known_is_no_trouble() -> None:
    rule = SourceHealthRule(name="r", measure="undated", above=0.1)
    assert evaluator(rule).observe(health(0, "ok", undated=None)) == []


def test_a_restart_goes_on_where_it_was() -> None:
    before = evaluator()
    (pending,) = before.observe(health(0, "failing"))
    (firing,) = before.advance(at(20))
    for stored, wanted in ((pending, [("wire", "firing", 15)]), (firing, [])):
        it = evaluator()
        it.fill(health(0, "failing"))
        assert it.restore([stored]) == []
        assert told(it.advance(at(50))) == wanted
        assert told(it.observe(health(51))) == [("wire", "resolved", 51)]


def test_records_read_again_after_a_crash_change_nothing() -> None:
    before = evaluator(SourceHealthRule(name="r"))
    records = [health(0, "failing"), health(5), health(9, "gone"), health(12)]
    stored = {one.starts_at: one for record in records for one in before.observe(record)}
    it = evaluator(SourceHealthRule(name="r"))  # the offset was not committed: all of it comes again
    assert it.restore(list(stored.values())) == []
    assert [one for record in records for one in it.observe(record)] == []
    assert it.advance(at(60)) == []
    assert told(it.observe(health(61, "silent"))) == [("wire", "firing", 61)]


def test_a_new_rule_sees_what_is_wrong_already() -> None:
    it = evaluator(SourceHealthRule(name="r"))
    it.fill(health(-60, "ok"))
    it.fill(health(-30, "gone"))
    assert told(it.advance(at(1))) == [("wire", "firing", -30)]


def test_what_was_removed_is_over() -> None:
    (firing,) = evaluator(SourceHealthRule(name="r")).observe(health(0, "gone"))
    for it in (
        evaluator(SourceHealthRule(name="other")),
        evaluator(SourceHealthRule(name="r"), sources={"another"}),
        evaluator(SourceHealthRule(name="r", labels={"team": "b"})),
        evaluator(SourceHealthRule(name="r", sources=("another",))),
    ):
        (ended,) = it.restore([firing])
        assert (ended.status, ended.transition) == ("resolved", 2)
        assert it.restore([ended]) == []


def test_a_notice_says_which_source_and_what_is_wrong() -> None:
    hostile = 'HTTP 500 <b>"\r\nx'
    it = evaluator(SourceHealthRule(name="feeds", annotations={"action": "Look at {source}."}), base_url="http://h:1/")
    (alert,) = it.observe(
        health(5, "silent", "A & B wire", error=hostile, quiet=9 * 3600.0, usual_quiet=7200.0, last_success_at=at(4))
    )
    notice = Notification(receiver="x", group_key="g", alerts=(alert,), reason="first", sent_at=at(6))
    assert subject_of(notice) == "[WARNING] A & B wire: status silent (feeds)"
    text = text_of(notice)
    assert "A & B wire has brought nothing new for 9h; 2h is the most that is usual." in text
    assert "status silent (alert at silent, failing, refused or gone)" in text
    assert "Worked: Thu 01 Jan 12:04 UTC" in text.replace("  ", " ")
    assert "Action: Look at A & B wire." in text
    assert "stories from" not in text
    assert "\r" not in text
    assert alert.generator_url == "http://h:1/?source=A+%26+B+wire#feeds"
    over = msgspec.structs.replace(alert, status="resolved", ends_at=at(65), annotations=alert.annotations)
    (card,), _ = cards_of(msgspec.structs.replace(notice, alerts=(over,), reason="resolved"))
    assert dict(card.facts)["Worst"] == "status silent (alert at silent, failing, refused or gone)"


def test_the_file_says_it_all() -> None:
    trouble, dates = parse_rules(
        """
rules:
  - name: feeds
    kind: source_health
    status: [gone, failing]
    match: {sources: [Wire]}
    for: 1h
    severity: critical
    annotations: {summary: "{source}: {status} ({error})"}
  - name: dates
    kind: source_health
    measure: undated
    above: 0.5
    resolve_at: 0.3
"""
    ).rules
    assert trouble == SourceHealthRule(
        name="feeds", statuses=("failing", "gone"), sources=("Wire",), hold=timedelta(hours=1), severity="critical",
        annotations={"summary": "{source}: {status} ({error})"},
    )  # fmt: skip
    assert dates == SourceHealthRule(name="dates", measure="undated", above=0.5, resolve_at=0.3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("status: [dead]", "silent, failing"),
        ("status: []", "status"),
        ("measure: quiet", "failures, lateness"),
        ("measure: undated", "has no threshold"),
        ("above: 1", "has no measure"),
        ("resolve_at: 1", "has no measure"),
        ("measure: undated, above: 0.5, status: [gone]", "two rules"),
        ("measure: undated, above: 1.5", "0.05 to 1"),
        ("measure: failures, above: 2", "3 to"),
        ("measure: undated, above: 0.5, resolve_at: 0.6", "over the threshold"),
        ("window: 1h", "window"),
        ("min_documents: 3", "min_documents"),
        ("match: {symbols: [A]}", "symbols"),
        ("annotations: {a: '{company}'}", "{source}"),
        ("annotations: {error: 'x'}", "set by Riskwire"),
        ("labels: {source: 'x'}", "set by Riskwire"),
    ],
)
def test_mistakes_are_named(line: str, message: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse_rules(f"rules:\n  - {{name: r, kind: source_health, {line}}}\n")
    assert message in str(caught.value)
    assert ":2:" in (caught.value.about or "")


def test_a_rule_about_stories_needs_its_window_still() -> None:
    with pytest.raises(RulesError, match="has no `window`"):
        parse_rules("rules: [{name: r, kind: threshold, below: -0.5}]")


def test_the_default_rules_watch_the_sources() -> None:
    rule = load_rules().by_name("source-in-trouble")
    assert isinstance(rule, SourceHealthRule)
    assert rule.hold >= timedelta(minutes=10), "an outage of our own network must not wake anyone at once"
    assert not rule.sources
