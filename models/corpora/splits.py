"""Train, dev and test sides that never share a text, nor a near-copy of one.

A text's side depends on nothing but its own words (and the seed), so adding a set moves no other text, and a text that
two sets share lands on the same side in both. Near-copies (word 3-grams, Jaccard ≥ 0.6, numbers alike) of a test text
are then dropped from dev and train, those of a dev text from train: nothing is moved, the stricter side wins.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from models.corpora.items import Item, Split, text_key

SIMILAR = 0.6
_HASHES, _BANDS = 64, 32  # bands of 2: finds 0.6 with probability 1 − (1 − 0.36)^32
_PRIME = np.uint64((1 << 31) - 1)


class Sides(msgspec.Struct, frozen=True):
    """The three sides, and how many items were dropped as copies."""

    train: list[Item]
    dev: list[Item]
    test: list[Item]
    dropped: dict[str, int]

    def side(self, name: Split) -> list[Item]:
        """One side by name."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[name]


def side_of(item: Item, *, seed: int, dev: float, test: float) -> Split:
    """The side of one item, from its own words alone."""
    if item.fixed is not None:
        return item.fixed
    digest = hashlib.sha256(f"{seed} {item.unit or text_key(item.text)}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return "test" if place < test else "dev" if place < test + dev else "train"


def split(items: Sequence[Item], *, seed: int, dev: float, test: float) -> Sides:
    """Divide `items`; exact repeats within a set keep their first (conflicting story labels: none of them stay)."""
    dropped: dict[str, int] = defaultdict(int)
    unique = _without_repeats(items, dropped)
    sides = [side_of(item, seed=seed, dev=dev, test=test) for item in unique]
    rank = {"train": 0, "dev": 1, "test": 2}
    keep = [True] * len(unique)
    for first, second in near_copies([item.text for item in unique]):
        if sides[first] != sides[second]:
            weaker = first if rank[sides[first]] < rank[sides[second]] else second
            if keep[weaker]:
                dropped[f"{unique[weaker].dataset}: near-copy of another side"] += 1
            keep[weaker] = False
    chosen: dict[str, list[Item]] = {"train": [], "dev": [], "test": []}
    for item, side, kept in zip(unique, sides, keep, strict=True):
        if kept:
            chosen[side].append(item)
    return Sides(chosen["train"], chosen["dev"], chosen["test"], dict(dropped))


def near_copies(texts: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Pairs (i < j) of texts whose word 3-grams have a Jaccard index of `SIMILAR` or more. MinHash finds candidates."""
    found = [grams(text) for text in texts]
    generator = np.random.default_rng(0)
    a = generator.integers(1, int(_PRIME), _HASHES, dtype=np.uint64)
    b = generator.integers(0, int(_PRIME), _HASHES, dtype=np.uint64)
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for index, shingles in enumerate(found):
        values = np.fromiter(shingles, dtype=np.uint64, count=len(shingles))
        signature = ((values[:, None] * a + b) % _PRIME).min(axis=0).reshape(_BANDS, -1)
        for band, row in enumerate(signature):
            buckets[band, row.tobytes()].append(index)
    seen: set[tuple[int, int]] = set()
    for members in buckets.values():
        # A bucket of hundreds holds one template; its neighbours in the list are enough to link them all.
        pairs = (
            ((i, j) for n, i in enumerate(members) for j in members[n + 1 :])
            if len(members) <= 200
            else ((i, j) for n, i in enumerate(members) for j in members[n + 1 : n + 20])
        )
        for pair in pairs:
            if pair not in seen:
                seen.add(pair)
                one, other = found[pair[0]], found[pair[1]]
                common = len(one & other)
                if common >= SIMILAR * (len(one) + len(other) - common):
                    yield pair


def grams(text: str) -> frozenset[int]:
    """Hashes (31 bits) of a text's word 3-grams; of the whole text when it is shorter."""
    words = text_key(text).split()
    found = [" ".join(words[n : n + 3]) for n in range(max(1, len(words) - 2))]
    return frozenset(
        int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=4).digest(), "big") % int(_PRIME) for gram in found
    )


def _without_repeats(items: Sequence[Item], dropped: dict[str, int]) -> list[Item]:
    by_text: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        by_text[item.dataset, item.text.casefold().strip()].append(item)
    kept: list[Item] = []
    for (dataset, _), same in by_text.items():
        if len({item.story for item in same}) > 1:
            dropped[f"{dataset}: same text, other label"] += len(same)
            continue
        if len(same) > 1:
            dropped[f"{dataset}: repeated"] += len(same) - 1
        kept.append(same[0])
    return kept
