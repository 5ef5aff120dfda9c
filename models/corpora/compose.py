"""Two headlines in one: what is said of one company must not colour the other.

Only a tenth of SEntFiN's headlines hold mentions that conflict, and nearly all are of few shapes. So pairs of its short
training headlines are joined; each mention keeps its own sentiment, the story gets none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.corpora.items import Item, Span

_JOINTS = ("; ", ", ", " while ", " as ", " but ", ". ", ", ", " | ", " even as ", " / ", "\n")
_LONGEST = 75  # code points of a half: together no longer than a long headline


def join_pairs(items: Sequence[Item], *, count: int, seed: int) -> list[Item]:
    """`count` items made of two headlines of `items` each, most of them of opposite sentiment."""
    generator = np.random.default_rng(seed)
    usable = [
        item
        for item in items
        if item.kind == "headline" and item.story and item.exhaustive and len(item.text) <= _LONGEST
    ]
    by_label = {
        label: [item for item in usable if item.story == label] for label in ("positive", "neutral", "negative")
    }
    made: list[Item] = []
    while len(made) < count and all(by_label.values()):
        labels = [str(label) for label in generator.choice(list(by_label), 2, p=(0.4, 0.2, 0.4))]
        if labels[0] == labels[1] and generator.random() < 0.7:
            continue
        first, second = (by_label[label][int(generator.integers(len(by_label[label])))] for label in labels)
        joint = _JOINTS[int(generator.integers(len(_JOINTS)))]
        made.append(_joined(first, second, joint))
    return made


def _joined(first: Item, second: Item, joint: str) -> Item:
    shift = len(first.text) + len(joint)
    return Item(
        dataset=first.dataset,
        text=first.text + joint + second.text,
        kind="headline",
        spans=first.spans + tuple(Span(s.start + shift, s.end + shift, s.group, s.sentiment) for s in second.spans),
        exhaustive=first.exhaustive,
        ignored=first.ignored + tuple((start + shift, end + shift) for start, end in second.ignored),
        outside_weight=first.outside_weight,
        derived=True,
    )
