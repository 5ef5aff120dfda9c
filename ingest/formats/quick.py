"""The short way for feeds that hold no surprise: expat's events → what feedparser would have said, ten times sooner.

feedparser keeps a state for every way in which feeds have been broken since 2002. A feed that is well-formed and flat
(an entry's elements hold text, not elements) needs none of it. This reader follows feedparser's rules for just such
feeds, on the parser and the decoding that feedparser itself uses, and gives up (None) at the first thing that it does
not know for sure: then feedparser reads the feed from the beginning. What it reads it reads alike: that is tested over
every captured feed and over made-up ones (tests/integration/test_ingest_quick.py).
"""

from __future__ import annotations

import contextlib
from typing import Any
from xml.parsers import expat

import msgspec
from feedparser.encodings import convert_to_utf8
from feedparser.urls import _urljoin, make_safe_absolute_uri

from ingest.formats.flat import Flat, check_plain
from ingest.formats.names import Attributes, Element, Names, Unsure
from ingest.formats.rules import Rule, rule_of

_PERSON = frozenset(("name", "uri", "url", "homepage", "email"))
_MEDIA = frozenset(
    ("media_content", "media_title", "media_description", "media_thumbnail", "media_credit", "media_text",
     "media_copyright", "media_rating", "media_category", "media_keywords", "media_player")
)  # fmt: skip
#: Elements that may hold elements, and which.
_IN_FEED = {
    "image": frozenset(("title", "link", "description", "url", "width", "height")),
    "textinput": frozenset(("title", "link", "description", "name")),
    "items": frozenset(("rdf_seq", "rdf_bag")),
    "rdf_seq": frozenset(("rdf_li",)),
    "rdf_bag": frozenset(("rdf_li",)),
    "author": _PERSON,
    "contributor": _PERSON,
    "itunes_owner": frozenset(("itunes_name", "itunes_email")),
    "itunes_category": frozenset(("itunes_category",)),
    "skiphours": frozenset(("hour",)),
    "skipdays": frozenset(("day",)),
}
_IN_ENTRY = {
    "author": _PERSON,
    "contributor": _PERSON,
    "media_group": _MEDIA,
    "media_content": _MEDIA,
    "sa_stock": frozenset(("sa_symbol", "sa_company_name")),
}
#: Of those, the ones whose elements mean what they would mean in the entry itself.
_OPEN = frozenset(("media_group", "media_content", "sa_stock"))
#: What may stand in the root, by the root's name, and in the channel of RSS.
_FRAME = {"rss": frozenset(("channel",)), "rdf_rdf": frozenset(("channel", "item", "image", "textinput"))}
_ENTRIES = frozenset(("item", "entry"))
_RSS_VERSIONS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
_ATOM_VERSIONS = {"0.1": "atom01", "0.2": "atom02", "0.3": "atom03"}
#: Attributes that change what everything below them means.
_BASES, _OF_CDF = frozenset(("base", "xml:base")), frozenset(("href", "lastmod"))


class QuickFeed(msgspec.Struct, frozen=True):
    """What feedparser would have said, as far as it is read."""

    version: str
    feed: dict[str, Any]
    entries: list[dict[str, Any]]


def read_quickly(body: bytes, url: str, content_type: str) -> QuickFeed | None:
    """The feed in these bytes; None where feedparser is to be asked."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        return None
    # ValueError and LookupError: an encoding, or an address, that can't be.
    with contextlib.suppress(Unsure, expat.ExpatError, ValueError, LookupError):
        told: dict[str, Any] = {}
        data = convert_to_utf8({"content-location": url, "content-type": content_type}, body, told)
        return None if told.get("bozo") else _Reader(url).read(data)
    return None


def _base(url: str, said: str | None) -> str:
    """What links stand on: the feed's address, or what its root says (`xml:base`)."""
    base: str = make_safe_absolute_uri("", url) or ""
    base = (make_safe_absolute_uri(base, said or base) or base) if base else _urljoin("", said or "")
    if (make_safe_absolute_uri(base, base) or base) != base:
        raise Unsure  # feedparser would make another of it at every level
    return base


