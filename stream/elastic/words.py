"""A text → its words as they are indexed and looked for: folded, without accents, in order. Pure.

Done here and not by an analyser of the server: a plain 8.x has none that finds `zurich` in Zürich and `sells` behind
`BRK.B`, and what a search finds must not depend on the server's plug-ins.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')


def folded(text: str) -> str:
    """The words of the text, one space between two."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(_WORD.findall(text.lower()))


def terms(text: str) -> list[tuple[str, bool]]:
    """What a user typed, as (words in this order, whether the last one may go on). Empty when there is no word in it.

    tesla recall        both words
    "profit warning"    these words in this order
    bank*               words that begin so
    """
    found = []
    for quoted, bare in _TERM.findall(text):
        if words := folded(quoted or bare):
            found.append((words, bare.endswith("*")))
    return found
