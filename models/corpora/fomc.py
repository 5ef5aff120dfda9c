"""Sentences of the Federal Reserve by their stance: hawkish, dovish or neutral. A label of its own, no sentiment."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from models.corpora.items import Item

FILES: Final = ("manual-mm-split.xlsx", "manual-pc-split.xlsx", "manual-sp-split.xlsx")
_STANCE: Final = {"0": "dovish", "1": "hawkish", "2": "neutral"}
_NAMES: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def load(folder: Path) -> list[Item]:
    """Minutes, press conferences and speeches; what has no label (the parent of a split sentence) is left out."""
    return [
        Item(dataset="fomc", text=row["sentence"], stance=_STANCE[row["label"]])
        for name in FILES
        for row in rows(folder / name)
        if row.get("label") in _STANCE and row.get("sentence", "").strip()
    ]


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The first sheet of a workbook whose cells carry their own text, by the names in its first row."""
    with zipfile.ZipFile(path) as packed, packed.open("xl/worksheets/sheet1.xml") as sheet:
        names: dict[str, str] = {}
        for _, element in ElementTree.iterparse(sheet):  # noqa: S314  the user's own file, and no text from outside
            if element.tag != f"{_NAMES}row":
                continue
            cells = {
                cell.get("r", "").rstrip("0123456789"): "".join(
                    part.text or "" for part in cell.iter() if part.tag in (f"{_NAMES}t", f"{_NAMES}v")
                )
                for cell in element.iter(f"{_NAMES}c")
            }
            if names:
                yield {names[column]: text for column, text in cells.items() if column in names}
            else:
                names = cells
            element.clear()
