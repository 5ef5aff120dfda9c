"""Names in one feed, as feedparser calls them: `http://purl.org/dc/elements/1.1/` `creator` → `dc_creator`.

Its rules have corners (a prefix that belongs to another namespace, two prefixes for one unknown namespace): those are
not followed but given up (Unsure), and feedparser itself reads such a feed.
"""

from __future__ import annotations

import msgspec
from feedparser.mixin import _FeedParserMixin

import ingest.formats.namespaces  # noqa: F401 - its hooks and prefixes are part of what feedparser knows

Attributes = dict[str, str]


class Unsure(Exception):
    """Something that is not known for sure to be read as feedparser reads it."""


class Element(msgspec.Struct):
    """An element that is open or has just ended. `holds`: it has had elements of its own; `depth` counts from 1."""

    key: str
    attributes: Attributes
    language: str | None
    depth: int
    holds: bool = False


_KNOWN = {uri.lower(): prefix.lower() for uri, prefix in _FeedParserMixin.namespaces.items()}
_PREFIXES = frozenset(_KNOWN.values()) - {""}
_USERLAND = "backend.userland.com/rss"
_XLINK = "http://www.w3.org/1999/xlink"
_VERSIONS = {"http://purl.org/rss/1.0/": "rss10", "http://www.w3.org/2005/atom": "atom10"}
_RSS090 = "http://my.netscape.com/rdf/simple/0.9/"
#: Attributes that are looked at; feedparser takes `x:href` of an unknown namespace for `href`.
_READ = frozenset(
    ("about", "base", "domain", "href", "ispermalink", "label", "lang", "lastmod", "mode", "rel", "scheme", "src",
     "term", "text", "type", "uri", "url", "version")
)  # fmt: skip


class Names:
    """The namespaces declared so far, and what elements are called. `version` is what the declarations say of it."""

    def __init__(self) -> None:
        self.version = ""
        self.keys: dict[str, str] = {}
        self._declared: dict[str, str] = {}
        self._unknown: dict[str, str] = {}

    def declare(self, prefix: str | None, uri: str | None) -> None:
        """Take note of `xmlns:prefix="uri"`. Raises Unsure."""
        if not uri:
            return
        lower = uri.lower()
        if not self.version:
            self.version = "rss090" if prefix is None and lower == _RSS090 else _VERSIONS.get(lower, "")
        own = _known(lower)
        if prefix is None:
            if own is None:
                raise Unsure
            return
        name = prefix.lower()
        if lower == _XLINK or self._declared.setdefault(name, uri) != uri:
            raise Unsure
        if own is None:
            if name in _PREFIXES or self._unknown.setdefault(uri, name) != name:
                raise Unsure
        elif name in _PREFIXES and name != own:
            raise Unsure

    def key(self, name: str) -> str:
        """What an element is called; `name` is expat's: namespace, space, local name. Raises Unsure."""
        uri, _, local = name.rpartition(" ")
        prefix = _known(uri.lower())
        if prefix is None:
            prefix = self._unknown.get(uri)
        if prefix is None:
            raise Unsure
        found = f"{prefix}_{local.lower()}" if prefix else local.lower()
        self.keys[name] = found
        return found

    def attributes(self, given: Attributes) -> Attributes:
        """The attributes under feedparser's names (`xml:lang`, `rdf:about`). Raises Unsure."""
        found: Attributes = {}
        for name, value in given.items():
            uri, _, local = name.rpartition(" ")
            key = local.lower()
            if prefix := _known(uri.lower()):
                key = f"{prefix}:{key}"
            elif uri and key in _READ:
                raise Unsure
            if key in found:
                raise Unsure
            found[key] = value.lower() if key in ("rel", "type") else value
        return found


def _known(lower: str) -> str | None:
    return "" if _USERLAND in lower else _KNOWN.get(lower)
