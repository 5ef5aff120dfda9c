"""Which ticker a CIK has: from the SEC's own company_tickers.json, or a CSV with the columns cik and symbol."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from riskwire.errors import IngestError

_MAX_BYTES = 64 * 1024 * 1024


def read_symbols(file: str) -> dict[str, str]:
    """CIK (ten digits) → symbol; of a company's several tickers the first. Raises IngestError."""
    path = Path(file).expanduser()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise IngestError(f"is larger than {_MAX_BYTES:,} bytes", about=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise IngestError("can't be read as a list of symbols", about=str(path)) from error
    found: dict[str, str] = {}
    rows = _json(text, path) if text.lstrip()[:1] in ("{", "[") else _csv(text)
    for cik, symbol in rows:
        if cik.isascii() and cik.isdigit() and len(cik) <= 10 and symbol.strip():
            found.setdefault(cik.zfill(10), symbol.strip().upper())
    if not found:
        hint = "It needs company_tickers.json of the SEC, or a CSV with the columns cik and symbol."
        raise IngestError("names no company by its CIK", about=str(path), hint=hint)
    return found


def _json(text: str, path: Path) -> Iterator[tuple[str, str]]:
    try:
        table: Any = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise IngestError("is broken JSON", about=str(path)) from error
    for row in table.values() if isinstance(table, dict) else table:
        if isinstance(row, dict):
            yield str(row.get("cik_str", row.get("cik", ""))), str(row.get("ticker", row.get("symbol", "")))


def _csv(text: str) -> Iterator[tuple[str, str]]:
    for row in csv.DictReader(io.StringIO(text)):
        lower = {(name or "").strip().lower(): value or "" for name, value in row.items() if isinstance(value, str)}
        yield lower.get("cik", "").strip(), lower.get("symbol", lower.get("ticker", ""))
