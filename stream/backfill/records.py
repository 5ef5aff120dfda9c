"""Lines → rows of named values: CSV (comma, semicolon, tab or bar) and JSON lines, told apart by their first byte.

One row that can't be read costs that row, never its neighbours; a file that is no table at all is refused at once.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from riskwire.errors import InputError
from stream.backfill.lines import MAX_LINE, Line

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = ",;\t|"


class Row(msgspec.Struct, frozen=True):
    """One row: the line that it begins on, its bytes, its last line, and its values by column."""

    line: int
    last_line: int
    raw: bytes
    values: dict[str, object]


class BadRow(msgspec.Struct, frozen=True):
    """A row that can't be read, and why."""

    line: int
    last_line: int
    raw: bytes
    error: InputError


class Table(msgspec.Struct, frozen=True):
    """The columns (of JSON lines: of the first object) and the rows."""

    columns: tuple[str, ...]
    rows: Iterator[Row | BadRow]


def read_table(path: Path, lines: Iterable[Line]) -> Table:
    """The table in these lines.

    Raises InputError for an empty file, a binary one, one in another encoding, and a JSON array.
    """
    source = _Lines(path, lines)
    first = next((line for line in source if line.data.strip()), None)
    if first is None:
        raise InputError("is empty", about=str(path), hint="A header and a row a story are needed.")
    _refuse_binary(path, first)
    text = source.text(first).strip()
    if text.startswith("["):
        raise InputError("is a JSON array", about=str(path), hint="One JSON object a line is needed: jq -c '.[]'.")
    if text.startswith("{"):
        source.push([first])
        return _json_table(path, source)
    return _csv_table(path, source, text)


class _Lines:
    """Lines that can be put back."""

    def __init__(self, path: Path, lines: Iterable[Line]) -> None:
        self._path, self._lines, self._back = path, iter(lines), deque[Line]()
        self.broken: InputError | None = None  #: the file itself failed, not a row

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        line = self._back.popleft() if self._back else self._read()
        return Line(1, line.data.removeprefix(_BOM), line.cut) if line.number == 1 else line

    def _read(self) -> Line:
        try:
            return next(self._lines)
        except InputError as error:
            self.broken = error
            raise

    def push(self, lines: list[Line]) -> None:
        self._back.extendleft(reversed(lines))

    def text(self, line: Line) -> str:
        """The line's text. Raises InputError when it is too long or not UTF-8, with the byte."""
        about = f"{self._path}:{line.number}"
        if line.cut:
            raise InputError(f"the line is longer than {MAX_LINE // 1024**2} MB", about=about)
        try:
            return line.data.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = f"byte {error.start + 1} of the line is {line.data[error.start]:#04x}"
            raise InputError(f"is not UTF-8 ({byte})", about=about, hint="Convert it: iconv -t UTF-8.") from None


def _refuse_binary(path: Path, first: Line) -> None:
    if first.data.startswith(_UTF16):
        raise InputError("is UTF-16", about=str(path), hint="Convert it: iconv -f UTF-16 -t UTF-8.")
    if b"\0" in first.data[:65536]:
        raise InputError("is a binary file", about=str(path), hint="CSV or JSON lines are needed, plain or as .gz.")


def _json_table(path: Path, source: _Lines) -> Table:
    rows = _json_rows(path, source)
    # The columns are those of the first object; what came before it is handed on as it is.
    ahead: list[Row | BadRow] = []
    columns: tuple[str, ...] = ()
    for row in rows:
        ahead.append(row)
        if isinstance(row, Row):
            columns = tuple(row.values)
            break

    def all_rows() -> Iterator[Row | BadRow]:
        yield from ahead
        yield from rows

    return Table(columns, all_rows())


def _json_rows(path: Path, source: _Lines) -> Iterator[Row | BadRow]:
    for line in source:
        if not line.data.strip():
            continue
        about = f"{path}:{line.number}"
        try:
            source.text(line)
            value = msgspec.json.decode(line.data)
            if not isinstance(value, dict):
                raise InputError("is no JSON object", about=about)
        except InputError as error:
            yield BadRow(line.number, line.number, line.data, error)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            yield BadRow(line.number, line.number, line.data, InputError(f"is no valid JSON: {error}", about=about))
        else:
            yield Row(line.number, line.number, line.data, value)


def _csv_table(path: Path, source: _Lines, header: str) -> Table:
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        columns = tuple(name.strip() for name in next(csv.reader([header], delimiter=delimiter)))
    except csv.Error as error:
        raise InputError("has no header that can be read", about=str(path)) from error
    if not any(columns):
        raise InputError("has no column names in its first line", about=str(path))
    return Table(columns, _csv_rows(path, source, columns, delimiter))


def _csv_rows(path: Path, source: _Lines, columns: tuple[str, ...], delimiter: str) -> Iterator[Row | BadRow]:
    csv.field_size_limit(MAX_LINE)
    taken: list[Line] = []

    def feed() -> Iterator[str]:
        for line in source:
            taken.append(line)
            yield source.text(line) + "\n"

    while True:
        taken.clear()
        try:
            values = next(csv.reader(feed(), delimiter=delimiter), None)
            if values is None and not taken:
                return
            if values and _open_quote(values[-1], taken):
                raise InputError("a quote is not closed", about=f"{path}:{taken[0].number}")
            if values and len(values) > len(columns):
                raise InputError(
                    f"has {len(values)} values for {len(columns)} columns", about=f"{path}:{taken[0].number}"
                )
        except (InputError, csv.Error) as error:
            if source.broken is not None:
                raise source.broken from error
            # The first line is to blame, or has to be: the ones behind it are read anew, as rows of their own.
            bad, rest = taken[0], taken[1:]
            source.push(rest)
            if not isinstance(error, InputError):
                error = InputError(f"is no valid CSV: {error}", about=f"{path}:{bad.number}")
            yield BadRow(bad.number, bad.number, bad.data, error)
            continue
        if values and any(value.strip() for value in values):
            raw = b"\n".join(line.data for line in taken)
            yield Row(taken[0].number, taken[-1].number, raw, dict(zip(columns, values, strict=False)))


def _open_quote(last: str, lines: list[Line]) -> bool:
    """At the end of a file the csv module takes an open quote for closed: then the rest of the file is in one value.

    Only inside quotes does a value keep its line's end, and an odd number of them leaves one open.
    """
    return last.endswith("\n") and sum(line.data.count(b'"') for line in lines) % 2 == 1
