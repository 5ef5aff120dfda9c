"""Dates told relative to the moment of reading: "2 hours ago", 2小时前, 昨天 22:16, 3月8日 22:16. Pure; never `stated`.

They are only as good as the fetch that brought them: read again later they would move, so the first reading is kept.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from ingest.dates.shapes import Moment
from riskwire.types import PublishedPrecision

_UNITS = {
    "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}  # fmt: skip
_CHINESE_UNITS = {"秒": "s", "分": "m", "小": "h", "时": "h", "時": "h", "天": "d", "日": "d", "周": "w", "週": "w"}
_ENGLISH = re.compile(
    r"(?P<n>[0-9]{1,4}|an?|one)\s*(?P<unit>s|m|h|d|w)(?:ec(?:ond)?|in(?:ute)?|(?:ou)?r|ay|eek)?s?\s+ago", re.IGNORECASE
)
_CHINESE = re.compile(
    r"(?P<n>[0-9]{1,4}|半|一)\s*(?:个|個)?\s*(?P<unit>秒|分|小时|小時|时|時|天|日|周|週)(?:钟|鐘|間)?\s*(?:之?前)"
)
_NOW = re.compile(r"刚刚|剛剛|刚才|just now|now", re.IGNORECASE)
_DAYS = {"今天": 0, "今日": 0, "today": 0, "昨天": 1, "昨日": 1, "yesterday": 1, "前天": 2}
_DAY_AND_CLOCK = re.compile(
    rf"(?P<day>{'|'.join(_DAYS)}),?\s*(?:at\s+)?(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})", re.IGNORECASE
)
#: Without a year: 3月8日 22:16, and 03-08 22:16 as Chinese sites write it.
_NO_YEAR = re.compile(
    r"(?P<month>[0-9]{1,2})(?:月|-)(?P<day>[0-9]{1,2})日?\s*(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::[0-9]{2})?"
)
_CHINA = ZoneInfo("Asia/Shanghai")


def read_relative(text: str, now: datetime, zone: tzinfo | None) -> Moment | None:
    """The moment meant by someone who wrote this at `now`; None when it is nothing of the kind.

    Raises ValueError for impossible ones. `zone` is the feed's; without one Chinese texts mean China, others UTC.
    """
    if _NOW.fullmatch(text):
        return Moment(now, False, "minute")
    if match := _ENGLISH.fullmatch(text) or _CHINESE.fullmatch(text):
        return _ago(match, now)
    chinese = not text.isascii()
    there = now.astimezone(zone or (_CHINA if chinese else UTC))
    if match := _DAY_AND_CLOCK.fullmatch(text):
        day = there - timedelta(days=_DAYS[match["day"].lower()])
        return Moment(_at(day, match).astimezone(UTC), False, "minute")
    if (match := _NO_YEAR.fullmatch(text)) and (chinese or zone is not None):
        # The year that makes it the newest moment that is not ahead of us by more than a day.
        month, day_number = int(match["month"]), int(match["day"])
        for year in (there.year + 1, there.year, there.year - 1):
            try:
                at = _at(there.replace(year=year, month=month, day=day_number), match)
            except ValueError:  # the 29th of February
                continue
            if at <= there + timedelta(days=1):
                return Moment(at.astimezone(UTC), False, "minute")
    return None


def _ago(match: re.Match[str], now: datetime) -> Moment:
    unit = _CHINESE_UNITS.get(match["unit"][0], match["unit"][0].lower())
    number = match["n"].lower()
    count = 0.5 if number == "半" else 1 if not number.isdigit() else int(number)
    # "2 hours ago" may be off by an hour: of the precisions that there are, only the day is honest.
    precision: PublishedPrecision = "minute" if unit in "sm" else "day"
    return Moment(now - count * _UNITS[unit], False, precision)


def _at(day: datetime, match: re.Match[str]) -> datetime:
    return day.replace(hour=int(match["hour"]), minute=int(match["minute"]), second=0, microsecond=0)
