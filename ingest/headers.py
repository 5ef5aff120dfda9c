"""What servers say about when to come back: Cache-Control, Retry-After, and the rate limits' own headers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: Nobody is waited for longer than this, in seconds, whatever a header says.
LONGEST_WAIT = 24 * 3600.0
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


def safe(value: str | None) -> str | None:
    """A validator as it may be kept and sent back; None when it is empty, long, or holds what no header may."""
    if not value or len(value) > 1024 or not value.isascii() or not value.isprintable():
        return None
    return value


def max_age(cache_control: str | None) -> float | None:
    """Seconds of `max-age`; None without one, or where caching is refused."""
    if not cache_control or re.search(r"no-(?:cache|store)", cache_control, re.IGNORECASE):
        return None
    found = _MAX_AGE.search(cache_control)
    return float(found.group(1)) if found else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait from Retry-After (seconds or a date), else X-RateLimit-Reset (seconds, epoch or ISO time).

    Header names are in lower case. None when neither is there or readable; at most a day.
    """
    for name in ("retry-after", "x-ratelimit-reset"):
        wait = _seconds(headers.get(name, "").strip(), now)
        if wait is not None:
            return min(max(wait, 0.0), LONGEST_WAIT)
    return None


def _seconds(value: str, now: datetime) -> float | None:
    if re.fullmatch(r"\d{1,12}(?:\.\d+)?", value):
        number = float(value)
        # Ten digits are an epoch time, not three hundred years of waiting.
        return number - now.timestamp() if number > 1e9 else number
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            then = read(value)
        except (ValueError, TypeError, OverflowError):
            continue
        if then.tzinfo is None:
            then = then.replace(tzinfo=UTC)
        try:
            return (then - now).total_seconds()
        except OverflowError:
            return None
    return None
