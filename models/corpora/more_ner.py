"""Entity sets of other guidelines, mapped to ORG, PER and LOC: tweets, loan agreements, filings, mixed genres, defence.

What a set calls by another name, or does not set apart, is told to be unknown rather than outside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from models.corpora.items import Item, Split
from models.corpora.ner import from_tokens, sentences

_ROLES: Final = frozenset({"borrower", "borrowers", "lender", "lenders"})
_FIRE: Final = {"Company": "ORG", "Person": "PER", "Location": "LOC", "GeopoliticalEntity": "LOC"}
_RE3D: Final = {"Organisation": "ORG", "Person": "PER", "Location": "LOC"}
_GUM: Final = {"organization": "ORG", "person": "PER", "place": "LOC"}

Tokens = list[tuple[str, str]]


def load_btc(folder: Path) -> list[Item]:
    """Broad Twitter Corpus: posts of six kinds; handles are tagged too."""
    return [
        from_tokens("ner_btc", tokens, kind_post=True)
        for part in "abefgh"
        for tokens in sentences(folder / f"{part}.conll", column=1)
    ]


def load_sec_filings(folder: Path) -> list[Item]:
    """Loan agreements. Nearly all their PER are roles ("Borrower"), which are no names: they become outside."""
    return [
        from_tokens("ner_sec_filings", [(word, _role(word, tag)) for word, tag in tokens], fixed=side)
        for name, side in _SEC
        for tokens in sentences(folder / name, column=3)
    ]


_SEC: Final[tuple[tuple[str, Split], ...]] = (("FIN5_train.txt", "train"), ("FIN3_test.txt", "test"))


def _role(word: str, tag: str) -> str:
    return "O" if tag.endswith("PER") and word.casefold() in _ROLES else tag


def load_fire(folder: Path) -> list[Item]:
    """FIRE's dev file: sentences of filings and news; companies, people and places of its thirteen types."""
    items = []
    for row in json.loads((folder / "fire_dev.json").read_text(encoding="utf-8")):
        tags = ["O"] * len(row["tokens"])
        for entity in row["entities"]:
            if group := _FIRE.get(entity["type"]):
                for place in range(entity["start"], entity["end"]):
                    tags[place] = f"{'B' if place == entity['start'] else 'I'}-{group}"
        tokens = list(zip(row["tokens"], tags, strict=True))
        # An authority or a club has no type of its own, so what is no Company may still be an organisation.
        items.append(from_tokens("ner_fire", tokens, exhaustive=("PER", "LOC")))
    return items


def load_gum(folder: Path) -> list[Item]:
    """GUM: pronouns and common nouns are tagged too; only names (every word capitalised) are kept, none is missed."""
    return _mapped(folder, "ner_gum", (("gum-train.conll", "train"), ("gum-test.conll", "test")), _GUM, names_only=True)


def load_re3d(folder: Path) -> list[Item]:
    """re3d: defence and security reports."""
    return _mapped(folder, "ner_re3d", (("re3d-train.conll", "train"), ("re3d-test.conll", "test")), _RE3D)


def _mapped(
    folder: Path,
    dataset: str,
    files: tuple[tuple[str, Split], ...],
    names: Mapping[str, str],
    *,
    names_only: bool = False,
) -> list[Item]:
    items = []
    for name, side in files:
        for tokens in sentences(folder / name, column=1):
            mapped = [(word, _renamed(tag, names)) for word, tag in tokens]
            if names_only:
                items.append(from_tokens(dataset, _names(mapped), fixed=side, exhaustive=()))
            else:
                items.append(from_tokens(dataset, mapped, fixed=side))
    return items


def _renamed(tag: str, names: Mapping[str, str]) -> str:
    prefix, _, name = tag.partition("-")
    return f"{prefix}-{names[name]}" if name in names else "O"


def _names(tokens: Tokens) -> Tokens:
    """Tags off every mention that is not written like a name."""
    result: Tokens = []
    for place, (word, tag) in enumerate(tokens):
        if tag.startswith("B-"):
            end = place + 1
            while end < len(tokens) and tokens[end][1].startswith("I-"):
                end += 1
            keep = all(other[:1].isupper() for other, _ in tokens[place:end])
            result += [(other, kind if keep else "O") for other, kind in tokens[place:end]]
        elif not tag.startswith("I-"):
            result.append((word, tag))
    return result
