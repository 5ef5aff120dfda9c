"""JSON Feed 1.0 and 1.1 → ParsedFeed. feedparser does not read them."""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.documents.text import html_to_text
from ingest.formats.parsed import ParsedEntry, ParsedFeed
from riskwire.errors import ParseError


def looks_like_json(head: bytes) -> bool:
    """Whether these first bytes begin an object or a list."""
    return head.lstrip()[:1] in (b"{", b"[")


def read_json_feed(body: bytes, url: str = "") -> ParsedFeed:
    """Read a JSON Feed. Raises ParseError when it is JSON of another kind, or none."""
    try:
        feed = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError("begins like JSON, but can't be read as such", about=url) from error
    if not isinstance(feed, dict) or "jsonfeed.org" not in str(feed.get("version", "")):
        raise ParseError("is JSON, but no JSON Feed", about=url)
    items = feed.get("items")
    if not isinstance(items, list):
        raise ParseError("is a JSON Feed without items", about=url)
    return ParsedFeed(
        version="json" + str(feed["version"]).rpartition("/")[2].replace(".", "")[:4],
        title=html_to_text(_str(feed.get("title"))),
        link=_str(feed.get("home_page_url")) or None,
        language=_str(feed.get("language")) or None,
        entries=tuple(_item(item) for item in items[:5_000] if isinstance(item, dict)),
    )


def _item(item: dict[str, Any]) -> ParsedEntry:
    content = html_to_text(_str(item.get("content_html"))) or html_to_text(_str(item.get("content_text")))
    summary = html_to_text(_str(item.get("summary")))
    authors = item.get("authors") or [item.get("author")]
    tags = item.get("tags") or []
    identifier = item.get("id")
    return ParsedEntry(
        guid=str(identifier).strip() or None if isinstance(identifier, str | int | float) else None,
        link=_str(item.get("url")) or _str(item.get("external_url")) or None,
        title=html_to_text(_str(item.get("title"))),
        summary=summary or content,
        content=content if summary and content != summary else "",
        authors=tuple(
            html_to_text(_str(author.get("name")))
            for author in (authors if isinstance(authors, list) else [])
            if isinstance(author, dict) and author.get("name")
        ),
        tags=tuple(html_to_text(tag) for tag in (tags if isinstance(tags, list) else []) if isinstance(tag, str)),
        language=_str(item.get("language")) or None,
        published=_str(item.get("date_published")) or None,
        updated=_str(item.get("date_modified")) or None,
    )


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""
