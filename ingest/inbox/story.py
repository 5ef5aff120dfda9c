"""A story as others hand it in, by the webhook or in a file: its fields, and the document that is made of it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from ingest.base import Told
from ingest.dates.read import MISSING, ReadDate, judge
from ingest.documents.authors import masked_names, pseudonym
from ingest.documents.make import make_document
from ingest.documents.text import html_to_text, safe_link
from riskwire.identity import canonical_link, document_id, publisher_of
from riskwire.types import Origin, SourceType


class Story(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One story as it is sent. `source` names the sender; the same source and guid (or link) is the same story."""

    source: str
    guid: str | None = None
    link: str | None = None
    title: str = ""
    summary: str = ""
    content: str = ""
    published_at: datetime | None = None
    language: str | None = None
    source_type: SourceType = "news"
    authors: list[str] = []
    tags: list[str] = []
    source_symbols: list[str] = []


def tell(story: Story, now: datetime, run_id: str, origin: Origin, author_key: bytes | None) -> Told:
    """The document of a story. Raises ValueError, in a sentence that names the field.

    People of social posts appear as they do everywhere: only as a keyed HMAC, and not at all without a key.
    """
    title, summary, content = (html_to_text(text) for text in (story.title, story.summary, story.content))
    authors = [html_to_text(author) for author in story.authors]
    if story.source_type == "social":
        title, summary, content = (masked_names(text) for text in (title, summary, content))
        authors = [pseudonym(author_key, story.source, name.lstrip("@")) for name in authors] if author_key else []
    if not (title or summary or content):
        raise ValueError("A story needs `title`, `summary` or `content`")
    source = story.source.strip()
    if not source or len(source) > 100 or not source.isprintable():
        raise ValueError("`source` must be 1 to 100 printable characters")
    link = safe_link(story.link)
    if story.link and link is None:
        raise ValueError("`link` must be an http or https address")
    publisher = publisher_of(link, None)
    document = make_document(
        # Without a link there is no publisher: then two senders must not share their guids.
        document_id=document_id(
            publisher or f"webhook:{source}", guid=story.guid, link=link, title=title, content=f"{summary}\n{content}"
        ),
        source=source,
        publisher=publisher,
        origin=origin,
        run_id=run_id,
        link=link,
        title=title,
        summary=summary,
        content=content,
        source_type=story.source_type,
        authors=authors,
        language=story.language,
        tags=[html_to_text(tag) for tag in story.tags],
        source_symbols=story.source_symbols,
        published=_published(story.published_at, now),
        seen_at=now,
    )
    return Told(document, canonical_link(link))


def _published(at: datetime | None, now: datetime) -> ReadDate:
    if at is None:
        return MISSING
    if at.tzinfo is None:
        raise ValueError("`published_at` needs a zone, such as 2026-03-08T22:16:00Z")
    try:
        return judge(at.astimezone(UTC), True, "second", now)
    except OverflowError:
        return MISSING
