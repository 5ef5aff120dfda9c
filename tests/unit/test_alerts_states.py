"""pending → firing → resolved."""

from datetime import UTC, datetime, timedelta

from alerts.rules import Reading, Threshold
from alerts.states import INACTIVE, Phase, due, fired, step

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rule(**fields: object) -> Threshold:
    values = {"name": "r", "window": timedelta(hours=1), "below": -0.5} | fields
    return Threshold(**values)  # type: ignore[arg-type]


def run(this: Threshold, *moments: tuple[int, bool, bool]) -> list[str]:
    phase, statuses = INACTIVE, []
    for minute, met, stays in moments:
        phase = step(this, phase, T0 + minute * MINUTE, met=met, stays=stays)
        statuses.append(phase.status)
    return statuses


def test_without_for_it_fires_at_once() -> None:
    assert run(rule(), (0, False, False), (1, True, True), (2, False, False)) == ["inactive", "firing", "inactive"]


def test_for_keeps_it_pending() -> None:
    this = rule(hold=5 * MINUTE)
    assert run(this, (0, True, True), (4, True, True), (5, True, True)) == ["pending", "pending", "firing"]
    assert run(this, (0, True, True), (4, False, True), (5, True, True)) == ["pending", "inactive", "pending"]


def test_hysteresis_keeps_it_firing() -> None:
    assert run(rule(), (0, True, True), (1, False, True), (2, False, False)) == ["firing", "firing", "inactive"]


def test_keep_firing_for_waits_and_starts_anew() -> None:
    this = rule(keep_firing_for=5 * MINUTE)
    assert run(this, (0, True, True), (1, False, False), (5, False, False), (6, False, False))[-2:] == [
        "firing",
        "inactive",
    ]
    assert (
        run(this, (0, True, True), (1, False, False), (4, True, True), (6, False, False), (10, False, False))
        == ["firing"] * 5
    )


def test_when_it_changes_by_time_alone() -> None:
    assert due(rule(hold=5 * MINUTE), Phase(status="pending", since=T0)) == T0 + 5 * MINUTE
    waiting = Phase(status="firing", since=T0, clear_since=T0 + MINUTE)
    assert due(rule(keep_firing_for=5 * MINUTE), waiting) == T0 + 6 * MINUTE
    assert due(rule(), INACTIVE) is None


def test_what_ended_while_pending_never_fired() -> None:
    this = rule(hold=5 * MINUTE)
    assert not fired(this, T0, T0 + 4 * MINUTE)
    assert fired(this, T0, T0 + 5 * MINUTE)


def test_a_rule_needs_stories_and_sources_to_start_but_not_to_stay() -> None:
    this = rule(min_documents=3, min_sources=2, resolve_at=-0.2)
    assert this.starts(Reading(value=-0.5, n=3, sources=2))
    assert not this.starts(Reading(value=-0.5, n=2, sources=2))
    assert not this.starts(Reading(value=-0.5, n=3, sources=1))
    assert not this.starts(Reading(value=-0.49, n=3, sources=2))
    assert this.stays(Reading(value=-0.21, n=1, sources=1))
    assert not this.stays(Reading(value=-0.2, n=3, sources=2))
    assert not this.stays(Reading(value=None))


def test_above() -> None:
    this = rule(below=None, above=10, aggregate="count", resolve_at=5)
    assert this.starts(Reading(value=10, n=10, sources=1))
    assert this.stays(Reading(value=6, n=6, sources=1))
    assert not this.stays(Reading(value=5, n=5, sources=1))
