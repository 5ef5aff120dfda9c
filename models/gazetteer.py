"""Which companies there are, and by which names: from pytickersymbols, the bundled symbols.csv, and the user's CSVs.

A symbol is the primary listing's ticker in upper case, its class after a dot (`BRK.B`), outside the US with its market
identifier code (`XNSE:INFY`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from riskwire.errors import InputError

BUNDLED: Final = Path(__file__).parent / "data" / "symbols.csv"

_MIC: Final = {
    "AS": "XAMS",
    "BR": "XBRU",
    "PA": "XPAR",
    "DE": "XETR",
    "L": "XLON",
    "MC": "XMAD",
    "MI": "XMIL",
    "SW": "XSWX",
    "ST": "XSTO",
    "HE": "XHEL",
    "T": "XTKS",
    "VI": "XWBO",
    "LS": "XLIS",
    "IR": "XDUB",
    "CO": "XCSE",
    "OL": "XOSL",
}
"""Yahoo's suffix of a foreign listing → market identifier code."""

_HOME: Final = {"CAC Mid 60": "XPAR", "SDAX": "XETR"}
"""Indices whose tickers come without a suffix though they are not American."""

_WRONG: Final = frozenset(
    {
        ("SES S.A.", "SMIN"),
        ("SES S.A.", "SMIN.L"),
        ("Fresenius Medical Care", "FRE.DE"),
        ("Artisan Partners", "APAM"),
        ("Apollo Commercial Real Estate Finance", "APO"),
        ("Arthur J. Gallagher & Co.", "AIZ"),
        ("Globe Life", "MHK"),
    }
)
"""Rows of pytickersymbols 1.17 that name another company's ticker."""

_SECOND_LINES: Final = frozenset(
    {"GOOG", "FOX", "NWS", "UA", "VOW.DE", "NDA-SE.ST", "AZN.ST", "ABB", "ABB.ST", "UNA.AS", "SHELL.AS", "REN.AS",
     "MTS.MC", "IAG.MC", "ASML", "CCEP", "FER"}
)  # fmt: skip
"""Further lines of a company that has a primary one in the same data."""


class Company(msgspec.Struct, frozen=True):
    """A listed company: its symbol, names that mean it exactly, and US tickers that point to it."""

    symbol: str
    names: tuple[str, ...]
    tickers: tuple[str, ...] = ()


def packaged_companies() -> list[Company]:
    """Members of the indices that pytickersymbols knows."""
    from pytickersymbols.indices_data import INDICES  # 50 ms: only when wanted

    found: list[Company] = []
    for index, content in INDICES.items():
        for row in content["companies"]:
            ticker = row.get("symbol")
            if ticker and ticker not in _SECOND_LINES and (row["name"], ticker) not in _WRONG:
                symbol = symbol_of(ticker, mic=_HOME.get(index, ""))
                found.append(Company(symbol, (_plain(row["name"]),), tuple(_us_tickers(row, symbol))))
    return found


def symbol_of(ticker: str, *, mic: str = "") -> str:
    """Yahoo's way of writing a ticker to ours.

    >>> symbol_of("BRK-B"), symbol_of("NOKIA.HE"), symbol_of("ERIC-B.ST"), symbol_of("1U1", mic="XETR")
    ('BRK.B', 'XHEL:NOKIA', 'XSTO:ERIC.B', 'XETR:1U1')
    """
    parts = ticker.upper().split(".")
    while len(parts) > 1 and parts[-1] in _MIC:
        mic = _MIC[parts.pop()]
    name = ".".join(parts).replace("-", ".")
    return f"{mic}:{name}" if mic else name


def read_csv(path: Path) -> list[Company]:
    """Rows `symbol,name[,mic,aliases]`; aliases are separated by `;` or `|`. Raises InputError naming the row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"symbol", "name"} <= set(reader.fieldnames or ()):
                raise InputError(
                    "the columns symbol and name are needed", about=str(path), hint="Columns: symbol,name[,mic,aliases]"
                )
            return [_row(row, f"{path}:{number}") for number, row in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("can't read symbols", about=str(path)) from error


def _row(row: dict[str, Any], where: str) -> Company:
    symbol, name = (row["symbol"] or "").strip().upper(), (row["name"] or "").strip()
    if not symbol or not name:
        raise InputError("a row without symbol or name", about=where)
    mic = (row.get("mic") or "").strip().upper()
    aliases = [alias.strip() for alias in re.split(r"[;|]", row.get("aliases") or "") if alias.strip()]
    own = symbol if mic in ("", "XNYS", "XNAS", "XASE", "ARCX") else f"{mic}:{symbol}"
    return Company(own, (name, *aliases), () if ":" in own else (own,))


def _us_tickers(row: dict[str, Any], symbol: str) -> Iterable[str]:
    """US listings of the company: the symbol itself, or a foreign company's depositary receipts."""
    if ":" not in symbol:
        yield symbol
    for listing in row.get("symbols", ()):
        market, _, ticker = str(listing.get("google", "")).partition(":")
        if market in ("NYSE", "NASDAQ", "NYSEAMERICAN") and re.fullmatch(r"[A-Z]{1,5}([.-][A-Z])?", ticker):
            yield ticker.replace("-", ".")


def _plain(name: str) -> str:
    """A name without remarks in brackets and without the share class that some rows have run into it."""
    name = re.sub(r"\s*\([^)]*\)", "", name).strip()
    return re.sub(r"(?<=[a-zà-ÿ])[A-C]$", "", name)
