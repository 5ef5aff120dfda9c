"""The shapes that dates have in feeds, and how their parts become a moment. Pure; nothing is guessed in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from ingest.dates.months import ENGLISH, MONTHS, WEEKDAYS
from ingest.dates.zones import AMBIGUOUS, CIVIL, FIXED
from riskwire.types import PublishedPrecision


class Moment(msgspec.Struct, frozen=True):
    """A moment in UTC. `sure`: a standard's shape, complete, and nothing in it contradicted itself."""

    at: datetime
    sure: bool
    precision: PublishedPrecision


_WEEKDAY = r"(?:(?P<weekday>[^\W\d_]{2,14}(?:-feira)?)[.,\s]+)?"
_MONTH = r"(?P<month>[^\W\d_]{3,10})\.?"
_CLOCK = (
    r"(?P<hour>[0-9]{1,2})\s?[:h]\s?(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?"
    r"\s*(?P<half>[ap]\.?m\b\.?)?(?:\s?Uhr)?"
)
_ZONE = (
    r"\s*(?P<zone>z|[+-][0-9]{1,2}:?(?:[0-9]{2})?|(?:utc|gmt)\s*[+-][0-9]{1,2}:?(?:[0-9]{2})?|[a-z]{2,5})?"
    r"(?:\s*(?:\([^()]{1,40}\)|\[[\w/+-]{1,40}\]))?"
)
_DAY, _YEAR = r"(?P<day>[0-9]{1,2})", r"(?P<year>[0-9]{4})"
_TIME = rf"{_CLOCK}{_ZONE}"
#: What stands between a day and its time: a comma, "at", "um", "à", "a las", "alle", "às", "om", a dash.
_AT = r"(?:\s*,)?(?:\s+(?:at|um|à|a las|alle|ore|às|om|-|\|))?\s+"


def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


#: The shapes of the two standards: a date in one of them, with a zone, is as it was stated.
_STANDARD = (
    # Sun, 08 Mar 2026 22:16:00 GMT
    _shape(rf"{_WEEKDAY}{_DAY}[\s-]+{_MONTH}[\s,-]+(?P<year>[0-9]{{4}}|[0-9]{{2}})(?:[\s,]+{_TIME})?"),
    # 2026-03-08T22:16:00Z
    _shape(rf"{_YEAR}-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})(?:(?:\s*t\s*|\s+){_TIME})?"),
    # 20260308T221600Z
    _shape(
        rf"{_YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})"
        rf"(?:t?(?P<hour>[0-9]{{2}})(?P<minute>[0-9]{{2}})(?P<second>[0-9]{{2}})?{_ZONE})?"
    ),
)
_OTHER = (
    # Sunday, March 8, 2026 10:16 PM EST
    _shape(rf"{_WEEKDAY}{_MONTH}\s+{_DAY}(?:st|nd|rd|th)?,?\s+{_YEAR}(?:{_AT}{_TIME})?"),
    # Sun Mar  8 22:16:00 EST 2026
    _shape(rf"{_WEEKDAY}{_MONTH}\s+{_DAY}\s+{_TIME}\s+{_YEAR}"),
    # Sonntag, 8. März 2026, 22:16 Uhr; 8 de marzo de 2026 a las 22:16; 8 mars 2026 à 22h16; 8th March 2026
    _shape(rf"{_WEEKDAY}{_DAY}(?:st|nd|rd|th|er|º|\.)?\s+(?:de\s+)?{_MONTH}(?:\s+de|,)?\s+{_YEAR}(?:{_AT}{_TIME})?"),
    # 7:51 PM ET Fri, 17 July 2020
    _shape(rf"{_TIME},?\s+{_WEEKDAY}{_DAY}\s+{_MONTH}\s+{_YEAR}"),
    # 2026/03/08 22:16 (the year first, so day and month can't be mistaken)
    _shape(rf"{_YEAR}(?P<mark>[/.])(?P<month>[0-9]{{1,2}})(?P=mark){_DAY}(?:\s*t\s*|\s+)?(?:(?<=[\st]){_TIME})?"),
    # 2026-3-8 22:16
    _shape(rf"{_YEAR}-(?P<month>[0-9]{{1,2}})-{_DAY}(?:\s+{_TIME})?"),
    # 08.03.2026 22:16: with dots the day is always first
    _shape(rf"{_WEEKDAY}{_DAY}\.(?P<month>[0-9]{{1,2}})\.{_YEAR}(?:{_AT}{_TIME})?"),
    # 2026年3月8日 星期日 下午10:16, 2026年3月8日22时16分
    _shape(
        rf"{_YEAR}\s*年\s*(?P<month>[0-9]{{1,2}})\s*月\s*{_DAY}\s*[日号號](?P<chinese>)"
        r"\s*(?:[（(]?(?:星期|周|週)?[一二三四五六日天月火水木金土](?:曜日)?[）)]?)?\s*"
        rf"(?:(?P<part>凌晨|早上|上午|午前|中午|下午|午後|晚上)?\s*(?:{_TIME}|"
        r"(?P<hour2>[0-9]{1,2})[时時点點](?:(?P<minute2>[0-9]{1,2})分?)?(?:(?P<second2>[0-9]{1,2})秒)?))?"
    ),
)  # fmt: skip
#: 25/03/2026 or 3/25/2026: only where one of the two can't be a month.
_SLASHES = _shape(rf"(?P<a>[0-9]{{1,2}})/(?P<b>[0-9]{{1,2}})/{_YEAR}(?:{_AT}{_TIME})?")


