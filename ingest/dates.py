"""Honest dates: RFC 822 and ISO 8601 shapes read from the raw string, and nothing guessed in silence.

feedparser's own `*_parsed` are never used: it answers the wrong year for an epoch, ignores most zone names, and lets
25:61 roll over. What is not understood here is `missing`; what had to be completed is `repaired`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ingest.zones import AMBIGUOUS, CIVIL, FIXED
from riskwire.types import PublishedPrecision, PublishedQuality

#: A publisher's clock may be this much ahead of ours; beyond it the date is `future`.
AHEAD = timedelta(minutes=15)
#: What is older is a default value (1970, 2000, 0001) far more often than a story: `missing`.
OLDEST = timedelta(days=3653)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may may", "jun june", "jul july", "aug august",
            "sep sept september", "oct october", "nov november", "dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_WEEKDAY = r"(?:(?P<weekday>mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?\s*,?\s*)?"
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?\s*(?P<half>[ap]\.?m\.?)?"
_ZONE = (
    r"\s*(?P<zone>z|[+-]\d{1,2}:?(?:\d{2})?|(?:utc|gmt)\s*[+-]\d{1,2}:?(?:\d{2})?|[a-z]{2,5})?(?:\s*\([^()]{1,40}\))?"
)

_DAY, _YEAR = r"(?P<day>\d{1,2})", r"(?P<year>\d{4})"
_TIME = rf"{_CLOCK}{_ZONE}"


def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


#: The shapes of the two standards: a date in one of them, with a zone, is as it was stated.
_STANDARD = (
    # Sun, 08 Mar 2026 22:16:00 GMT
    _shape(rf"{_WEEKDAY}{_DAY}[\s-]+{_MONTH}[\s,-]+(?P<year>\d{{4}}|\d{{2}})(?:[\s,]+{_TIME})?"),
    # 2026-03-08T22:16:00Z
    _shape(rf"{_YEAR}-(?P<month>\d{{2}})-(?P<day>\d{{2}})(?:(?:\s*t\s*|\s+){_TIME})?"),
    # 20260308T221600Z
    _shape(
        rf"{_YEAR}(?P<month>\d{{2}})(?P<day>\d{{2}})"
        rf"(?:t?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})?{_ZONE})?"
    ),
)
_OTHER = (
    # Sunday, March 8, 2026 10:16 PM EST
    _shape(rf"{_WEEKDAY}{_MONTH}\s+{_DAY}(?:st|nd|rd|th)?,?\s+{_YEAR}(?:,?\s+(?:at\s+)?{_TIME})?"),
    # Sun Mar  8 22:16:00 EST 2026
    _shape(rf"{_WEEKDAY}{_MONTH}\s+{_DAY}\s+{_TIME}\s+{_YEAR}"),
    # 2026/03/08 22:16 (the year first, so day and month can't be mistaken)
    _shape(rf"{_YEAR}[/.](?P<month>\d{{1,2}})[/.]{_DAY}(?:\s+{_TIME})?"),
    # 2026年3月8日 22:16
    _shape(rf"{_YEAR}\s*年\s*(?P<month>\d{{1,2}})\s*月\s*{_DAY}\s*日(?:\s*(?P<chinese>){_TIME})?"),
)
_EPOCH = re.compile(r"(\d{10})(\d{3})?", re.ASCII)


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


def read_date(raw: str | None, now: datetime, zone: tzinfo | None = None) -> ReadDate:
    """What a publisher's date says. `zone` is the feed's own, for dates without a zone or with an ambiguous one.

    `stated`: a standard's shape with an offset or a sure zone name. `repaired`: readable, but something was completed
    (the zone, two digits of the year, a wrong weekday, another shape). `future`: more than 15 minutes ahead of `now`.
    `missing`: none, not understood, impossible, or more than ten years old. Never raises.
    """
    if raw is None or len(raw) > 100:
        return MISSING
    text = " ".join(raw.split())
    try:
        found = _epoch(text) or _shaped(text, zone)
    except (ValueError, OverflowError, KeyError):  # the 31st of February, the year 0, hour 25; no zone data here
        return MISSING
    return judge(*found, now) if found is not None else MISSING


def judge(at: datetime, sure: bool, precision: PublishedPrecision, now: datetime) -> ReadDate:
    """The same date against the clock: too old is `missing`, too far ahead `future`."""
    if at < now - OLDEST:
        return MISSING
    if at > now + AHEAD:
        return ReadDate(at, "future", precision)
    return ReadDate(at, "stated" if sure else "repaired", precision)


def event_time(published: ReadDate, seen_at: datetime) -> datetime:
    """The earlier of the two where the date is stated or repaired, else when it was seen."""
    if published.at is None or published.quality not in ("stated", "repaired"):
        return seen_at
    return min(published.at, seen_at)


def _epoch(text: str) -> tuple[datetime, bool, PublishedPrecision] | None:
    match = _EPOCH.fullmatch(text)
    if match is None or (len(text) == 10 and _looks_like_date(text)):
        return None
    return datetime.fromtimestamp(int(match.group(1)), UTC), False, "second"


def _looks_like_date(digits: str) -> bool:
    """Ten digits may be an hour of a day (2026030822), too. Then it is neither: which one can't be known."""
    return digits[:2] == "20" and 1 <= int(digits[4:6]) <= 12 and 1 <= int(digits[6:8]) <= 31


