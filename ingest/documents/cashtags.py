"""Cashtags and hashtags of a post, and whether a post is one that is wanted. Pure, and quick: most posts are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import re2

from riskwire.types import SourceType

#: More of a text than this is not looked at.
_LOOKED_AT = 20_000
_CASHTAG = re.compile(r"(?<![\w$])\$([A-Za-z]{1,6}(?:\.[A-Za-z]{1,2})?)(?![\w$])")
# As the platforms read them: a word of any script that is not a number, at the beginning of a word.
_HASHTAG = re.compile(r"(?<![\w#&/])[#＃](\w{1,100})")
#: In a list of cashtags: every one that is written in upper case.
ANY = "*"


def cashtags(text: str, source_type: SourceType = "news") -> list[str]:
    """`$TSLA` → TSLA, in upper case; of news only those written so ("$m" is money there)."""
    if "$" not in text:
        return []
    found = (match.group(1) for match in _CASHTAG.finditer(text[:_LOOKED_AT]))
    return [tag.upper() for tag in found if tag.isupper() or source_type == "social"]


def hashtags(text: str) -> list[str]:
    """`#Stocks` → Stocks, as written; `#1` is a rank, no tag."""
    if "#" not in text and "＃" not in text:
        return []
    return [tag for tag in _HASHTAG.findall(text[:_LOOKED_AT]) if not tag.isdigit()]


class Wanted:
    """Which posts are taken: those with one of these cashtags, hashtags or keywords, in one of these languages.

    Cashtags and hashtags are given with or without their sign; `*` among the cashtags means each that is written in
    upper case. Keywords are whole words or phrases, letter case aside. No languages: any. A post that names no language
    is taken: which it is, is found out later.
    """

    def __init__(
        self,
        *,
        cashtags: Iterable[str] = (),
        hashtags: Iterable[str] = (),
        keywords: Iterable[str] = (),
        languages: Iterable[str] = (),
    ) -> None:
        self._cashtags = frozenset(tag.lstrip("$").upper() for tag in cashtags)
        self._hashtags = frozenset(_folded(tag) for tag in hashtags)
        self._keywords = _pattern(keywords)
        self._languages = frozenset(_primary(one) for one in languages)

    def takes(self, text: str, tags: Sequence[str] = (), languages: Sequence[str] = ()) -> bool:
        """Whether this post is wanted; `tags` are those that it carries beside its text."""
        if self._languages and languages and self._languages.isdisjoint(map(_primary, languages)):
            return False
        # The cheapest first: most posts hold neither sign.
        if self._cashtags and "$" in text and self._has_cashtag(text):
            return True
        if self._hashtags and not self._hashtags.isdisjoint(map(_folded, [*tags, *hashtags(text)])):
            return True
        return self._keywords is not None and self._keywords.search(text[:_LOOKED_AT]) is not None

    def _has_cashtag(self, text: str) -> bool:
        if ANY in self._cashtags and cashtags(text, "news"):
            return True
        return not self._cashtags.isdisjoint(cashtags(text, "social"))


def _folded(tag: str) -> str:
    return tag.lstrip("#＃").casefold()


def _primary(language: str) -> str:
    return language.strip().lower().replace("_", "-").partition("-")[0]


def _pattern(keywords: Iterable[str]) -> re2._Regexp | None:
    """One automaton for all: its time does not grow with their number, and no keyword can blow it up."""
    words = sorted({word.strip() for word in keywords if word.strip()})
    if not words:
        return None
    options = re2.Options()
    options.case_sensitive = False
    return re2.compile("|".join(f"(?:{_edge(w[0])}{re2.escape(w)}{_edge(w[-1])})" for w in words), options)


def _edge(character: str) -> str:
    # RE2's \b knows ASCII alone; beside another script's letter (which may not part words by spaces) it would refuse.
    return r"\b" if character.isascii() and (character.isalnum() or character == "_") else ""
