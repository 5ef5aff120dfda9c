"""Durations as rules write them: `90s`, `30m`, `6h`, `2d`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")


def parse_duration(text: str) -> timedelta:
    """`1h30m` → 90 minutes. Raises ValueError."""
    match = _WHOLE.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is no duration")
    amounts = zip(_UNITS.values(), match.groups(), strict=True)
    return timedelta(seconds=sum(seconds * int(amount) for seconds, amount in amounts if amount))


def format_duration(duration: timedelta) -> str:
    """The reverse, to the second, the two largest units at most: `1h30m`, `3d4h`, `45s`."""
    left = max(0, round(duration.total_seconds()))
    parts = []
    for unit, seconds in _UNITS.items():
        amount, left = divmod(left, seconds)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts[:2]) or "0s"
