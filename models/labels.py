"""The label order: the one place that fixes it.

An artefact names its labels in its manifest; `permutation` turns the artefact's order into this one by name, so that a
model trained with another order is read correctly and one with unknown names is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SENTIMENTS: Final = ("positive", "neutral", "negative")
"""Order of the last axis of story logits and token-sentiment logits."""

GROUPS: Final = ("ORG", "PER", "LOC", "ASSET")
"""Entity groups. ASSET: an index, currency, commodity, bond, sector or market spoken of as traded."""

TAGS: Final = ("O", *(f"{prefix}-{group}" for group in GROUPS for prefix in ("B", "I")))
"""BIO tags, in the order of the last axis of tag logits: O, B-ORG, I-ORG, B-PER, …"""

OUTSIDE: Final = 0
"""Index of the tag O in `TAGS`."""


def begin(group: str) -> int:
    """Index in `TAGS` of the first token of a mention of `group`."""
    return TAGS.index(f"B-{group}")


def inside(group: str) -> int:
    """Index in `TAGS` of a further token of a mention of `group`."""
    return TAGS.index(f"I-{group}")


def permutation(found: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """For every wanted name its place in `found`: `logits[..., permutation(...)]` is in our order.

    Raises ValueError when the names are not the same set, each exactly once.
    """
    if sorted(found) != sorted(wanted):
        raise ValueError(f"labels are {list(found)}, expected exactly {list(wanted)} in any order")
    return [list(found).index(name) for name in wanted]
