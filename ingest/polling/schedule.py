"""When a source is polled next. Pure: takes the time and the dice. All in seconds."""

from __future__ import annotations

from datetime import datetime, timedelta

from ingest.net.headers import LONGEST_WAIT

#: A cache time longer than this is the publisher's content network speaking, not the publisher.
_LONGEST_CACHE = 3600.0
_JITTER = 0.1
#: One poll in five that brings something new keeps the pace as it is: then a story waits a tenth of the usual gap
#: between two polls that bring something, and four polls of five are answered by a 304.
_FASTER, _SLOWER = 1.5, 1.1


def adapted(pace: float, changed: bool, shortest: float, longest: float) -> float:
    """The pace after one more poll: shorter after one that brought something new, else a little longer."""
    return min(max(pace / _FASTER if changed else pace * _SLOWER, shortest), max(shortest, longest))


def after_success(
    now: datetime, *, interval: float, fresh: float | None = None, wait: float | None = None, dice: float = 0.5
) -> datetime:
    """The next poll after a good one: the interval, later where the answer stays `fresh` longer (at most an hour).

    `wait` is demanded (a rate limit is used up) and kept whole, up to a day. `dice` in 0…1 spreads the polls by ±10 %,
    so that the feeds of one start do not stay in step.
    """
    asked = min(fresh or 0.0, max(interval, _LONGEST_CACHE))
    return now + timedelta(seconds=max(interval * _spread(dice), asked, min(wait or 0.0, LONGEST_WAIT)))


def after_failure(
    now: datetime,
    *,
    interval: float,
    failures: int,
    backoff_max: float,
    retry_after: float | None = None,
    gone: bool = False,
    dice: float = 0.5,
) -> datetime:
    """The next poll after the `failures`-th failure in a row: doubling from the interval up to `backoff_max` seconds.

    Never sooner than the server asked for. A source that is gone for good is looked at once a day at most.
    """
    # The exponent is bounded: a feed that has failed for a year must not overflow.
    pause = min(interval * 2.0 ** min(max(failures - 1, 0), 20), max(backoff_max, interval))
    if gone:
        pause = max(pause, LONGEST_WAIT) / (1.0 - _JITTER)
    return now + timedelta(seconds=max(pause * _spread(dice), min(retry_after or 0.0, LONGEST_WAIT)))


def seconds_until(due: datetime | None, now: datetime) -> float:
    """How long to wait; 0 for what was never polled or is overdue."""
    return 0.0 if due is None else max((due - now).total_seconds(), 0.0)


def _spread(dice: float) -> float:
    return 1.0 + _JITTER * (2.0 * dice - 1.0)
