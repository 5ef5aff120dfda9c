"""Where each set is had, and what its licence lets you do: `catalogue.toml`, read and checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import msgspec

from models.corpora import CORPORA
from models.corpora.unlabelled import SOURCES

CATALOGUE: Final = Path(__file__).parent / "catalogue.toml"
OWN: Final = "our own words"
"""The licence of sets that are made here, and so are always there."""


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file to fetch. `place`: below the datasets folder. Without `sha256` the first fetch notes what came."""

    url: str
    place: str
    sha256: str | None = None


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One set. What is None was not stated by its authors."""

    name: str
    address: str  # for people
    commercial: bool | None
    redistribute: bool | None
    files: tuple[File, ...] = ()  # none: it is not fetched
    how: str = ""  # what to do by hand, and why it is not fetched
    convert: str = ""  # of models.datasets.convert, after fetching

    @property
    def licence(self) -> str:
        """As the loader names it."""
        return CORPORA[self.name].licence if self.name in CORPORA else SOURCES[self.name].licence

    @property
    def about(self) -> str:
        """One line."""
        return CORPORA[self.name].about if self.name in CORPORA else SOURCES[self.name].about

    @property
    def needed(self) -> tuple[str, ...]:
        """The files that its loader reads, below the datasets folder."""
        return CORPORA[self.name].files if self.name in CORPORA else (SOURCES[self.name].file,)

    def limits(self) -> str:
        """What the licence forbids or leaves open, in words; empty where nothing is."""
        words = []
        for name, allowed in (("commercial use", self.commercial), ("redistribution", self.redistribute)):
            if not allowed:
                words.append(f"{name}: {'not stated' if allowed is None else 'no'}")
        return ", ".join(words)


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    address: str
    commercial: str
    redistribute: str
    files: tuple[File, ...] = ()
    how: str = ""
    convert: str = ""


_ALLOWED: Final = {"yes": True, "no": False, "not stated": None}


def load(path: Path = CATALOGUE) -> dict[str, Entry]:
    """Every set by name. Raises ValueError naming the row that is wrong."""
    found = {}
    for row in msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8"))["set"], tuple[_Row, ...]):
        if row.commercial not in _ALLOWED or row.redistribute not in _ALLOWED:
            raise ValueError(f"{path}: {row.name}: commercial and redistribute are yes, no or 'not stated'")
        if not row.files and not row.how:
            raise ValueError(f"{path}: {row.name} is neither fetched nor told how")
        found[row.name] = Entry(
            row.name,
            row.address,
            _ALLOWED[row.commercial],
            _ALLOWED[row.redistribute],
            row.files,
            row.how,
            row.convert,
        )
    return found
