"""Query parameters → typed values. What can't be read is refused by name, never guessed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, TypeVar, get_args

from starlette.datastructures import QueryParams

from dashboards.web.responses import BadParameter
from riskwire.ports import SearchQuery
from riskwire.types import AlertStatus, SentimentLabel, SourceType, Status

#: The most rows that one answer holds.
MAX_LIMIT = 200
#: The longest text of a parameter.
MAX_TEXT = 500
#: The largest offset that every store can hold.
MAX_OFFSET = 2**63 - 1

L = TypeVar("L", bound=str)


def only(params: QueryParams, known: Iterable[str]) -> None:
    """Refuses a parameter that nothing would read: a mistyped filter must not show everything."""
    known = tuple(known)
    for name in params:
        if name not in known:
            raise BadParameter(name[:40], f"is not known; there are {', '.join(known)}")
        if len(params.getlist(name)) > 1:
            raise BadParameter(name, "is given more than once")


def text(params: QueryParams, name: str) -> str:
    """The text, trimmed; empty when it is not given."""
    value = params.get(name, "").strip()
    if len(value) > MAX_TEXT:
        raise BadParameter(name, f"is longer than {MAX_TEXT} characters")
    if "\x00" in value:
        raise BadParameter(name, "holds a NUL character")
    return value


def number(params: QueryParams, name: str, default: int, least: int, most: int) -> int:
    """A whole number in `least`…`most`."""
    value = params.get(name, "")
    if not value:
        return default
    # `isdecimal` takes Arabic digits, too, and int() would read them: nobody types those on purpose.
    if not (value.isascii() and value.isdecimal() and len(value) <= 19) or not least <= int(value) <= most:
        raise BadParameter(name, f"must be a whole number from {least} to {most}")
    return int(value)


def moment(params: QueryParams, name: str) -> datetime | None:
    """A time with its zone (RFC 3339), as UTC."""
    value = params.get(name, "")
    if not value:
        return None
    try:
        # A `+` that was not escaped arrives as a space.
        then = datetime.fromisoformat(value.replace(" ", "+", 1) if "T" in value else value)
        if then.tzinfo is None:
            raise ValueError("no zone")
        return then.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadParameter(name, "must be a time with its zone, like 2026-11-24T09:30:00Z") from None


def choice(params: QueryParams, name: str, allowed: tuple[L, ...]) -> L | None:
    """One of the words allowed."""
    value = params.get(name, "")
    for word in allowed:
        if value == word:
            return word
    if value:
        raise BadParameter(name, f"must be one of {', '.join(allowed)}")
    return None


def period(params: QueryParams) -> tuple[datetime | None, datetime | None]:
    """`since` and `until`, in order."""
    since, until = moment(params, "since"), moment(params, "until")
    if since is not None and until is not None and since >= until:
        raise BadParameter("until", "must be later than since")
    return since, until


def symbol(params: QueryParams) -> str | None:
    """A symbol as the design writes it: upper case."""
    return text(params, "symbol").upper() or None


def search_query(params: QueryParams) -> SearchQuery:
    """What `/api/v1/stories` was asked for."""
    names = ("text", "symbol", "source", "source_type", "label", "status", "since", "until", "limit", "after")
    only(params, names)
    since, until = period(params)
    return SearchQuery(
        text=text(params, "text"),
        symbol=symbol(params),
        source=text(params, "source") or None,
        source_type=choice(params, "source_type", get_args(SourceType)),
        label=choice(params, "label", get_args(SentimentLabel)),
        status=choice(params, "status", get_args(Status)),
        since=since,
        until=until,
        limit=number(params, "limit", 50, 1, MAX_LIMIT),
        after=text(params, "after") or None,
    )


def alert_query(params: QueryParams) -> tuple[AlertStatus | None, int]:
    """What `/api/v1/alerts` was asked for."""
    only(params, ("status", "limit"))
    statuses: tuple[Literal["pending", "firing", "resolved"], ...] = get_args(AlertStatus)
    return choice(params, "status", statuses), number(params, "limit", 50, 1, MAX_LIMIT)
