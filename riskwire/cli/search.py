"""`riskwire search`"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal, cast

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import STORY_CSV, STORY_TABLE, write_rows
from riskwire.cli.wiring import open_store
from riskwire.errors import UsageError
from riskwire.ports import Index, SearchQuery
from riskwire.types import ScoredDocument
from riskwire.wire import to_builtins

HELP = """Find stories, newest first. Without words: everything.

Example: riskwire search "profit warning" --label negative --since 2026-11-01

Example: riskwire search --symbol JPM --format jsonl --limit 1000
"""

PAGE = 500

LabelOption = Annotated[str | None, typer.Option("--label", help="positive, neutral or negative.")]


def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]…", help='Words of the story; "quoted phrases".')
    ] = None,
    symbol: Annotated[str | None, typer.Option("--symbol", help="Stories that name this company.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Stories of this source.")] = None,
    label: LabelOption = None,
    status: Annotated[str | None, typer.Option("--status", help="scored, unscored or removed.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Not older than this date or time (UTC).")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Older than this date or time (UTC).")] = None,
    limit: LimitOption = 50,
    data: DataOption = None,
    config: ConfigOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print the stories that the index holds."""
    query = SearchQuery(
        text=" ".join(words or ()),
        symbol=symbol.upper() if symbol else None,
        source=source,
        label=cast("Literal['positive', 'neutral', 'negative'] | None", one_of("--label", label, LABELS)),
        status=cast("Literal['scored', 'unscored', 'removed'] | None", one_of("--status", status, STATUSES)),
        since=parse_time("--since", since),
        until=parse_time("--until", until),
    )
    with open_store(settings_from(config, data)) as store:
        rows = (to_builtins(document) for document in found(store.index, query, limit or 50))
        write_rows(rows, style, table=STORY_TABLE, csv_columns=STORY_CSV, empty="no story found")


LABELS = ("positive", "neutral", "negative")
STATUSES = ("scored", "unscored", "removed")


def found(index: Index, query: SearchQuery, limit: int) -> Iterator[ScoredDocument]:
    """Up to `limit` stories, page by page."""
    after: str | None = None
    while limit > 0:
        page = index.search(_replace(query, limit=min(PAGE, limit), after=after))
        yield from page.documents
        limit -= len(page.documents)
        after = page.next
        if after is None:
            return


def _replace(query: SearchQuery, *, limit: int, after: str | None) -> SearchQuery:
    from msgspec.structs import replace

    return replace(query, limit=limit, after=after)


def one_of(flag: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    """The value, if it is one of those allowed. Raises UsageError that names them."""
    if value is not None and value not in allowed:
        raise UsageError(f"{value!r} is none of {', '.join(allowed)}", about=flag)
    return value


def parse_time(flag: str, value: str | None) -> datetime | None:
    """A date or time as ISO 8601, UTC where it names no zone. Raises UsageError."""
    if value is None:
        return None
    try:
        then = datetime.fromisoformat(value)
    except ValueError:
        raise UsageError(
            f"{value!r} is no date or time", about=flag, hint="Write 2026-11-24 or 2026-11-24T09:30Z."
        ) from None
    return then.replace(tzinfo=UTC) if then.tzinfo is None else then.astimezone(UTC)
