"""TOML with a place for each key, so that a wrong one can be named by its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from riskwire.errors import ConfigError

_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")

Key = str | int


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def line_of(text: str, path: Sequence[Key]) -> int | None:
    """The line (from 1) on which the key at `path` stands; list positions are integers. None when it is not found.

    Falls back to the longest prefix that has a line, since a key inside an inline table has none of its own.
    """
    wanted = tuple(path)
    found: dict[tuple[Key, ...], int] = {}
    table: tuple[Key, ...] = ()
    counts: dict[tuple[Key, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            names = tuple(_split(header.group(1)))
            if line.lstrip().startswith("[["):
                counts[names] = counts.get(names, -1) + 1
                table = (*names, counts[names])
            else:
                table = names
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_split(key.group(1))), number)
    while wanted:
        if wanted in found:
            return found[wanted]
        wanted = wanted[:-1]
    return None


def read_toml(path: Path, *, error: type[ConfigError] = ConfigError) -> tuple[dict[str, Any], str]:
    """The table and the text of a TOML file. Raises `error` with the file and, where known, the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error("is not there", about=str(path), hint="Give the path of an existing file.") from None
    except UnicodeDecodeError:
        raise error("is not UTF-8 text", about=str(path)) from None
    except OSError as cause:
        raise error("can't be read", about=str(path)) from cause
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as cause:
        raise error(f"is not valid TOML: {cause}", about=str(path)) from None
