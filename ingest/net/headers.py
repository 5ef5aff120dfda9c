"""What servers say about when to come back: Cache-Control, Expires, Retry-After, the rate limits' own headers. Pure.

Header names are in lower case, times in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: Nobody is waited for longer than this, in seconds, whatever a header says.
LONGEST_WAIT = 24 * 3600.0
_DIRECTIVE = re.compile(r"(?:^|[\s,])(max-age|s-maxage)\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NO_CACHE = re.compile(r"(?:^|[\s,])no-(?:cache|store)\s*(?:$|,)", re.IGNORECASE)


def safe(value: str | None) -> str | None:
    """A validator as it may be kept and sent back; None when it is empty, long, or holds what no header may."""
    if not value or len(value) > 1024 or not value.isascii() or not value.isprintable():
        return None
    return value


def fresh_for(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long the answer stays what it is; None where nothing is said, or where caching is refused.

    The longer of `max-age` and `s-maxage` (until then the publisher's own cache gives out the same copy), less the Age
    that it has there already. Only without both: Expires, against the server's own Date, since its clock may be wrong.
    """
    control = headers.get("cache-control", "")
    if _NO_CACHE.search(control):
        return None
    ages = [float(seconds) for _, seconds in _DIRECTIVE.findall(control)]
    if ages:
        age = headers.get("age", "").strip()
        seconds = max(ages) - (float(age) if re.fullmatch(r"\d{1,9}", age) else 0.0)
    else:
        expires, date = _date(headers.get("expires", "")), _date(headers.get("date", ""))
        if expires is None:  # `0` and `-1` too: it has expired already
            return None
        seconds = (expires - (date or now)).total_seconds()
    return min(seconds, LONGEST_WAIT) if seconds > 0 else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait from Retry-After (seconds or a date), else X-RateLimit-Reset (seconds, epoch or ISO time).

    None when neither is there or readable; at most a day.
    """
    for name in ("retry-after", "x-ratelimit-reset", "x-rate-limit-reset"):  # the last is how X spells it
        wait = _seconds(headers.get(name, "").strip(), now)
        if wait is not None:
            return min(max(wait, 0.0), LONGEST_WAIT)
    return None


def _seconds(value: str, now: datetime) -> float | None:
    if re.fullmatch(r"\d{1,12}(?:\.\d+)?", value):
        number = float(value)
        # Ten digits are an epoch time, not three hundred years of waiting.
        return number - now.timestamp() if number > 1e9 else number
    then = _date(value) or _iso(value)
    return (then - now).total_seconds() if then is not None else None


def _date(value: str) -> datetime | None:
    """An HTTP date, UTC where it names no zone."""
    try:
        then = parsedate_to_datetime(value)
        return then.replace(tzinfo=UTC) if then.tzinfo is None else then.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _iso(value: str) -> datetime | None:
    try:
        then = datetime.fromisoformat(value)
        return then.replace(tzinfo=UTC) if then.tzinfo is None else then.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
