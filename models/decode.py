"""Tag probabilities and offsets to mentions. Pure: no model, no I/O.

A word (as the tokenizer splits words: at blanks and punctuation) takes the tags of its first sub-token, so a mention
never begins or ends inside a word. A mention begins at B-, or at I- behind a word outside; it goes on over every I-,
whatever its group, and its group is the one with the most probability over all its words. Then blanks, quotes,
punctuation and a possessive are trimmed; a currency code that only gives an amount its unit ("EUR 10 mn") is no
mention. Offsets are code points: `text[start:end]` is the mention.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from models.encoding import Encoded
from models.labels import GROUPS, OUTSIDE, TAGS, begin, inside
from models.metrics import softmax
from riskwire.types import EntityGroup

Floats = npt.NDArray[np.floating[Any]]

_BEGIN = np.array([begin(group) for group in GROUPS])
_INSIDE = np.array([inside(group) for group in GROUPS])
_IS_INSIDE = np.array([tag.startswith("I-") for tag in TAGS])
_LEGAL_AND_TITLES = """
inc corp co ltd plc bros cos llc lp sa s.a ag nv n.v spa s.p.a ab asa oyj jr sr st mt intl
"""
_ABBREVIATIONS = frozenset(_LEGAL_AND_TITLES.split())
_CURRENCY_SIGNS = """
EUR USD GBP JPY CHF SEK NOK DKK CAD AUD NZD CNY INR RUB BRL KRW HKD SGD ZAR PLN EEK LTL LVL Rs US C A € £ ¥
"""
_CODES = frozenset(_CURRENCY_SIGNS.split())
_POSSESSIVES = ("'s", "’s", "`s", "´s")
_FRONT = " \t\r\n\"'“”‘’`´«»([{<#@*•–—-,;:.!?/|\\"
_BACK = " \t\r\n\"'“”‘’`´«»([{<#@*•–—-,;:!?/|\\"


class FoundSpan(msgspec.Struct, frozen=True):
    """A mention found in a text. `confidence`: the mean over its words of the probability of its group."""

    start: int
    end: int
    group: EntityGroup
    confidence: float


def find_spans(text: str, tokens: Encoded, tags: Floats) -> list[FoundSpan]:
    """Mentions in `text`, in order and without overlaps. `tags`: probabilities (T, 9) of its tokens."""
    if not len(tokens):
        return []
    heads = np.flatnonzero(np.diff(tokens.words, prepend=-1))  # the first sub-token of every word
    tails = np.append(heads[1:], len(tokens)) - 1
    at_words = tags[heads]  # (W, 9)
    best = at_words.argmax(-1)
    if not best.any():  # nothing but OUTSIDE: most words of most texts
        return []
    by_group = at_words[:, _BEGIN] + at_words[:, _INSIDE]  # (W, 4)
    found = []
    for first, last in _runs(best):
        start, end = trim(text, int(tokens.starts[heads[first]]), int(tokens.ends[tails[last]]))
        if end > start and not is_unit(text, start, end):
            chances = by_group[first : last + 1].mean(0)
            group = int(chances.argmax())
            found.append(FoundSpan(start, end, GROUPS[group], float(min(1.0, chances[group]))))
    return found


def _runs(best: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
    """(first, last) word of each mention, from the best tag of every word."""
    runs: list[tuple[int, int]] = []
    for word in np.flatnonzero(best != OUTSIDE).tolist():
        if runs and runs[-1][1] == word - 1 and _IS_INSIDE[best[word]]:
            runs[-1] = (runs[-1][0], word)
        else:
            runs.append((word, word))
    return runs


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Narrow a stretch of `text` to the name in it: no blanks, quotes or punctuation at its ends, no possessive.

    A full stop stays behind an initial or an abbreviation of a legal form ("Apple Inc.", "U.S.").

    >>> trim("'Apple Inc.'s", 0, 13), trim("Nokia, ", 0, 7), trim("$TSLA!", 0, 6)
    ((1, 11), (0, 5), (0, 5))
    """
    if text[start:end].lower() in _POSSESSIVES:
        return start, start
    while start < end and text[start] in _FRONT:
        start += 1
    while end > start:
        last = text[end - 1]
        if text[max(start, end - 2) : end].lower() in _POSSESSIVES:
            end -= 2
        elif (
            last in _BACK
            or (last == "." and not _keeps_stop(text[start : end - 1]))
            or _closes_nothing(text, start, end)
        ):
            end -= 1
        else:
            break
    if not any(char.isalnum() for char in text[start:end]):
        return start, start
    return start, end


def is_unit(text: str, start: int, end: int) -> bool:
    """Is this a currency's code or sign beside a number? Then it says how much, and is nothing that is traded.

    >>> is_unit("EUR 10 mn", 0, 3), is_unit("EUR gains", 0, 3), is_unit("pays 5 USD", 7, 10)
    (True, False, True)
    """
    if text[start:end] not in _CODES:
        return False
    return text[end:].lstrip()[:1].isdigit() or text[:start].rstrip()[-1:].isdigit()


def _closes_nothing(text: str, start: int, end: int) -> bool:
    return text[end - 1] == ")" and "(" not in text[start:end]


def _keeps_stop(name: str) -> bool:
    last = name.split()[-1].lower() if name.split() else ""
    return last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha()) or (len(last) == 3 and last[1] == ".")


def pooled_sentiment(
    tokens: Encoded, logits: Floats, start: int, end: int, temperature: float
) -> npt.NDArray[np.float64] | None:
    """Probabilities (3,) of a mention: softmax of the mean of its tokens' logits (T, 3). None where it has no token."""
    covered = (tokens.starts < end) & (tokens.ends > start)
    if not covered.any():
        return None
    return softmax(logits[covered].mean(0), temperature)


def relevances(text: str, spans: Sequence[tuple[int, int]]) -> list[float]:
    """How much the story is about each mention, 0…1, from its place alone.

    A name first met in the title (the first line) counts 1.0 if it is the first name there, 0.9 otherwise; below the
    title 0.8 falling evenly to 0.4 at the end of the text. Every mention of a name takes the name's best value. In a
    text that names more than three, all are scaled by 1 / (1 + 0.1 · (names − 3)), at least by half.
    """
    title = text.find("\n") if "\n" in text else len(text)
    best: dict[str, float] = {}
    for start, end in sorted(spans):
        below = 0.8 - 0.4 * (start - title) / max(1, len(text) - title)
        value = below if start >= title else 0.9 if best else 1.0
        name = text[start:end].casefold()
        best[name] = max(value, best.get(name, 0.0))
    crowding = max(0.5, 1 / (1 + 0.1 * max(0, len(best) - 3)))
    return [round(best[text[start:end].casefold()] * crowding, 4) for start, end in spans]
