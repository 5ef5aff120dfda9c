"""datetime ⇄ microseconds since 1970 in UTC: exact, and in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(then: datetime) -> int:
    """Exact, before 1970 too."""
    return (then - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The reverse."""
    return _EPOCH + timedelta(microseconds=micros)
