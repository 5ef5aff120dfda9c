"""Who may ask when: the hosts' own headers, turns that are shared, and what is looked at again each day."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.net.ratelimit import Turns, used_up
from ingest.social.recheck import ROUND, Watch

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"x-ratelimit-remaining": "5"}, None),
        ({"x-ratelimit-remaining": "nonsense"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "32"}, 32),
        ({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "2026-08-02T12:02:00.000Z"}, 120),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"x-rate-limit-remaining": "0"}, 60),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "0"}, 0),
    ],
)
def test_a_limit_that_is_used_up(headers: dict[str, str], wait: float | None) -> None:
    assert used_up(headers, NOW) == wait


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 200)), max_size=60))
def test_two_requests_are_never_closer_than_the_pace(steps: list[tuple[str, float]]) -> None:
    turns, now, asked = Turns(60), NOW, []
    for name, pause in steps:
        now += timedelta(seconds=pause)
        if turns.claim(name, now) == 0:
            asked.append(now)
    assert all((later - one).total_seconds() >= 60 for one, later in pairwise(asked))


def test_everyone_gets_a_turn() -> None:
    turns, due, asked = Turns(60), dict.fromkeys("abcd", NOW), dict.fromkeys("abcd", 0)
    for _ in range(80):
        name = min(due, key=lambda one: (due[one], one))
        now = due[name]
        wait = turns.claim(name, now)
        asked[name] += wait == 0
        due[name] = now + timedelta(seconds=max(wait, 1) if wait else 300)
    assert min(asked.values()) >= max(asked.values()) - 1 > 5


def test_what_the_host_asks_for_holds_for_all() -> None:
    turns = Turns(60)
    turns.hold(NOW, 300)
    assert turns.claim("a", NOW) == 300
    assert turns.claim("b", NOW) == 360
    assert turns.claim("a", NOW + timedelta(seconds=300)) == 0


def test_each_is_looked_at_once_a_round() -> None:
    watch, now, looks = Watch().add(map(str, range(25)), 100), NOW, dict.fromkeys(map(str, range(25)), 0)
    for _ in range(3 * 24):
        watch = watch.begin(now)
        bite = watch.bite(2)
        for one in bite:
            looks[one] += 1
        watch = watch.looked(bite, [one for one in bite if one == "7"])
        now += timedelta(hours=1)
    assert looks.pop("7") == 1
    assert set(looks.values()) == {2}  # of three days the first is that of being told
    assert len(watch) == 24


def test_a_round_that_was_not_finished_goes_on() -> None:
    watch = Watch().add("abc", 10).begin(NOW).begin(NOW + ROUND)
    watch = watch.looked(watch.bite(1))
    late = watch.begin(NOW + 3 * ROUND)
    assert (late.due, late.rest) == (("b", "c"), ("a",))


def test_the_newest_are_kept() -> None:
    watch = Watch().add(map(str, range(5)), 5).add(["3", "5", "6"], 5)
    assert watch.rest == ("2", "3", "4", "5", "6")
    assert len(Watch().add(map(str, range(5)), 0)) == 0
