"""Bytes → ParsedFeed, by the short way where that is sure, else by feedparser.

Runs inside a parser process (`.worker`): it may hang, grow or crash.
"""

from __future__ import annotations

import io
import re
from typing import Any
from xml.sax import SAXException

import feedparser

from ingest.documents.text import html_to_text
from ingest.formats.jsonfeed import looks_like_json, read_json_feed
from ingest.formats.namespaces import TICKERS, is_stock_tag, refine
from ingest.formats.parsed import ParsedEntry, ParsedFeed
from ingest.formats.quick import read_quickly
from riskwire.errors import ParseError
from riskwire.types import MAX_DOCUMENT_BYTES

#: More entries than this are cut off: no feed that is meant to be polled has them.
MAX_ENTRIES = 5_000
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_HTML = re.compile(rb"\s*(?:<!doctype\s+html|<html[\s>])", re.IGNORECASE)
_END = re.compile(rb"</\s*(?:\w+:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
_OTHER_XML = re.compile(rb"<(?:\w+:)?(urlset|sitemapindex|opml|svg|error)[\s>]", re.IGNORECASE)
_OTHERS = {b"urlset": "a sitemap", b"sitemapindex": "a sitemap", b"opml": "OPML (a list of feeds)", b"svg": "a picture"}
#: What feedparser leaves of "Name (mailto:a@example.org)" when it takes the address out.
_AFTER_NAME = re.compile(r"\s*\((?:mailto:)?\)?\s*$", re.IGNORECASE)
#: Of RSS' syndication module (`sy:updatePeriod`), in seconds.
_PERIODS = {"hourly": 3600.0, "daily": 86400.0, "weekly": 7 * 86400.0, "monthly": 30 * 86400.0, "yearly": 365 * 86400.0}
_LISTS = frozenset(("authors", "content", "links", "tags", *(f"{key}_all" for key in TICKERS)))
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}\sencoding\s*=")
_BOM = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read_feed(body: bytes, url: str = "", content_type: str | None = None, *, quick: bool = True) -> ParsedFeed:
    """Read a feed. What is broken but has entries is read; raises ParseError when there is no feed in it.

    Without `quick` always by feedparser: the same comes out, later.
    """
    head = body[:4096].removeprefix(_BOM[0])
    if not body.strip():
        raise ParseError("is empty", about=url)
    if looks_like_json(head):
        return read_json_feed(body, url)
    served_as = _served_as(body, head, content_type)
    found = read_quickly(body, url, served_as) if quick else None
    if found is not None:
        return _normal(found.version, found.feed, found.entries[:MAX_ENTRIES])
    return _by_feedparser(body, head, url, served_as)


def _by_feedparser(body: bytes, head: bytes, url: str, served_as: str) -> ParsedFeed:
    headers = {"content-location": url, "content-type": served_as}
    try:
        # A BytesIO, never the bytes: feedparser takes a string for an address or a file name, and opens it.
        # Only text is kept, by our own reader: its sanitising and resolving would be work for nothing (a third of it).
        found = feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:
        # Whatever it is: it was this feed's bytes that brought it about.
        raise ParseError("can't be read as a feed", about=url) from error
    raw = [_checked(entry) for entry in found.get("entries", [])[:MAX_ENTRIES]]
    version = str(found.get("version") or "")
    cut_off = isinstance(found.get("bozo_exception"), SAXException) and not _END.search(body[-1024:])
    if not raw and (not version or cut_off):
        raise ParseError(_what_is_it(body, head, found.get("bozo_exception")), about=url)
    flaw = _flaw(found.get("bozo_exception")) if found.get("bozo") else None
    return _normal(version, dict(found.get("feed", {})), raw, flaw)


def _normal(version: str, feed: dict[str, Any], entries: list[dict[str, Any]], flaw: str | None = None) -> ParsedFeed:
    return ParsedFeed(
        version=version,
        title=_text(feed.get("title")),
        link=_string(feed.get("link")),
        language=_string(feed.get("language")),
        ttl=_minutes(feed.get("ttl")) or _syndication(feed),
        entries=tuple(refine(entry, _entry(entry), feed) for entry in entries),
        flaw=flaw,
    )


