"""Event-time windows: edges, replacing, removing, forgetting, windows that have passed."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.samples import MARKET, MICRO, Sample, samples_of
from alerts.windows import Window
from riskwire.testing import a_story, sentiment_of
from riskwire.types import EntityMention

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def sample(name: str, minutes: float, score: float = -0.5, confidence: float = 1.0, **fields: object) -> Sample:
    values = {"revision": 1, "label": "negative" if score < 0 else "positive", "source": "a"} | fields
    return Sample(
        id=name,
        event_time=at(minutes),
        score=round(score * MICRO),
        confidence=round(confidence * MICRO),
        **values,  # type: ignore[arg-type]
    )


def window(now: float, *samples: Sample, lateness: float = 6) -> Window:
    made = Window(HOUR, timedelta(hours=lateness))
    made.advance(at(now))
    for one in samples:
        made.put(one)
    return made


def test_the_window_is_open_at_its_start_and_closed_at_its_end() -> None:
    it = window(60, sample("old", 0), sample("first", 0.001), sample("now", 60))
    assert [one.id for one in it.current] == ["first", "now"]
    assert it.totals.n == 2


def test_stories_leave_as_time_goes_by() -> None:
    it = window(10, sample("a", 0), sample("b", 5))
    assert it.next_change() == at(60)
    it.advance(at(60))
    assert [one.id for one in it.current] == ["b"]
    assert it.next_change() == at(65)
    it.advance(at(65))
    assert it.totals.n == 0
    assert it.totals.mean is None
    assert it.totals.sources == {}


def test_time_never_goes_back() -> None:
    it = window(60, sample("a", 30))
    it.advance(at(10))
    assert it.now == at(60)


def test_a_newer_revision_replaces_the_older() -> None:
    it = window(10, sample("a", 0, -0.8), sample("a", 0, 0.4, revision=2))
    assert it.totals.n == 1
    assert it.totals.mean == pytest.approx(0.4)
    assert it.totals.negative == 0


def test_a_revision_may_move_in_time() -> None:
    it = window(100, sample("a", 90), sample("b", 95))
    it.put(sample("a", 10, revision=2))
    assert [one.id for one in it.current] == ["b"]
    it.put(sample("a", 99, revision=3))
    assert [one.id for one in it.current] == ["b", "a"]
    assert it.totals.n == 2


def test_removal_inside_and_before_the_window() -> None:
    it = window(100, sample("late", 10), sample("a", 90), sample("b", 95))
    assert it.remove("late")
    assert it.remove("a")
    assert not it.remove("a")
    assert [one.id for one in it.current] == ["b"]
    assert len(it) == 1


def test_the_mean_is_weighted_by_confidence() -> None:
    it = window(10, sample("sure", 1, -1.0, 0.9), sample("unsure", 2, 1.0, 0.1))
    assert it.totals.mean == pytest.approx(-0.8)


def test_without_any_confidence_the_mean_is_plain() -> None:
    assert window(10, sample("a", 1, -1.0, 0.0), sample("b", 2, 0.5, 0.0)).totals.mean == pytest.approx(-0.25)


def test_what_is_older_than_window_and_lateness_is_forgotten() -> None:
    it = window(60, sample("a", 30), lateness=1)
    assert it.next_forget() == at(150)
    assert it.advance(at(149)) == []
    assert it.advance(at(150)) == ["a"]
    assert "a" not in it
    assert not it.put(sample("b", 30))
    assert len(it) == 0


def test_memory_is_bounded() -> None:
    it = Window(HOUR, HOUR, max_samples=3)
    it.advance(at(10))
    for index in range(5):
        it.put(sample(f"s{index}", index))
    assert [one.id for one in it.current] == ["s2", "s3", "s4"]
    assert it.totals.n == 3
    assert "s0" not in it


def test_a_late_story_is_part_of_windows_that_have_passed() -> None:
    it = window(300, sample("a", 0), sample("b", 30), sample("c", 50), sample("d", 200))
    assert it.totals.n == 0
    late = sample("e", 40)
    assert not it.put(late)
    passed = [[one.id for one in samples] for samples in it.passed_windows(late)]
    assert passed == [["a", "b", "e", "c"], ["a", "b", "e"]]


def test_samples_of_a_story() -> None:
    bad, good = sentiment_of(-1), sentiment_of(1)
    mentions = tuple(
        EntityMention(entity_group="ORG", text=s, start=0, end=1, confidence=0.9, symbol=s, sentiment=v)
        for s, v in (("A", bad), ("B", good))
    )
    story = a_story(1, entities=mentions, symbols=("A", "B"), sentiment=good, event_time=T0, seen_at=T0 - HOUR)
    found = dict(samples_of(story))
    assert found.keys() == {"A", "B", MARKET}
    assert found["A"].label == "negative"
    assert found["B"].score > 0 > found["A"].score
    assert found["A"].event_time == story.seen_at, "never after it was seen"
    assert list(samples_of(a_story(1, status="unscored", sentiment=None))) == []
