"""A user's words → an FTS5 query that can't fail. Pure.

tesla recall        both words
"profit warning"    these words in this order
bank*               words that begin so
"""

from __future__ import annotations

import re

_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')


def match_expression(text: str) -> str | None:
    """The FTS5 expression; None when there is no word in the text, which then finds nothing.

    Every term becomes a quoted string, in which FTS5 knows no operator: whatever a user types is only words. What
    stands between letters (`BRK.B`, `AT&T`) splits a term into a phrase, just as it splits the indexed text.
    """
    terms = []
    for quoted, bare in _TERM.findall(text.replace("\0", " ")):
        term = quoted or bare
        if any(character.isalnum() for character in term):
            terms.append(f'"{term}"' + ("*" if bare.endswith("*") else ""))
    return " ".join(terms) if terms else None
