"""When to come back, and what servers say about it."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.headers import max_age, retry_after, safe
from ingest.schedule import after_failure, after_success, seconds_until

NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


def seconds(then: datetime) -> float:
    return (then - NOW).total_seconds()


def test_after_success() -> None:
    assert seconds(after_success(NOW, interval=300)) == 300
    assert seconds(after_success(NOW, interval=300, dice=0.0)) == pytest.approx(270)
    assert seconds(after_success(NOW, interval=300, dice=1.0)) == pytest.approx(330)
    assert seconds(after_success(NOW, interval=300, wait=900, dice=0.0)) == 900
    assert seconds(after_success(NOW, interval=300, wait=60)) == 300
    assert seconds(after_success(NOW, interval=300, wait=86_400)) == 3600  # a content network's cache time


def test_after_failure_doubles_up_to_the_most() -> None:
    pauses = [seconds(after_failure(NOW, interval=300, failures=n, backoff_max=3600)) for n in (1, 2, 3, 4, 5, 500)]
    assert pauses == [300, 600, 1200, 2400, 3600, 3600]


def test_after_failure_never_sooner_than_asked() -> None:
    assert seconds(after_failure(NOW, interval=300, failures=1, backoff_max=3600, retry_after=5000, dice=0.0)) == 5000
    assert seconds(after_failure(NOW, interval=300, failures=1, backoff_max=3600, retry_after=1e12)) == 86_400
    assert seconds(after_failure(NOW, interval=300, failures=1, backoff_max=3600, gone=True)) == 86_400


def test_seconds_until() -> None:
    assert seconds_until(None, NOW) == 0
    assert seconds_until(NOW - timedelta(hours=1), NOW) == 0
    assert seconds_until(NOW + timedelta(seconds=5), NOW) == 5


@pytest.mark.parametrize(
    ("value", "wait"),
    [("120", 120), ("Sun, 08 Mar 2026 12:02:00 GMT", 120), ("Sun, 08 Mar 2026 11:00:00 GMT", 0), ("0", 0),
     ("999999999", 86_400), ("soon", None), ("", None), ("-5", None), ("1e9", None)],
)  # fmt: skip
def test_retry_after(value: str, wait: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == wait


@pytest.mark.parametrize(
    "value", ["2026-03-08T12:01:00.000Z", "2026-03-08T12:01:00+00:00", "60", str(int(NOW.timestamp()) + 60)]
)
def test_rate_limit_reset(value: str) -> None:
    assert retry_after({"x-ratelimit-reset": value}, NOW) == 60


def test_max_age() -> None:
    assert max_age("public, max-age=600, s-maxage=30") == 600
    assert max_age('max-age="60"') == 60
    assert max_age("s-maxage=30") is None
    assert max_age("max-age=600, no-cache") is None
    assert max_age(None) is None


def test_validators_that_no_header_may_hold() -> None:
    assert safe('W/"abc"') == 'W/"abc"'
    assert safe("a\r\nX: y") is None
    assert safe("a" * 2000) is None
    assert safe("é") is None
    assert safe("") is None
