"""What is in the sets: sizes, shares of the labels, how they are divided, and which texts they share. A data card."""

from __future__ import annotations

import csv
import zipfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import ParseError

import msgspec

from models.config import Data
from models.corpora import CORPORA, Corpus
from models.corpora.items import Item, text_key
from models.corpora.splits import near_copies, split
from models.datasets.catalogue import load
from models.labels import SENTIMENTS
from riskwire.errors import InputError

_DIVISION: Final = Data(sets=())  # of every recipe that says nothing else
_TELLING: Final = 5  # words: shorter texts ("Shares rise") are alike by chance
_BROKEN: Final = (OSError, ValueError, KeyError, IndexError, csv.Error, zipfile.BadZipFile, ParseError)


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """One set. Counts are of texts or mentions; `labels` of whole stories, an annotator's own."""

    name: str
    about: str
    licence: str
    forbids: str  # commercial use, redistribution: in words
    there: bool
    texts: int = 0
    labels: dict[str, int] = {}
    mention_labels: dict[str, int] = {}
    mentions: dict[str, int] = {}  # group → number
    sides: dict[str, int] = {}
    dropped: dict[str, int] = {}  # reason → texts
    overlaps: dict[str, int] = {}  # other set → texts of this one that stand there too, or nearly so


def describe(root: Path, names: Sequence[str] = ()) -> list[Described]:
    """The sets `names` (none: all), those that are not there too. Divided together, as a recipe of them all would be.

    Raises InputError naming a set whose files are there but can't be read.
    """
    chosen = [CORPORA[name] for name in names] if names else list(CORPORA.values())
    loaded = {corpus.name: _loaded(corpus, root) for corpus in chosen if is_there(corpus, root)}
    everything = [item for items in loaded.values() for item in items]
    sides = split(everything, seed=_DIVISION.split_seed, dev=_DIVISION.dev, test=_DIVISION.test)
    shared = _overlaps(everything)
    divided: dict[str, dict[str, int]] = defaultdict(dict)
    for side, items in (("train", sides.train), ("dev", sides.dev), ("test", sides.test)):
        for name, count in Counter(item.dataset for item in items).items():
            divided[name][side] = count
    limits = {name: entry.limits() for name, entry in load().items()}
    return [
        msgspec.structs.replace(
            _counted(loaded.get(corpus.name)),
            name=corpus.name,
            about=corpus.about,
            licence=corpus.licence,
            forbids=limits.get(corpus.name, ""),
            sides=divided[corpus.name],
            dropped={
                key.removeprefix(f"{corpus.name}: "): count
                for key, count in sides.dropped.items()
                if key.startswith(f"{corpus.name}: ")
            },
            overlaps=shared.get(corpus.name, {}),
        )
        for corpus in chosen
    ]


def is_there(corpus: Corpus, root: Path) -> bool:
    """Whether every file of the set is."""
    return all((root / file).is_file() for file in corpus.files)


def _loaded(corpus: Corpus, root: Path) -> list[Item]:
    try:
        return corpus.load(root)
    except _BROKEN as error:
        where = root / corpus.files[0]
        raise InputError(f"not the file of {corpus.name}", about=str(where), hint="Fetch it again") from error


def _overlaps(items: Sequence[Item]) -> dict[str, dict[str, int]]:
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for first, second in near_copies([item.text for item in items]):
        one, other = items[first].dataset, items[second].dataset
        if one != other and len(text_key(items[first].text).split()) >= _TELLING:
            found[one, other].add(first)
            found[other, one].add(second)
    shared: dict[str, dict[str, int]] = defaultdict(dict)
    for (one, other), texts in sorted(found.items()):
        shared[one][other] = len(texts)
    return shared


def _counted(items: Sequence[Item] | None) -> Described:
    there = items is not None
    items = items or ()
    stories = Counter(item.story or item.stance for item in items if not item.derived)
    spans = [span for item in items for span in item.spans]
    order = [*SENTIMENTS, *sorted({name for name in stories if name} - set(SENTIMENTS))]
    return Described(
        name="",
        about="",
        licence="",
        forbids="",
        there=there,
        texts=len(items),
        labels={name: stories[name] for name in order if stories[name]},
        mention_labels=dict(Counter(span.sentiment for span in spans if span.sentiment)),
        mentions=dict(Counter(span.group or "undecided" for span in spans)),
    )