def _shaped(text: str, zone: tzinfo | None) -> tuple[datetime, bool, PublishedPrecision] | None:
    for shape in (*_STANDARD, *_OTHER):
        if match := shape.fullmatch(text):
            return _assemble(match.groupdict(), shape in _STANDARD, zone)
    return None


def _assemble(
    part: dict[str, str | None], sure: bool, zone: tzinfo | None
) -> tuple[datetime, bool, PublishedPrecision] | None:
    month = _month(part["month"] or "")
    year, day = int(part["year"] or ""), int(part["day"] or "")
    if month is None:
        return None
    if len(part["year"] or "") == 2:
        year, sure = year + (2000 if year < 70 else 1900), False
    hour, extra = _hour(part), timedelta()
    minute, second = int(part.get("minute") or 0), int(part.get("second") or 0)
    if hour == 24 and minute == second == 0:
        hour, extra, sure = 0, timedelta(days=1), False
    if second == 60:
        second, sure = 59, False
    local = datetime(year, month, day, hour, minute, second) + extra  # noqa: DTZ001 - the zone comes below
    if part.get("weekday") and _DAYS.index((part["weekday"] or "").lower()) != datetime(year, month, day).weekday():  # noqa: DTZ001
        sure = False
    if part.get("hour") is None:
        # A day has no zone of its own: the feed's, else UTC.
        return _utc(local.replace(tzinfo=zone or UTC)), sure, "day"
    if zone is None and "chinese" in part:
        zone = ZoneInfo("Asia/Shanghai")
    where, certain = _where(part.get("zone"), local, zone)
    if where is None:
        return None
    return _utc(local.replace(tzinfo=where)), sure and certain, "minute" if part.get("second") is None else "second"


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _month(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    return _MONTHS.get(text.lower())


def _hour(part: dict[str, str | None]) -> int:
    hour, half = int(part.get("hour") or 0), (part.get("half") or "").lower()[:1]
    if not half or (hour > 12 and half == "p"):  # "22:16 PM" is written by programs that print both
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("hour and half of the day contradict each other")
    return hour % 12 + (12 if half == "p" else 0)


def _where(name: str | None, local: datetime, zone: tzinfo | None) -> tuple[tzinfo | None, bool]:
    """The zone meant, and whether that is sure. (None, …) for a name that is not known."""
    if not name:
        return zone or UTC, False
    name = name.upper().replace(" ", "")
    if offset := re.fullmatch(r"(UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?", name):
        return _offset(offset)
    if name in FIXED:
        return timezone(timedelta(hours=FIXED[name])), True
    if name in CIVIL:
        return ZoneInfo(CIVIL[name]), True
    if name in AMBIGUOUS:
        if zone is not None:
            # The feed's own zone decides what its abbreviation means; it must be one of the meanings.
            for hours in AMBIGUOUS[name]:
                if any(_offset_of(zone, local + shift) == timedelta(hours=hours) for shift in _HALF_YEAR):
                    return timezone(timedelta(hours=hours)), True
        return timezone(timedelta(hours=AMBIGUOUS[name][0])), False
    return None, False


#: A zone is asked in both halves of the year: British feeds write BST by mistake in winter, too.
_HALF_YEAR = (timedelta(), timedelta(days=182))


def _offset_of(zone: tzinfo, local: datetime) -> timedelta | None:
    return local.replace(tzinfo=zone).utcoffset()


def _offset(match: re.Match[str]) -> tuple[tzinfo | None, bool]:
    hours, minutes = int(match.group(3)), int(match.group(4) or 0)
    if hours > 14 or minutes > 59:
        return None, False
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if match.group(2) == "-" else size), True
