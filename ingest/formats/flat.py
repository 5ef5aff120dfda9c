"""What one element that holds only text does to its entry or feed, by feedparser's rules (feedparser/mixin.py and
namespaces/): which values overwrite, which stand in for others, which are put right.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

from feedparser.html import _cp1252
from feedparser.mixin import _FeedParserMixin
from feedparser.urls import _urljoin

from ingest.formats.names import Attributes, Element, Unsure

_PLAIN = frozenset(("text", "plain", "html", "text/plain", "text/html"))
_PAGES = frozenset(("html", "xhtml", "text/html", "application/xhtml+xml"))
_ITUNES, _MRSS = "http://www.itunes.com/", "http://search.yahoo.com/mrss/category_schema"
#: Elements that are one to feedparser.
SAME = {
    "issued": "published", "pubdate": "published", "dcterms_issued": "published", "modified": "updated",
    "lastbuilddate": "updated", "dc_date": "updated", "dcterms_modified": "updated", "dcterms_created": "created",
    "dc_language": "language",
}  # fmt: skip
#: An address that is whole already, and that joining would leave as it is.
_WHOLE = re.compile(r"https?://[A-Za-z0-9.-]+/[\w./~%+-]*(?:\?[\w./~%+=&-]+)?", re.ASCII)
_SPLIT_AMPERSAND = re.compile("&([A-Za-z0-9_]+);")


class _People:
    """feedparser's own rules for who wrote an entry, on a context of ours."""

    _sync_author_detail = _FeedParserMixin._sync_author_detail
    _save_author = _FeedParserMixin._save_author

    def __init__(self, context: dict[str, Any]) -> None:
        self._context = context

    def _get_context(self) -> dict[str, Any]:
        return self._context


