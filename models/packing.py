"""Texts to blocks for masked-language-model training, and the masks, which are drawn anew in every pass.

Texts are packed one after another into blocks of one length, so that nothing is padding: [CLS] text [SEP] text [SEP] …
A masked word is masked whole. Of the masked words 8 in 10 become [MASK], 1 another token, 1 stays (Devlin et al. 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from models.encoding import TextEncoder

Ints = npt.NDArray[np.int64]
IGNORED = -100
_BETWEEN = -1  # the word number of special tokens


class Blocks(msgspec.Struct, frozen=True):
    """N blocks of L tokens. `words`: tokens of one word share a number; special tokens have none (−1)."""

    ids: Ints  # (N, L)
    cases: Ints  # (N, L)
    words: Ints  # (N, L)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Any) -> Blocks:
        """Some of the blocks."""
        return Blocks(self.ids[rows], self.cases[rows], self.words[rows])


def pack(texts: Sequence[str], encoder: TextEncoder, *, length: int) -> Blocks:
    """All texts in blocks of `length`; the rest that fills no block is dropped.

    Raises ValueError when there is too little text for one block.
    """
    ids: list[Ints] = []
    cases: list[Ints] = []
    words: list[Ints] = []
    number = 0
    for start in range(0, len(texts), 4096):
        for encoded in encoder.encode(texts[start : start + 4096]):
            if len(encoded):
                ids.append(np.append(encoded.ids, encoder.sep))
                cases.append(np.append(encoded.cases, 0))
                words.append(np.append(encoded.words + number, _BETWEEN))
                number = int(encoded.words[-1]) + number + 1
    body = length - 1
    total = sum(len(part) for part in ids) // body
    if not total:
        raise ValueError(f"too little text to fill one block of {length} tokens")

    def rows(parts: list[Ints], first: int) -> Ints:
        flat = np.concatenate(parts)[: total * body].reshape(total, body)
        return np.concatenate([np.full((total, 1), first, dtype=np.int64), flat], axis=1)

    return Blocks(rows(ids, encoder.cls), rows(cases, 0), rows(words, _BETWEEN))


def mask_words(
    blocks: Blocks, *, share: float, mask: int, vocabulary: int, generator: np.random.Generator
) -> tuple[Ints, Ints]:
    """Inputs and targets (N, L): targets are `IGNORED` where nothing is masked. Whole words only."""
    ids, targets = blocks.ids.copy(), np.full_like(blocks.ids, IGNORED)
    for row in range(len(blocks)):
        words = blocks.words[row]
        present = np.unique(words[words != _BETWEEN])
        if not len(present):
            continue
        count = max(1, round(share * len(present)))
        chosen = np.isin(words, generator.choice(present, count, replace=False))
        targets[row, chosen] = ids[row, chosen]
        draw = generator.random(len(words))
        ids[row, chosen & (draw < 0.8)] = mask
        other = chosen & (draw >= 0.9)
        ids[row, other] = generator.integers(0, vocabulary, int(other.sum()))
    return ids, targets
