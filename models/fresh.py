"""What a refresh learns from: the index's own stories as they were known at one moment, and the labels that were given.

Pure but for the files it writes; no torch.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from textwrap import wrap
from typing import Final

import msgspec

from models.config import Pretrain, Recipe
from models.corpora.unlabelled import LONGEST, SHORTEST
from models.labels import SENTIMENTS
from riskwire.errors import InputError, UsageError
from riskwire.ports import Index, SearchQuery
from riskwire.types import ScoredDocument

TEXTS: Final = "texts.txt"
"""In a refresh's folder, the stories that it collected."""
_PAGE: Final = 500
_FEWEST: Final = 20
"""Lines of text below which pretraining on them would learn nothing, and could put none aside."""


class LabelRow(msgspec.Struct, frozen=True):
    """One line of the labels: what somebody says of a text."""

    text: str
    label: str


class _KeptRow(msgspec.Struct, frozen=True):
    text: str
    story: str  # as models.corpora.given calls it


def known_lines(index: Index, *, since: datetime | None, until: datetime) -> Iterator[str]:
    """The lines of every story that was scored and seen before `until`, as it was known then.

    `since`: not older than this, by event time. What is too short to learn from is left out, what is too long cut into
    pieces; so is what was removed, and a demo's invention.
    """
    after: str | None = None
    while True:
        page = index.search(SearchQuery(status="scored", since=since, limit=_PAGE, after=after))
        for document in page.documents:
            story = _as_known(index, document, until)
            if story is not None and story.origin != "demo":
                for line in story.text.splitlines():
                    yield from (piece for piece in wrap(line, LONGEST) if len(piece) >= SHORTEST)
        after = page.next
        if after is None:
            return


def _as_known(index: Index, document: ScoredDocument, until: datetime) -> ScoredDocument | None:
    if document.seen_at < until:
        return document
    if document.revision == 1:
        return None
    known = [story for story in index.revisions(document.id) if story.seen_at < until and story.status == "scored"]
    return known[-1] if known else None


def write_lines(path: Path, lines: Iterator[str]) -> int:
    """Write them, each once; how many there were."""
    seen: set[int] = set()
    with path.open("w", encoding="utf-8", errors="replace") as file:
        for line in lines:
            if hash(line) not in seen:
                seen.add(hash(line))
                file.write(line + "\n")
    return len(seen)


def write_labels(source: Path, path: Path) -> int:
    """The labels in `source`, JSON lines of `text` and `label`, as training reads them; how many there were.

    Raises InputError naming the line that is none.
    """
    decoder, rows = msgspec.json.Decoder(LabelRow), []
    try:
        lines = source.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: U+2028 may stand in a string
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("can't be read", about=str(source)) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        about = f"{source}:{number}"
        try:
            row = decoder.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError("is no label", about=about, hint='Write {"text": "…", "label": "negative"}') from error
        if row.label not in SENTIMENTS or not row.text.strip():
            raise InputError(f"{row.label!r} of {row.text[:40]!r} is no label", about=about, hint=", ".join(SENTIMENTS))
        rows.append(msgspec.json.encode(_KeptRow(text=" ".join(row.text.split()), story=row.label)))
    path.write_bytes(b"\n".join([*rows, b""]))
    return len(rows)


def freshened(recipe: Recipe, *, until: datetime, lines: int) -> Recipe:
    """`recipe` with a version of its own, learning from `lines` lines of the index beside what it learns from already.

    It says when its stories end: 2.0.0 as of 24 November 2026, 16:00 UTC becomes 2.0.0+20261124T1600.
    """
    recipe = msgspec.structs.replace(recipe, version=f"{recipe.version}+{until:%Y%m%dT%H%M}")
    if lines < _FEWEST:
        return recipe
    pretrain = recipe.pretrain or Pretrain(unlabelled={})
    pretrain = msgspec.structs.replace(pretrain, unlabelled={**pretrain.unlabelled, "given": lines})
    distil = recipe.distil
    if distil is not None:
        distil = msgspec.structs.replace(distil, unlabelled={**distil.unlabelled, "given": lines})
    return msgspec.structs.replace(recipe, pretrain=pretrain, distil=distil)


@contextmanager
def alone(work: Path) -> Iterator[None]:
    """One refresh at a time in a folder; the kernel lets go, however the process ends. Raises UsageError."""
    work.parent.mkdir(parents=True, exist_ok=True)
    with work.with_name(f".{work.name}.lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError("another refresh runs here", about=str(work)) from error
        yield


def forget_texts(work: Path) -> bool:
    """Remove an unfinished refresh, which holds stories; False: there is none. Raises UsageError: one runs."""
    if not (work / TEXTS).is_file():
        return False
    with alone(work):
        shutil.rmtree(work)
    return True