def read_shape(text: str, zone: tzinfo | None) -> Moment | None:
    """The moment in this text; None when it has none of the shapes.

    Raises ValueError, OverflowError, KeyError for the 31st of February, the hour 25, the year 0.
    """
    for shape in (*_STANDARD, *_OTHER):
        if match := shape.fullmatch(text):
            found = _assemble(match.groupdict(), shape in _STANDARD, zone)
            if found is not None:
                return found
    if match := _SLASHES.fullmatch(text):
        part = match.groupdict()
        a, b = int(part["a"]), int(part["b"])
        if a > 12 >= b or b > 12 >= a:
            day, month = (a, b) if a > 12 else (b, a)
            return _assemble({**part, "day": str(day), "month": str(month)}, False, zone)
    return None


def _assemble(part: Mapping[str, str | None], sure: bool, zone: tzinfo | None) -> Moment | None:
    month = (part["month"] or "").lower()
    year, day = int(part["year"] or ""), int(part["day"] or "")
    if not (month.isdigit() or month in MONTHS):
        return None
    if len(part["year"] or "") == 2:
        year, sure = year + (2000 if year < 70 else 1900), False
    number = int(month) if month.isdigit() else MONTHS[month]
    sure = sure and (month.isdigit() or month in ENGLISH)
    hour_text = part.get("hour") or part.get("hour2")
    hour = _hour(int(hour_text or 0), part)
    minute, second = _number(part, "minute"), _number(part, "second")
    extra = timedelta()
    if hour == 24 and minute == second == 0:
        hour, extra, sure = 0, timedelta(days=1), False
    if second == 60:
        second, sure = 59, False
    local = datetime(year, number, day, hour, minute, second) + extra  # noqa: DTZ001 - the zone comes below
    if (weekday := part.get("weekday")) and not _is_weekday(weekday, datetime(year, number, day)):  # noqa: DTZ001
        sure = False
    if hour_text is None:
        # A day has no zone of its own: the feed's, else UTC.
        return Moment(_utc(local.replace(tzinfo=zone or UTC)), sure, "day")
    if zone is None and "chinese" in part:
        zone = ZoneInfo("Asia/Shanghai")
    where, certain = _where(part.get("zone"), local, zone)
    if where is None:
        return None
    stated_second = part.get("second") or part.get("second2")
    return Moment(_utc(local.replace(tzinfo=where)), sure and certain, "second" if stated_second else "minute")


def _is_weekday(name: str, day: datetime) -> bool:
    return WEEKDAYS[day.weekday()] == name.lower()[:3]


def _number(part: Mapping[str, str | None], name: str) -> int:
    return int(part.get(name) or part.get(f"{name}2") or 0)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _hour(hour: int, part: Mapping[str, str | None]) -> int:
    half = (part.get("half") or "").lower()[:1]
    if chinese := part.get("part"):
        half = "p" if chinese in ("下午", "午後", "晚上") or (chinese == "中午" and hour < 11) else "a"
        if half == "a" and hour >= 12:  # 中午12:30, 上午12:05
            return hour
    if not half or (hour > 12 and half == "p"):  # "22:16 PM" is written by programs that print both
        return hour
    if not 1 <= hour <= 12 and not part.get("part"):
        raise ValueError("hour and half of the day contradict each other")
    return hour % 12 + (12 if half == "p" else 0)


def _where(name: str | None, local: datetime, zone: tzinfo | None) -> tuple[tzinfo | None, bool]:
    """The zone meant, and whether that is sure. (None, …) for a name that is not known."""
    if not name:
        return zone or UTC, False
    name = name.upper().replace(" ", "")
    if offset := re.fullmatch(r"(UTC|GMT)?([+-])([0-9]{1,2}):?([0-9]{2})?", name):
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
