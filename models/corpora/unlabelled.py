"""Texts without labels, for pretraining and for a teacher to label: titles and posts, read from a folder by path.

A sample depends on the texts and the seed alone: the texts with the smallest hashes. Rows that a corpus marks as also
standing in a labelled set, near-copies of held-out texts and repeats are left out.
"""

from __future__ import annotations

import csv
import hashlib
import heapq
import lzma
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from models.corpora.items import text_key
from models.corpora.splits import SIMILAR, grams
from models.corpora.toy import unlabelled as toy_texts

SHORTEST, LONGEST = 20, 300
"""Code points of a text worth learning from."""


class Source(msgspec.Struct, frozen=True):
    """One corpus of texts without labels."""

    name: str
    licence: str
    about: str
    read: Callable[[Path], Iterator[str]]
    file: str = ""  # below the datasets folder; none: made here, or given by the user


def _table(file: str, column: str) -> Callable[[Path], Iterator[str]]:
    """Rows of an xz or plain table that stand in no labelled set. TSV carries no quoting."""

    def read(root: Path) -> Iterator[str]:
        path = root / file
        with lzma.open(path, "rt", encoding="utf-8") if file.endswith(".xz") else path.open(encoding="utf-8") as stream:
            rows = (
                csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
                if ".tsv" in file
                else csv.DictReader(stream)
            )
            for row in rows:
                if not row.get("overlap"):
                    yield row.get(column) or ""

    return read


def _source(name: str, file: str, column: str, licence: str, about: str) -> Source:
    return Source(name=name, licence=licence, about=about, read=_table(file, column), file=file)


_NONE = "none stated; the texts belong to their publishers, research only"

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        _source("wire", "corpus_reuters_titles/reuters_wire_titles.tsv.xz", "title", _NONE, "wire titles 2007-2016"),
        _source("press", "corpus_reuters_titles/reuters_press_titles.tsv.xz", "title", _NONE, "press titles 2007-2016"),
        _source(
            "headlines",
            "corpus_headlines_2018_2020/headlines.csv.xz",
            "headline",
            _NONE,
            "business headlines 2018-2020",
        ),
        _source("finviz", "corpus_finviz_2025/finviz_news.csv.xz", "headline", _NONE, "headlines of 2025"),
        _source("biotech", "corpus_biotech_thestreet/headlines.csv.xz", "headline", _NONE, "headlines on biotech"),
        _source(
            "stocknet",
            "corpus_stocknet_tweets/tweets.tsv.xz",
            "text",
            "MIT (posts under the platform's terms)",
            "StockNet posts 2014-2015",
        ),
        _source("stockemotions", "stockemotions/train_stockemo.csv", "original", _NONE, "StockTwits posts 2020"),
        Source(name="toy", licence="our own words", about="made-up headlines", read=lambda root: iter(toy_texts())),
    )
}
"""By the name a recipe gives them. `given` is the file of texts given on the command line."""


def read_given(path: Path) -> Iterator[str]:
    """One text a line."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        yield from stream


def sample(
    counts: Mapping[str, int], *, root: Path, seed: int, held_out: Sequence[str], given: Path | None = None
) -> list[str]:
    """`counts` texts of each source, none of them like one of `held_out`, each once.

    Raises ValueError naming a source that there is none of; FileNotFoundError for a corpus that isn't there.
    """
    chosen: dict[str, str] = {}
    for name, count in counts.items():
        if name == "given":
            if given is None:
                raise ValueError("this recipe learns from given texts: pass --unlabelled FILE, one text a line")
            texts = read_given(given)
        elif name in SOURCES:
            texts = SOURCES[name].read(root)
        else:
            raise ValueError(f"there is no source {name!r}; known are {sorted(SOURCES)} and 'given'")
        for text in _smallest(texts, count, seed):
            chosen.setdefault(text_key(text), text)
    return without_copies(list(chosen.values()), held_out)


def without_copies(texts: Sequence[str], held_out: Sequence[str]) -> list[str]:
    """`texts` without near-copies of a held-out one; exact, by an index of the held-out 3-grams alone."""
    known = [grams(text) for text in held_out]
    holders: dict[int, list[int]] = defaultdict(list)
    for number, shingles in enumerate(known):
        for gram in shingles:
            holders[gram].append(number)

    def copied(text: str) -> bool:
        own = grams(text)
        shared = Counter(number for gram in own for number in holders.get(gram, ()))
        return any(common >= SIMILAR * (len(own) + len(known[number]) - common) for number, common in shared.items())

    return [text for text in texts if not copied(text)]


def _smallest(texts: Iterator[str], count: int, seed: int) -> list[str]:
    def keyed() -> Iterator[tuple[bytes, str]]:
        seen: set[bytes] = set()
        for raw in texts:
            text = " ".join(raw.split())
            if SHORTEST <= len(text) <= LONGEST:
                place = hashlib.blake2b(f"{seed} {text_key(text)}".encode(), digest_size=8).digest()
                if place not in seen:
                    seen.add(place)
                    yield place, text

    return [text for _, text in heapq.nsmallest(count, keyed())]