class _Reader:
    """One feed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._names = Names()
        self._flat = Flat()
        self._entries: list[dict[str, Any]] = []
        self._rules: dict[str, Rule | None] = {}
        self._open: list[Element] = []
        #: How many of those that are open are the feed's frame: root, channel, entry.
        self._frame = 0
        self._text: list[str] = []
        self._channels = 0

    def read(self, data: bytes) -> QuickFeed:
        """Raises Unsure, or ExpatError where it is not well-formed."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = 64 * 1024
        parser.StartNamespaceDeclHandler = self._names.declare
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _refuse
        parser.Parse(data, True)
        if not self._names.version:
            raise Unsure
        return QuickFeed(self._names.version, self._flat.feed, self._entries)

    def _start(self, name: str, attributes: Attributes) -> None:
        key = self._names.keys.get(name) or self._names.key(name)
        parent = self._open[-1] if self._open else None
        language = parent.language if parent is not None else None
        if attributes:
            attributes = self._names.attributes(attributes)
            if parent is not None and not _BASES.isdisjoint(attributes):
                raise Unsure
            if (said := attributes.get("xml:lang", attributes.get("lang"))) is not None:
                language = said or None
        if parent is None:
            self._begin(key, attributes, language)
        elif len(self._open) > self._frame:
            self._hold(parent, key)
        elif parent.key in _FRAME and key not in _FRAME[parent.key]:
            raise Unsure
        elif key == "channel" or key in _ENTRIES:
            self._frame_of(key, attributes)
        self._text.clear()
        self._open.append(Element(key, attributes, language, len(self._open) + 1))

    def _begin(self, key: str, attributes: Attributes, language: str | None) -> None:
        names, version = self._names, attributes.get("version", "")
        if key == "rss":
            if not names.version.startswith("rss"):
                names.version = _RSS_VERSIONS.get(version) or ("rss20" if version.startswith("2.") else "rss")
        elif key == "feed":
            names.version = names.version or _ATOM_VERSIONS.get(version, "atom")
        elif key != "rdf_rdf":
            raise Unsure
        self._flat.base = _base(self._url, attributes.get("xml:base", attributes.get("base")))
        if language and key != "rdf_rdf":
            self._flat.feed["language"] = language.replace("_", "-")
        self._frame = 1

    def _frame_of(self, key: str, attributes: Attributes) -> None:
        """A channel or an entry begins."""
        if not _OF_CDF.isdisjoint(attributes) or self._flat.entry is not None:
            raise Unsure
        if key == "channel":
            self._channels += 1
            if self._channels > 1 or self._frame > 1:
                raise Unsure
        else:
            self._entries.append(self._flat.begin_entry(attributes))
        self._frame += 1

    def _hold(self, parent: Element, key: str) -> None:
        """An element within one that was taken for text."""
        table = _IN_FEED if self._flat.entry is None else _IN_ENTRY
        if key not in table.get(parent.key, ()):
            raise Unsure
        if parent.key == "author":
            self._no_text()
            if not parent.holds:
                self._flat.begin_person()
        elif parent.key in ("image", "textinput") and not parent.holds:
            self._flat.title_depth = -1
        parent.holds = True

    def _no_text(self) -> None:
        if "".join(self._text).strip():
            raise Unsure

    def _end(self, _: str) -> None:
        element = self._open.pop()
        if element.depth <= self._frame:
            self._frame -= 1
            if element.key in _ENTRIES:
                self._flat.end_entry()
        elif element.holds:
            if element.key == "author":
                self._no_text()
                self._flat.end_person(element, "")
        elif element.depth == self._frame + 1 or self._open[-1].key in _OPEN:
            self._apply(element)
        else:
            self._part(self._open[-1].key, element)
        self._text.clear()

    def _apply(self, element: Element) -> None:
        key = element.key
        if key in self._rules:
            rule = self._rules[key]
        else:
            rule = self._rules[key] = rule_of(key)
        if rule is not None:
            rule(self._flat, element, "".join(self._text).strip())

    def _part(self, holder: str, element: Element) -> None:
        """An element of an author, an image or the like ends."""
        text = "".join(self._text).strip()
        if holder == "author":
            self._flat.person(element.key, text)
        elif element.key == "title":
            check_plain(element)
            if text:
                self._flat.title_depth = element.depth


def _refuse(*_: object) -> None:
    raise Unsure
