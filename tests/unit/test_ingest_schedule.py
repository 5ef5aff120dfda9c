"""When to come back."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.polling.schedule import adapted, after_failure, after_success, seconds_until

NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


def seconds(then: datetime) -> float:
    return (then - NOW).total_seconds()


def test_after_success() -> None:
    assert seconds(after_success(NOW, interval=300)) == 300
    assert seconds(after_success(NOW, interval=300, dice=0.0)) == pytest.approx(270)
    assert seconds(after_success(NOW, interval=300, dice=1.0)) == pytest.approx(330)
    assert seconds(after_success(NOW, interval=300, fresh=900, dice=0.0)) == 900
    assert seconds(after_success(NOW, interval=300, fresh=60)) == 300
    assert seconds(after_success(NOW, interval=300, fresh=86_400)) == 3600  # a content network's cache time
    assert seconds(after_success(NOW, interval=300, wait=7200)) == 7200  # a rate limit is a rate limit
    assert seconds(after_success(NOW, interval=300, wait=1e12)) == 86_400


def test_the_pace_follows_how_often_a_feed_changes() -> None:
    def settled(one_in: int) -> float:
        pace = 300.0
        for poll in range(400):
            pace = adapted(pace, poll % one_in == 0, 60, 3600)
        return pace

    assert settled(1) == 60  # something new at every poll
    assert settled(100) == 3600
    assert 60 < settled(5) < 3600
    assert adapted(300, True, 60, 3600) < 300 < adapted(300, False, 60, 3600)
    assert adapted(300, False, 400, 200) == 400  # bounds that contradict each other


def test_after_failure_doubles_up_to_the_most() -> None:
    pauses = [seconds(after_failure(NOW, interval=300, failures=n, backoff_max=3600)) for n in (1, 2, 3, 4, 5, 500)]
    assert pauses == [300, 600, 1200, 2400, 3600, 3600]


def test_after_failure_never_sooner_than_asked() -> None:
    assert seconds(after_failure(NOW, interval=300, failures=1, backoff_max=3600, retry_after=5000, dice=0.0)) == 5000
    assert seconds(after_failure(NOW, interval=300, failures=1, backoff_max=3600, retry_after=1e12)) == 86_400
    assert seconds(after_failure(NOW, interval=300, failures=1, backoff_max=3600, gone=True, dice=0.0)) == 86_400
    # Daily at most, and no later than the next day.
    assert seconds(after_failure(NOW, interval=300, failures=9, backoff_max=3600, gone=True, dice=1.0)) < 30 * 3600


def test_seconds_until() -> None:
    assert seconds_until(None, NOW) == 0
    assert seconds_until(NOW - timedelta(hours=1), NOW) == 0
    assert seconds_until(NOW + timedelta(seconds=5), NOW) == 5
