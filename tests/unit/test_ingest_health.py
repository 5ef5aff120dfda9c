"""How a source is, by its own rhythm."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from ingest.base import SAID_DIGITS, Polled, Told
from ingest.change import Decision
from ingest.polling.health import health_of, status_of, usual_quiet, with_status, with_stories
from riskwire.ports import SourceState
from riskwire.testing import a_document

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # a Monday


def after_poll(state: SourceState, now: datetime, new: int = 0, told: int | None = None, **fields: Any) -> SourceState:
    """A poll that told so many stories for the first time, `new` of which nobody else had told before."""
    stamp = int(now.timestamp())
    fields = {"published_at": now, "published_quality": "stated", **fields}
    documents = [a_document(stamp + number, seen_at=now, **fields) for number in range(new if told is None else told)]
    polled = Polled(outcome="ok", state=state, told=tuple(Told(one) for one in documents))
    state = with_stories(state, polled, Decision(tuple(documents[:new]), (), 0, ()), now)
    return with_status(_answered(state), now)[0]


def _answered(state: SourceState, **fields: Any) -> SourceState:
    return msgspec.structs.replace(state, **{"last_outcome": "ok", "failures": 0, **fields})


def test_a_wire_that_sleeps_at_night_and_at_weekends_is_well_and_then_silent() -> None:
    state, now = SourceState(name="wire"), START
    while now < START + timedelta(days=21):
        working = now.weekday() < 5 and 6 <= now.hour < 20
        state = after_poll(state, now, new=1 if working else 0)
        assert state.status == "ok", now
        now += timedelta(minutes=30)
    # It stops on a Friday. A weekend is nothing, a long one neither; but then it should have come back.
    assert state.last_new_at is not None
    said = {
        hours: after_poll(state, state.last_new_at + timedelta(hours=hours)).status for hours in (12, 60, 85, 100, 400)
    }
    assert said == {12: "ok", 60: "ok", 85: "ok", 100: "silent", 400: "silent"}
    assert after_poll(state, state.last_new_at + timedelta(days=30), new=1).status == "ok"


def test_one_that_never_sleeps_is_missed_within_hours() -> None:
    state = SourceState(name="crypto")
    for step in range(24 * 10 * 6):
        state = after_poll(state, START + timedelta(minutes=10 * step), new=1)
    assert state.last_new_at is not None
    assert after_poll(state, state.last_new_at + timedelta(minutes=110)).status == "ok"
    assert after_poll(state, state.last_new_at + timedelta(minutes=130)).status == "silent"


def test_nobody_is_called_silent_before_a_weekend_was_seen() -> None:
    state = SourceState(name="new")
    for step in range(6 * 24 * 5):
        state = after_poll(state, START + timedelta(minutes=10 * step), new=1)
    assert state.last_new_at is not None
    assert status_of(state, state.last_new_at + timedelta(hours=65)) == "ok"
    assert status_of(state, state.last_new_at + timedelta(hours=73)) == "silent"


def test_long_pauses_are_forgotten() -> None:
    state = after_poll(SourceState(name="x"), START, new=1)
    state = after_poll(state, START + timedelta(days=20), new=1)
    long = usual_quiet(state, START + timedelta(days=20))
    now = START + timedelta(days=20)
    for _ in range(24 * 60):
        now += timedelta(hours=1)
        state = after_poll(state, now, new=1)
    assert usual_quiet(state, now) < long / 10


def test_shares_are_of_stories_told_for_the_first_time() -> None:
    state = after_poll(SourceState(name="x"), START, new=4)
    assert health_of(state, START).duplicates == 0  # the first poll brings the past, which others may have told
    now = START + timedelta(hours=1)
    state = after_poll(state, now, new=1, told=2, published_at=None, published_quality="missing")
    health = health_of(state, now)
    assert 0.1 < (health.duplicates or 0) < 0.2
    assert 0.3 < (health.undated or 0) < 0.4
    # What it said before is no story told again, however often it is polled.
    document = a_document(1)
    said = {document.id[:SAID_DIGITS]: document.content_hash[:SAID_DIGITS]}
    polled = Polled(outcome="ok", state=state, told=(Told(document),), said=said)
    assert with_stories(state, polled, Decision((), (), 1, ()), now).fresh == state.fresh


def test_shares_follow_what_is_now() -> None:
    state, now = SourceState(name="x"), START
    for step in range(400):
        now = START + timedelta(minutes=step)
        quality = "missing" if step < 200 else "stated"
        state = after_poll(state, now, new=5, published_quality=quality)
        if step == 199:
            assert (health_of(state, now).undated or 0) > 0.9
    assert (health_of(state, now).undated or 0) < 0.1


def test_lateness_is_of_new_dated_stories_and_not_of_the_first_poll() -> None:
    state = after_poll(SourceState(name="x"), START, new=3, published_at=START - timedelta(days=9))
    assert state.lateness is None
    late = {"published_at": START, "published_quality": "stated"}
    state = after_poll(state, START + timedelta(minutes=10), new=3, **late)
    assert state.lateness == 600
    state = after_poll(state, START + timedelta(minutes=20), new=1, published_at=None, published_quality="missing")
    assert state.lateness == 600


def test_what_a_rule_can_see_is_told_and_nothing_else() -> None:
    state, now = SourceState(name="x"), START
    for hour in range(24):  # five stories an hour, all dated, and a cry of one failure or two in between
        now = START + timedelta(hours=hour)
        state = after_poll(state, now, new=5)
        before = state.reported
        for failures in (1, 2):
            state, change = with_status(_answered(state, last_outcome="failed", failures=failures), now)
            assert change is None
        state, change = with_status(_answered(state), now)
        assert change is None
        assert state.reported == before
    told = []
    for hour in range(24, 48):  # now nothing has a date any more
        state = after_poll(state, START + timedelta(hours=hour), new=5, published_quality="missing")
        assert state.reported is not None
        told.append(round(state.reported.undated or 0.0, 3))
    steps = sorted(set(told))
    assert told == sorted(told)
    assert 4 < len(steps) < 12
    assert all(later - earlier >= 0.049 for earlier, later in pairwise(steps))


def test_our_own_pause_is_not_the_sources() -> None:
    """Stopped for three days: that does not count as its longest pause, which would hide its silence for weeks."""
    state, now = SourceState(name="x"), START
    for step in range(24 * 10):
        now = START + timedelta(hours=step)
        state = after_poll(state, now, new=1)
    state = msgspec.structs.replace(state, next_poll_at=now + timedelta(hours=1), last_polled_at=now)
    usual = usual_quiet(state, now)
    for stopped in (state, msgspec.structs.replace(state, next_poll_at=None)):  # a stream has no next poll
        after = after_poll(stopped, now + timedelta(days=3), new=40)
        assert after.status == "ok"
        assert usual_quiet(after, now + timedelta(days=3)) <= usual


def test_the_worst_comes_first_and_each_change_is_told_once() -> None:
    state = SourceState(name="x")
    assert with_status(state, START) == (state, None)
    said = []
    for outcome, failures in (
        ("ok", 0), ("failed", 1), ("failed", 2), ("failed", 3), ("failed", 4), ("ok", 0), ("refused", 1), ("gone", 2),
    ):  # fmt: skip
        state, change = with_status(_answered(state, last_outcome=outcome, failures=failures), START)
        said.append((change.previous, change.status) if change else None)
    assert said == [
        ("new", "ok"), None, None, ("ok", "failing"), (None, "failing"), ("failing", "ok"), ("ok", "refused"),
        ("refused", "gone"),
    ]  # fmt: skip
    assert state.status_since == START
