"""Labels that users gave to stories of their own: JSON lines of `text` and `story` (positive, neutral or negative)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.corpora.items import Item
from models.labels import SENTIMENTS

NAME = "given"


class _Row(msgspec.Struct, frozen=True):
    text: str
    story: str


def load(path: Path) -> list[Item]:
    """Items with a story label; where a text was labelled twice, the last one counts.

    Raises ValueError naming the file and line that is no such row; OSError when the file can't be read.
    """
    rows: dict[str, str] = {}
    decoder = msgspec.json.Decoder(_Row)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = decoder.decode(line)
        except msgspec.DecodeError as error:
            raise ValueError(f"{path}:{number}: {error}") from error
        if row.story not in SENTIMENTS:
            raise ValueError(f"{path}:{number}: {row.story!r} is none of {', '.join(SENTIMENTS)}")
        rows[row.text] = row.story
    return [Item(dataset=NAME, text=text, story=story) for text, story in rows.items()]
