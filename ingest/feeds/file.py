"""Editing a feeds file as its owner would: what is not meant stays as it is, comments and all. Pure, on the text.

Tables are cut out and put in as lines, since a TOML writer takes the comment behind a table (the next section's
heading) for the table's own and removes it along. What came out is read again: an edit that did more is refused.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping

from riskwire.errors import FeedsFileError
from riskwire.toml import line_of

_HEADER = re.compile(r"\s*\[")
Value = str | float | bool


def table_text(table: str, values: Mapping[str, Value | None]) -> str:
    """One `[[table]]`. Values that are None are left out."""
    lines = [f"[[{table}]]"]
    # A JSON string is a TOML basic string; names and URLs hold no control characters.
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value is not None]
    return "\n".join(lines) + "\n"


def with_table(text: str, table: str, values: Mapping[str, Value | None], about: str = "") -> str:
    """The text with one more table, behind the last of its kind."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    count = len(_rows(text, table))
    place = _end_of(lines, _begin_of(text, table, count - 1, about)) if count else len(lines)
    block = ("\n" if place and lines[place - 1].strip() else "") + table_text(table, values)
    if place < len(lines) and lines[place].strip():
        block += "\n"
    result = "".join([*lines[:place], block, *lines[place:]])
    wanted = {**tomllib.loads(text), table: [*_rows(text, table), {k: v for k, v in values.items() if v is not None}]}
    return _sure(result, wanted, about)


def without_table(text: str, table: str, name: str, about: str = "") -> str:
    """The text without the table of this name. Raises FeedsFileError when it is not there."""
    rows = _rows(text, table)
    index = next((number for number, row in enumerate(rows) if row.get("name") == name), None)
    if index is None:
        raise FeedsFileError(f"has no source {name!r}", about=about)
    lines = text.splitlines(keepends=True)
    begin = _begin_of(text, table, index, about)
    end = _end_of(lines, begin)
    # One blank line of the two around it goes along.
    if begin and not lines[begin - 1].strip() and (end == len(lines) or not lines[end].strip()):
        begin -= 1
    rest = rows[:index] + rows[index + 1 :]
    wanted = {**tomllib.loads(text), table: rest}
    if not rest:
        del wanted[table]
    return _sure("".join([*lines[:begin], *lines[end:]]), wanted, about)


def _rows(text: str, table: str) -> list[dict[str, object]]:
    rows = tomllib.loads(text).get(table, [])
    return rows if isinstance(rows, list) else []


def _begin_of(text: str, table: str, index: int, about: str) -> int:
    """The line (from 0) of a table's header."""
    line = line_of(text, (table, index))
    if line is None:
        raise _by_hand(about)
    return line - 1


def _end_of(lines: list[str], begin: int) -> int:
    """The line behind a table's last key: blank lines and comments behind it belong to what follows."""
    end = begin + 1
    while end < len(lines) and not _HEADER.match(lines[end]):
        end += 1
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _sure(text: str, wanted: Mapping[str, object], about: str) -> str:
    try:
        if tomllib.loads(text) == wanted:
            return text
    except tomllib.TOMLDecodeError:
        pass
    raise _by_hand(about)


def _by_hand(about: str) -> FeedsFileError:
    return FeedsFileError("is written in a way that is not edited here", about=about, hint="Edit it by hand.")
