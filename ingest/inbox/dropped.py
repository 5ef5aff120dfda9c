"""The rows of a file that was dropped into a folder: JSON Lines or CSV, one story a row. A bad row costs only itself.

CSV has the names of a story's fields in its first line; several authors, tags or symbols in a cell are parted by `|`.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from ingest.base import Told
from ingest.inbox.story import Story, tell
from riskwire.errors import ParseError

SUFFIXES = (".jsonl", ".ndjson", ".csv")
#: The longest line of JSON that is looked at, in bytes.
MAX_LINE = 1024 * 1024
_LISTS = ("authors", "tags", "source_symbols")


class Bad(msgspec.Struct, frozen=True):
    """A row that is no story: its number, from 1 without CSV's first line, and why."""

    row: int
    reason: str


class Rows(msgspec.Struct, frozen=True):
    """A piece of a file: the stories, what is bad, how many rows were read, and whether there are more."""

    told: tuple[Told, ...]
    bad: tuple[Bad, ...]
    read: int
    more: bool


def fingerprint(path: Path) -> str:
    """16 hex digits over the content. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()[:16]


def read_rows(
    path: Path, start: int, most: int, source: str, now: datetime, run_id: str, author_key: bytes | None
) -> Rows:
    """Up to `most` rows behind the first `start`. Raises OSError; ParseError when the whole file is of no use."""
    rows = _csv(path) if path.suffix.lower() == ".csv" else _jsonl(path)
    told: list[Told] = []
    bad: list[Bad] = []
    number = start
    piece = list(islice(rows, start, start + most + 1))
    for number, row in enumerate(piece[:most], start=start + 1):
        try:
            told.append(tell(_story(row, source), now, run_id, "live", author_key))
        except ValueError as error:  # of msgspec, too: it names the field
            bad.append(Bad(number, str(error)[:300]))
    return Rows(tuple(told), tuple(bad), number, len(piece) > most)


def _story(row: Mapping[str, Any] | str, source: str) -> Story:
    if isinstance(row, str):
        raise ValueError(row)
    return msgspec.convert({"source": source, **row}, Story)


def _jsonl(path: Path) -> Iterator[Mapping[str, Any] | str]:
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE + 1):
            if len(line) > MAX_LINE:
                while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield f"is longer than {MAX_LINE:,} bytes"
            elif text := line.removeprefix(b"\xef\xbb\xbf").strip():
                yield _object(text)


def _object(text: bytes) -> Mapping[str, Any] | str:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "is no JSON"
    return found if isinstance(found, dict) else "is no JSON object"


def _csv(path: Path) -> Iterator[Mapping[str, Any] | str]:
    # Bytes that are no UTF-8 are kept as surrogates, so that they cost their row alone.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file)
        try:
            names = [name.strip().lower() for name in next(lines, [])]
        except csv.Error as error:
            raise ParseError("is no CSV", about=str(path)) from error
        unknown = [name for name in names if name not in Story.__struct_fields__]
        if unknown or not names:
            known = ", ".join(Story.__struct_fields__)
            what = f"has a column {unknown[0][:50]!r} that no story has" if unknown else "has no line of column names"
            raise ParseError(what, about=str(path), hint=f"Known are {known}.")
        while True:
            try:
                cells = next(lines, None)
            except csv.Error as error:
                yield f"is no CSV ({error})"
                continue
            if cells is None:
                return
            if any(cells):
                yield _record(names, cells)


def _record(names: list[str], cells: list[str]) -> Mapping[str, Any] | str:
    if len(cells) != len(names):
        return f"has {len(cells)} cells, and the first line {len(names)}"
    row: dict[str, Any] = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    if not all(_is_text(cell) for cell in row.values()):
        return "is no UTF-8"
    for name in _LISTS:
        if name in row:
            row[name] = [one.strip() for one in row[name].split("|") if one.strip()]
    return row


def _is_text(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
