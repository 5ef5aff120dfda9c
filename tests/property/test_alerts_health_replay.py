"""Live equals replay for the health of sources: ticks, batches, repeats and restarts make no difference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.health import SourceHealthRule
from alerts.rules import RuleSet
from alerts.watch import HealthEvaluator
from riskwire.ports import SourceHealth
from riskwire.types import Alert

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
END = T0 + timedelta(days=30)
RULES = RuleSet(
    rules=(
        SourceHealthRule(name="any"),
        SourceHealthRule(name="patient", statuses=("silent", "failing"), hold=15 * MINUTE),
        SourceHealthRule(name="undated", measure="undated", above=0.5, resolve_at=0.2, hold=3 * MINUTE),
        SourceHealthRule(name="failures", measure="failures", above=4, sources=("a",)),
    )
)


@st.composite
def records(draw: st.DrawFn) -> list[SourceHealth]:
    """Changes in their order; several sources may change at one moment, but one source only once."""
    then, found = T0, []
    for _ in range(draw(st.integers(1, 25))):
        name = draw(st.sampled_from("ab"))
        again = any((one.name, one.at) == (name, then) for one in found)
        then += draw(st.sampled_from([1 if again else 0, 1, 4, 14, 15, 16, 200])) * MINUTE
        found.append(
            SourceHealth(
                name=name,
                status=draw(st.sampled_from(["ok", "ok", "silent", "failing", "gone"])),
                at=then,
                failures=draw(st.integers(0, 6)),
                undated=draw(st.sampled_from([None, 0.0, 0.3, 0.9])),
            )
        )
    return found


def replay(of: Sequence[SourceHealth], it: HealthEvaluator) -> list[Alert]:
    return [alert for one in of for alert in it.observe(one)] + it.advance(END)


@settings(max_examples=200, deadline=None)
@given(records(), st.data())
def test_ticks_make_no_difference(of: list[SourceHealth], data: st.DataObject) -> None:
    it, states = HealthEvaluator(RULES), []
    for index, one in enumerate(of):
        if index:
            gap = one.at - of[index - 1].at
            for share in sorted(data.draw(st.lists(st.floats(0, 0.999), max_size=3))):
                states += it.advance(of[index - 1].at + gap * share)
        states += it.observe(one)
    assert states + it.advance(END) == replay(of, HealthEvaluator(RULES))


@settings(max_examples=200, deadline=None)
@given(records(), st.data())
def test_a_restart_makes_no_difference(of: list[SourceHealth], data: st.DataObject) -> None:
    """Stopped after any record, with the offset committed there or a few records before."""
    stop = data.draw(st.integers(0, len(of)))
    committed = data.draw(st.integers(max(0, stop - 3), stop))
    stored: dict[tuple[str, datetime], Alert] = {}

    def keep(states: Sequence[Alert]) -> None:
        for alert in states:
            known = stored.get((alert.fingerprint, alert.starts_at))
            if known is None or known.transition < alert.transition:
                stored[alert.fingerprint, alert.starts_at] = alert

    before = HealthEvaluator(RULES)
    for one in of[:stop]:
        keep(before.observe(one))
    after = HealthEvaluator(RULES)
    for one in of[:committed]:
        after.fill(one)
    assert after.restore(stored.values()) == []
    keep(replay(of[committed:], after))
    whole: dict[tuple[str, datetime], Alert] = {}
    for alert in replay(of, HealthEvaluator(RULES)):
        whole[alert.fingerprint, alert.starts_at] = alert
    told = {key: (one.status, one.ends_at) for key, one in stored.items()}
    assert told == {key: (one.status, one.ends_at) for key, one in whole.items()}
