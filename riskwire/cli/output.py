"""Rows on stdout: a table for people, JSON lines and CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from riskwire.cli.options import Format
from riskwire.log import one_line

Row = Mapping[str, Any]
#: (heading, value of a row). The values of a table are short text; those of a CSV are exact.
Column = tuple[str, Callable[[Row], Any]]

# A spreadsheet takes a cell that begins like this for a formula (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def stderr_console() -> Console:
    """Where progress and messages go."""
    return Console(stderr=True)


def safe_cell(value: Any) -> str:
    """A CSV cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    return f"'{text}" if text.lstrip(" \"'").startswith(_FORMULA) else text


class RowWriter:
    """Writes rows as they come (jsonl, csv) or all at the end (table)."""

    def __init__(
        self, style: Format, *, table: Sequence[Column], csv_columns: Sequence[Column], out: TextIO | None = None
    ) -> None:
        self._style = style
        self._out = out or sys.stdout
        self._table_columns = table
        self._csv_columns = csv_columns
        self._rows: list[list[str]] = []
        self._csv = csv.writer(self._out, lineterminator="\n")
        if style is Format.csv:
            self._csv.writerow([heading for heading, _ in csv_columns])

    def write(self, row: Row) -> None:
        """One more row."""
        if self._style is Format.jsonl:
            # Lone surrogates can't be written; JSON's own escape keeps them.
            self._out.write(json.dumps(row, ensure_ascii=_needs_ascii(row)) + "\n")
        elif self._style is Format.csv:
            self._csv.writerow([safe_cell(value(row)) for _, value in self._csv_columns])
        else:
            self._rows.append([_cell(value(row)) for _, value in self._table_columns])

    def flush(self) -> None:
        """Hand what was written to the reader."""
        self._out.flush()

    def close(self, empty: str = "nothing found") -> None:
        """Draw the table; say `empty` on stderr when there was no row."""
        if self._style is Format.table:
            if self._rows:
                grid = Table(*(heading for heading, _ in self._table_columns), header_style="bold", box=None)
                for row in self._rows:
                    grid.add_row(*(Text(cell) for cell in row))
                console = Console(file=self._out)
                # A pipe has no width: write rows whole rather than folded at 80.
                if not console.is_terminal:
                    console = Console(file=self._out, width=240)
                console.print(grid)
            else:
                stderr_console().print(empty)
        self.flush()


def write_rows(
    rows: Iterable[Row],
    style: Format,
    *,
    table: Sequence[Column],
    csv_columns: Sequence[Column],
    limit: int | None = None,
    empty: str = "nothing found",
) -> None:
    """All rows at once, `limit` at most."""
    writer = RowWriter(style, table=table, csv_columns=csv_columns)
    for row in islice(rows, limit):
        writer.write(row)
    writer.close(empty)


def _needs_ascii(row: Row) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    return one_line(str(value))


def field(*path: str) -> Callable[[Row], Any]:
    """The value at a path of keys, None where one is missing."""

    def get(row: Row) -> Any:
        value: Any = row
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                return None
            value = value[key]
        return value

    return get


def short(text: str | None, length: int = 80) -> str:
    """At most `length` characters of it."""
    text = text or ""
    return text if len(text) <= length else text[: length - 1] + "…"


def when(value: str | None) -> str:
    """An RFC 3339 time as people read it, with its zone."""
    return f"{value[:16].replace('T', ' ')} UTC" if value else ""


def companies(row: Row) -> str:
    """The companies of a story, each with the sign of its own sentiment."""
    found: dict[str, str] = {}
    signs = {"positive": "+", "neutral": "·", "negative": "−"}
    for mention in row.get("entities") or ():
        if mention["entity_group"] in ("ORG", "ASSET"):
            name = mention.get("symbol") or mention["text"]
            found.setdefault(name, signs[mention["sentiment"]["label"]])
    return ", ".join(f"{name}{sign}" for name, sign in found.items())


STORY_TABLE: Sequence[Column] = (
    ("time", lambda row: when(row["event_time"])),
    ("source", lambda row: short(row["source"], 20)),
    ("sentiment", lambda row: sentiment_words(row)),
    ("companies", lambda row: short(companies(row), 40)),
    ("headline", lambda row: short(row["title"] or row["summary"], 90)),
    ("id", lambda row: row["id"][:12]),
)
STORY_CSV: Sequence[Column] = (
    ("id", field("id")),
    ("revision", field("revision")),
    ("source", field("source")),
    ("event_time", field("event_time")),
    ("published_at", field("published_at")),
    ("seen_at", field("seen_at")),
    ("status", field("status")),
    ("unscored_reason", field("unscored_reason")),
    ("label", field("sentiment", "label")),
    ("score", field("sentiment", "score")),
    ("confidence", field("sentiment", "confidence")),
    ("positive", field("sentiment", "probabilities", "positive")),
    ("neutral", field("sentiment", "probabilities", "neutral")),
    ("negative", field("sentiment", "probabilities", "negative")),
    ("symbols", lambda row: " ".join(row["symbols"])),
    ("entities", lambda row: row["entities"] or None),
    ("title", field("title")),
    ("link", field("link")),
    ("text", field("text")),
)


def sentiment_words(row: Row) -> str:
    """`negative −0.81 (92 %)`, or why there is none."""
    sentiment = row.get("sentiment")
    if not sentiment:
        return f"{row['status']}: {row.get('unscored_reason') or ''}".rstrip(": ")
    return f"{sentiment['label']} {sentiment['score']:+.2f} ({sentiment['confidence']:.0%})"
