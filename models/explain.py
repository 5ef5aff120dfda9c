"""Which words moved a score, by occlusion: score the text once more without each word, and see what changes.

Occlusion asks the model itself and needs no gradients, so it works on the shipped graph (Zeiler and Fergus, 2014; for
text: Li, Monroe and Jurafsky, 2016, "Understanding Neural Networks through Representation Erasure"). A word's tokens
are left out, not masked: that holds for every vocabulary. Words that only work together ("not", "bad") share an effect.
"""

from __future__ import annotations

import string
from typing import Final

import msgspec
import numpy as np

from models.encoding import Encoded
from models.inference import OnnxScorer
from riskwire.types import Record

METHOD: Final = "occlusion"
_PUNCTUATION: Final = frozenset(string.punctuation)


class WordEffect(Record, frozen=True, kw_only=True):
    """One word. `effect` = score − score without the word (−2…2): above 0, the word makes the text more positive."""

    text: str
    start: int  # code points into the text
    end: int
    effect: float


def word_effects(scorer: OnnxScorer, text: str, span: tuple[int, int] | None = None) -> list[WordEffect]:
    """What each word does to the score of the story, or of the mention at `span`; in the text's order.

    Punctuation and the mention's own words are not asked for. One forward pass a word, in batches.
    Raises ScoringError: the text has no words, or the model failed.
    """
    (tokens,) = scorer.encode([text])
    words = [places for places in _words(tokens) if _is_asked(text, tokens, places, span)]
    kept = [np.setdiff1d(np.arange(len(tokens)), places) for places in words]
    # Without its only word there is no text: it is compared with a score of 0.
    asked = [_take(tokens, rest) for rest in kept if len(rest)]
    whole, *others = scorer.scores([tokens, *asked], span)
    rest = iter(others)
    effects = []
    for places, left in zip(words, kept, strict=True):
        start, end = int(tokens.starts[places[0]]), int(tokens.ends[places[-1]])
        without = next(rest) if len(left) else 0.0
        effects.append(WordEffect(text=text[start:end], start=start, end=end, effect=round(whole - without, 4)))
    return effects


def _words(tokens: Encoded) -> list[np.ndarray]:
    """The places of each word's tokens."""
    return np.split(np.arange(len(tokens)), np.flatnonzero(np.diff(tokens.words)) + 1)


def _is_asked(text: str, tokens: Encoded, places: np.ndarray, span: tuple[int, int] | None) -> bool:
    start, end = int(tokens.starts[places[0]]), int(tokens.ends[places[-1]])
    if span is not None and start < span[1] and end > span[0]:
        return False
    return not _PUNCTUATION.issuperset(text[start:end])


def _take(tokens: Encoded, places: np.ndarray) -> Encoded:
    return Encoded(**{name: getattr(tokens, name)[places] for name in msgspec.structs.asdict(tokens)})