def _checked(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry without what only bears the name of a list: an element called `links` is no list of links."""
    return {name: value for name, value in entry.items() if name not in _LISTS or isinstance(value, list)}


def _served_as(body: bytes, head: bytes, content_type: str | None) -> str:
    """The content type that feedparser is told. It believes a server's charset (and without one takes attributes for
    Latin-1) where the bytes themselves leave no doubt: no declaration, and beyond ASCII all of it valid UTF-8."""
    if not body.isascii() and not _DECLARED.search(head) and not body.startswith(_BOM):
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return "application/xml; charset=utf-8"
    return content_type or "application/xml"


def _what_is_it(body: bytes, head: bytes, error: object) -> str:
    if _HTML.match(_COMMENT.sub(b"", head)):
        return "is a web page (HTML), not a feed"
    if b"\0" in head and not body.startswith(_BOM):
        return "is binary, not a feed"
    if b"<" not in head:
        return "is not a feed"
    if other := _OTHER_XML.search(head):
        return f"is {_OTHERS.get(other.group(1).lower(), 'another kind of XML')}, not a feed"
    if isinstance(error, SAXException):
        return f"is broken XML without an entry ({_flaw(error)})"
    return "is not a feed"


def _flaw(error: object) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _entry(entry: dict[str, Any]) -> ParsedEntry:
    summary, content = _text(entry.get("summary")), _content(entry)
    return ParsedEntry(
        guid=_string(entry.get("id")),
        link=_string(entry.get("link")),
        title=_text(entry.get("title")),
        summary=summary,
        # feedparser copies a content into the summary when there is none: kept once.
        content="" if content == summary else content,
        authors=_authors(entry),
        tags=_tags(entry),
        language=_string(_detail(entry, "title").get("language")) or _string(entry.get("language")),
        published=_string(entry.get("published")) or _string(entry.get("created")),
        updated=_string(entry.get("updated")),
        via=_text(_source(entry).get("title")) or None,
        via_link=_string(_source(entry).get("href")),
    )


def _string(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _text(value: object) -> str:
    # One character more than is kept shows that there was more; beyond that nothing need travel.
    return html_to_text(value)[: MAX_DOCUMENT_BYTES + 1] if isinstance(value, str) else ""


def _detail(entry: dict[str, Any], name: str) -> dict[str, Any]:
    detail = entry.get(f"{name}_detail")
    return dict(detail) if isinstance(detail, dict) else {}


def _content(entry: dict[str, Any]) -> str:
    best = ""
    for part in entry.get("content") or ():
        kind = str(part.get("type") or "")
        # A binary enclosed as base64 is no text; media descriptions come as text/plain.
        if kind.startswith(("text/", "application/xhtml")) or not kind:
            best = max(best, _text(part.get("value")), key=len)
    return best


def _authors(entry: dict[str, Any]) -> tuple[str, ...]:
    names = [_text(author.get("name")) for author in entry.get("authors") or () if isinstance(author, dict)]
    plain = (_AFTER_NAME.sub("", name) for name in names or [_text(entry.get("author"))])
    return tuple(dict.fromkeys(name for name in plain if name))


def _tags(entry: dict[str, Any]) -> tuple[str, ...]:
    terms = (_text(tag.get("term")) for tag in entry.get("tags") or () if not is_stock_tag(tag))
    return tuple(dict.fromkeys(term for term in terms if term))


def _source(entry: dict[str, Any]) -> dict[str, Any]:
    return dict(entry["source"]) if isinstance(entry.get("source"), dict) else {}


def _minutes(value: object) -> float | None:
    number = _number(value)
    return number * 60.0 if number else None


def _number(value: object) -> int | None:
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _syndication(feed: dict[str, Any]) -> float | None:
    """Seconds between two changes by RSS' syndication module: so many times (one) a period (a day).

    Once an hour counts as nothing said: WordPress writes it into every feed.
    """
    period, times = _string(feed.get("sy_updateperiod")), _number(feed.get("sy_updatefrequency"))
    if period is None and times is None:
        return None
    seconds = _PERIODS.get((period or "daily").lower())
    return seconds / (times or 1) if seconds and (seconds, times or 1) != (3600.0, 1) else None
