"""Honest dates: RFC 822 and ISO 8601 shapes read from the raw string, and nothing guessed in silence.

feedparser's own `*_parsed` are never used: it answers the wrong year for an epoch, ignores most zone names, and lets
25:61 roll over. What is not understood here is `missing`; what had to be completed is `repaired`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ingest.dates.relative import read_relative
from ingest.dates.shapes import Moment, read_shape
from riskwire.types import PublishedPrecision, PublishedQuality

#: A publisher's clock may be this much ahead of ours; beyond it the date is `future`.
AHEAD = timedelta(minutes=15)
#: What a feed dates older is a default value (1970, 2000, 0001) far more often than a story: `missing`.
OLDEST = timedelta(days=3653)
_EPOCH = re.compile(r"([0-9]{10})([0-9]{3})?")


class ReadDate(msgspec.Struct, frozen=True):
    """`at` is in UTC. `at` and `precision` are None where the quality is `missing`."""

    at: datetime | None
    quality: PublishedQuality
    precision: PublishedPrecision | None


MISSING = ReadDate(None, "missing", None)


def zone_named(name: str | None) -> tzinfo | None:
    """The zone of that IANA name (`Asia/Hong_Kong`); None for None. Raises ValueError when there is none."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone") from None


def read_date(
    raw: str | None, now: datetime, zone: tzinfo | None = None, *, oldest: datetime | None = None
) -> ReadDate:
    """What a publisher's date says. `zone` is the feed's own, for dates without a zone or with an ambiguous one.

    `stated`: a standard's shape with an offset or a sure zone name. `repaired`: readable, but something was completed
    (the zone, two digits of the year, a wrong weekday, another shape or language, "2 hours ago"). `future`: more than
    15 minutes ahead of `now`. `missing`: none, not understood, impossible, ambiguous (03/08/2026), or before `oldest`
    (without one: more than ten years old). Never raises.
    """
    if raw is None or len(raw) > 100:
        return MISSING
    text = " ".join(unicodedata.normalize("NFKC", raw).split())
    try:
        found = _epoch(text) or read_shape(text, zone) or read_relative(text, now, zone)
    except (ValueError, OverflowError, KeyError):  # the 31st of February, the year 0, hour 25; no zone data here
        return MISSING
    return judge(found.at, found.sure, found.precision, now, oldest=oldest) if found is not None else MISSING


def judge(
    at: datetime, sure: bool, precision: PublishedPrecision, now: datetime, *, oldest: datetime | None = None
) -> ReadDate:
    """The same date against the clock: before `oldest` (ten years ago) it is `missing`, too far ahead `future`."""
    if at < (oldest or now - OLDEST):
        return MISSING
    if at > now + AHEAD:
        return ReadDate(at, "future", precision)
    return ReadDate(at, "stated" if sure else "repaired", precision)


def event_time(published: ReadDate, seen_at: datetime) -> datetime:
    """The earlier of the two where the date is stated or repaired, else when it was seen."""
    if published.at is None or published.quality not in ("stated", "repaired"):
        return seen_at
    return min(published.at, seen_at)


def _epoch(text: str) -> Moment | None:
    match = _EPOCH.fullmatch(text)
    if match is None or (len(text) == 10 and _looks_like_date(text)):
        return None
    return Moment(datetime.fromtimestamp(int(match.group(1)), UTC), False, "second")


def _looks_like_date(digits: str) -> bool:
    """Ten digits may be an hour of a day (2026030822), too. Then it is neither: which one can't be known."""
    return digits[:2] == "20" and 1 <= int(digits[4:6]) <= 12 and 1 <= int(digits[6:8]) <= 31