class Flat:
    """The feed and the entry that is open (None: none), filled element by element. `base` is what links stand on."""

    def __init__(self) -> None:
        self.base = ""
        self.feed: dict[str, Any] = {}
        self.entry: dict[str, Any] | None = None
        self.title_depth = -1
        self._has_content = False
        self._depths: dict[str, int] = {}

    def begin_entry(self, attributes: Attributes) -> dict[str, Any]:
        """A new entry."""
        self.entry = {"id": attributes["rdf:about"]} if attributes.get("rdf:about") else {}
        self._depths.clear()
        self.title_depth = -1
        return self.entry

    def end_entry(self) -> None:
        """What comes next is the feed's again."""
        self.entry = None
        self._has_content = False

    def put(self, name: str, value: str, depth: int) -> None:
        """Keep a value; in an entry not over one that stood nearer to it."""
        if self.entry is None:
            self.feed[name] = value
        elif depth <= self._depths.get(name, depth):
            self._depths[name] = depth
            self.entry[name] = value

    def title(self, element: Element, text: str) -> None:
        """The first of an entry stands; a picture's only until another comes."""
        check_plain(element)
        value = _fixed(text)
        if not -1 < self.title_depth <= element.depth:
            self.put("title", value, element.depth)
            language = element.language.replace("_", "-") if element.language else None
            self._context["title_detail"] = {"language": language}
        if value and element.key != "media_title":
            self.title_depth = element.depth

    def link(self, element: Element, text: str) -> None:
        """An address in an attribute, else the text; the last page among the alternates stands."""
        context, attributes = self._context, element.attributes
        attributes.setdefault("rel", "alternate")
        kind = attributes.setdefault("type", "application/atom+xml" if attributes["rel"] == "self" else "text/html")
        if href := attributes.get("url", attributes.get("uri", attributes.get("href"))):
            attributes["href"] = href
        context.setdefault("links", []).append(attributes)
        if "href" in attributes:
            attributes["href"] = self._joined(attributes["href"])
            if attributes["rel"] == "alternate" and kind in _PAGES:
                context["link"] = attributes["href"]
            return
        value = _fixed(self._joined(text) if text else text)
        if self.entry is not None:
            value = value.replace("&amp;", "&")
        context["link"] = value = _SPLIT_AMPERSAND.sub(r"&\1", value)
        if value or self.entry is None:
            attributes["href"] = value

    def guid(self, element: Element, text: str) -> None:
        """A name, and an address where there is no other."""
        value = _fixed(text)
        self.put("id", value, element.depth)
        if element.attributes.get("ispermalink", "true") == "true":
            self._context.setdefault("link", value)

    def description(self, element: Element, text: str) -> None:
        """The summary; a second one counts as content."""
        if "summary" in self._context and not self._has_content:
            self.content(element, text)
            return
        check_plain(element)
        summary = self.entry is not None or element.key in ("summary", "itunes_summary")
        self.put("summary" if summary else "subtitle", _fixed(text), element.depth)

    def content(self, element: Element, text: str) -> None:
        """A content, and the summary where there is none."""
        check_plain(element)
        self._has_content = True
        value = _fixed(text)
        if self.entry is not None:
            self.entry.setdefault("content", []).append({"type": "text/html", "value": value})
        self._context.setdefault("summary", value)

    def author(self, element: Element, text: str) -> None:
        """An author who is named by the element's own text."""
        self.begin_person()
        self.end_person(element, text)

    def begin_person(self) -> None:
        """An author whose name follows, in this element or in one of its own."""
        if self.entry is not None:
            self.entry.setdefault("authors", []).append({})

    def person(self, key: str, text: str) -> None:
        """A part of an author that is open."""
        if self.entry is not None:
            if key not in ("name", "email"):
                key, text = "href", _fixed(self._joined(text) if text else text)
            _People(self.entry)._save_author(key, text)

    def end_person(self, element: Element, text: str) -> None:
        """All of an author has been told; `text` is what stood in the element itself."""
        if self.entry is None:
            return
        self.put("author", _fixed(text), element.depth)
        person, author = self.entry["authors"][-1], self.entry.get("author")
        if person or "@" in (author or ""):
            _People(self.entry)._sync_author_detail()
        elif author:
            person["name"] = author
            self.entry.setdefault("author_detail", person)

    def category(self, element: Element, text: str) -> None:
        """A tag by attribute or by text."""
        attributes = element.attributes
        scheme = attributes.get("scheme", attributes.get("domain"))
        if element.key == "media_category":
            scheme = attributes.get("scheme", _MRSS)
        if element.key == "itunes_category":
            self._tag(attributes.get("text"), _ITUNES, None)
        else:
            self._tag(attributes.get("term"), scheme, attributes.get("label"))
        value = _fixed(text)
        tags = self._context["tags"]
        if value and tags and not tags[-1]["term"]:
            tags[-1]["term"] = value
        elif value:
            self._tag(value, None, None)

    def keywords(self, element: Element, text: str) -> None:
        """Several tags in one text."""
        if element.attributes:
            return  # feedparser loses them
        for term in _fixed(text).split(","):
            if term.strip():
                self._tag(term.strip(), _ITUNES if element.key == "itunes_keywords" else None, None)

    def plain(self, element: Element, text: str) -> None:
        """A text that is kept as it is: a date, a language."""
        self.put(SAME.get(element.key, element.key), _fixed(text), element.depth)

    def source(self, element: Element, text: str) -> None:
        """The publisher that an aggregator names. Titles count anew after it."""
        value, found = _fixed(text), {}
        if "url" in element.attributes:
            found["href"] = element.attributes["url"]
        if value:
            found["title"] = value
        self.title_depth = -1
        self._context["source"] = found

    def image(self, element: Element, text: str) -> None:
        """Titles count anew after it; nothing of it is kept."""
        self.title_depth = -1

    def ticker(self, element: Element, text: str) -> None:
        """One of several tickers."""
        value = _fixed(text)
        self.put(element.key, value, element.depth)
        if value and self.entry is not None:
            self.entry.setdefault(f"{element.key}_all", []).append(value)

    def kept(self, element: Element, text: str) -> None:
        """An element that feedparser has no rule for: its text, or its attributes where it has any."""
        if element.attributes:
            self._context[element.key] = element.attributes
        else:
            self.put(element.key, _fixed(text), element.depth)

    @property
    def _context(self) -> dict[str, Any]:
        return self.feed if self.entry is None else self.entry

    def _joined(self, link: str) -> str:
        joined: str = link if _WHOLE.fullmatch(link) else _urljoin(self.base, link)
        return joined

    def _tag(self, term: str | None, scheme: str | None, label: str | None) -> None:
        tags = self._context.setdefault("tags", [])
        tag = {"term": term, "scheme": scheme, "label": label}
        if (term or scheme or label) and tag not in tags:
            tags.append(tag)


def check_plain(element: Element) -> None:
    """Raise Unsure for an element that says to hold anything but plain text or HTML as text."""
    if element.attributes.get("type", "text") not in _PLAIN or element.attributes.get("mode") == "base64":
        raise Unsure


def _fixed(text: str) -> str:
    """UTF-8 that was taken for Latin-1 put right, and Windows' characters put where they belong."""
    if text.isascii():
        return text
    with contextlib.suppress(UnicodeEncodeError, UnicodeDecodeError):
        text = text.encode("iso-8859-1").decode("utf-8")
    return text.translate(_cp1252)
