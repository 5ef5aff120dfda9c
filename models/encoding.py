"""Text to token ids with offsets: the same code in training and at run time.

Offsets are code points into the exact text given. `case` keeps what an uncased vocabulary throws away (is a word
`lower`, `Title`, `UPPER` or `mIxed`?), fed to the encoder through its otherwise unused token types.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from models import amounts
from models.view import view

CASES: Final = ("none", "lower", "title", "upper", "mixed")
"""Word shapes, in the order of the encoder's token types; `none` has no letters."""

IntArray = npt.NDArray[np.int64]


class Encoded(msgspec.Struct, frozen=True):
    """One text as the model sees it, without special tokens. All arrays have the length T of the token list."""

    ids: IntArray
    starts: IntArray  # code point where the token starts in the text
    ends: IntArray  # code point behind its last one
    words: IntArray  # index of the word the token belongs to, rising
    cases: IntArray  # index into CASES of that word; of an amount that is compared, `models.amounts` says which

    def __len__(self) -> int:
        return len(self.ids)


def word_case(word: str) -> int:
    """Index into CASES of one word."""
    letters = [char for char in word if char.isalpha()]
    if not letters:
        return 0
    if word == word.lower():
        return 1
    if len(letters) > 1 and all(char.isupper() for char in letters):
        return 3
    if letters[0].isupper() and not any(char.isupper() for char in letters[1:]):
        return 2
    return 4


class TextEncoder:
    """A fast tokenizer with the special tokens of BERT. Thread-safe: it keeps no state between calls."""

    def __init__(self, tokenizer: Tokenizer, *, case_feature: bool, amount_feature: bool = False) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._case_feature, self._amount_feature = case_feature, amount_feature
        self._case_of: dict[str, int] = {}
        self.cls = self._special("[CLS]")
        self.sep = self._special("[SEP]")
        self.pad = self._special("[PAD]")

    @classmethod
    def from_file(cls, path: Path, *, case_feature: bool, amount_feature: bool = False) -> TextEncoder:
        """Read `tokenizer.json`. Raises ValueError when it isn't one."""
        try:
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
            return cls(tokenizer, case_feature=case_feature, amount_feature=amount_feature)
        except ValueError:
            raise
        except Exception as error:  # tokenizers raises bare Exception
            raise ValueError(f"not a tokenizer: {error}") from error

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Tokens of each text, in the same order. An empty text gives an empty list of tokens."""
        batch = self._tokenizer.encode_batch([view(text) for text in texts], add_special_tokens=False)
        return [self._one(text, encoding) for text, encoding in zip(texts, batch, strict=True)]

    def _one(self, text: str, encoding: object) -> Encoded:
        offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)  # type: ignore[attr-defined]
        words = np.array(encoding.word_ids, dtype=np.int64)  # type: ignore[attr-defined]
        ids = np.array(encoding.ids, dtype=np.int64)  # type: ignore[attr-defined]
        starts, ends = offsets[:, 0], offsets[:, 1]
        cases = np.zeros(len(ids), dtype=np.int64)
        if self._case_feature and len(ids):
            first = np.flatnonzero(np.diff(words, prepend=-1))
            last = np.append(first[1:], len(ids)) - 1
            shapes = [self._case(text[a:b]) for a, b in zip(starts[first].tolist(), ends[last].tolist(), strict=True)]
            cases = np.repeat(np.array(shapes, dtype=np.int64), last - first + 1)
        if self._amount_feature:
            for start, end, mark in amounts.marks(text):
                cases[(starts < end) & (ends > start)] = mark
        return Encoded(ids=ids, starts=starts, ends=ends, words=words, cases=cases)

    def _case(self, word: str) -> int:
        case = self._case_of.get(word)
        if case is None:
            case = word_case(word)
            if len(self._case_of) < 50_000:  # a bound: outside text must not fill the memory
                self._case_of[word] = case
        return case

    def _special(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer has no {token}")
        return int(found)
