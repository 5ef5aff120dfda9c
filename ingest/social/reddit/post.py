"""What is read of a Reddit post or comment, and the document that is made of it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from ingest.dates.read import read_date
from ingest.documents.authors import masked_names, pseudonym
from ingest.documents.make import make_document
from ingest.documents.text import html_to_text
from riskwire.identity import document_id
from riskwire.types import Document

PLATFORM = "reddit"
_DELETED = ("[deleted]", "[removed]")


class Thing(msgspec.Struct, frozen=True):
    """A post (`t3_…`) or a comment (`t1_…`); what else there is, is ignored."""

    name: str = ""
    title: str = ""
    selftext: str | None = None
    body: str | None = None
    link_title: str = ""
    author: str | None = None
    subreddit: str = ""
    permalink: str | None = None
    created_utc: float | None = None
    edited: float | bool | None = False
    removed_by_category: str | None = None
    link_flair_text: str | None = None
    score: int | None = None
    num_comments: int | None = None
    promoted: bool | None = None


class Child(msgspec.Struct, frozen=True):
    """An entry of a listing."""

    data: Thing


class _Children(msgspec.Struct, frozen=True):
    children: list[Child]
    after: str | None = None


class Listing(msgspec.Struct, frozen=True):
    """A page of a listing, newest first; `after` leads to the next."""

    data: _Children


def post_id(name: str) -> str:
    """The id of the story with this fullname; the same, whichever way it was read."""
    return document_id(PLATFORM, guid=name)


def is_gone(thing: Thing) -> bool:
    """Whether it was deleted by its author, removed by others, or its account is gone."""
    return (
        thing.removed_by_category is not None
        or thing.author in _DELETED
        or (thing.selftext or "").strip() in _DELETED
        or (thing.body or "").strip() in _DELETED
    )


def tell(thing: Thing, source: str, feed_url: str, run_id: str, key: bytes, now: datetime) -> Document:
    """The document. A comment's text is its title, as a post's on other platforms."""
    text = thing.body if thing.body is not None else thing.title
    edited = read_date(_iso(thing.edited), now) if thing.edited and thing.edited is not True else None
    return make_document(
        document_id=post_id(thing.name),
        source=source,
        publisher=PLATFORM,
        source_type="social",
        run_id=run_id,
        feed_url=feed_url,
        # Not the post's permalink: of a post in a profile it holds the author's name.
        link=link_to(thing.name),
        title=masked_names(html_to_text(text)),
        summary=masked_names(html_to_text(thing.selftext or "")),
        authors=(pseudonym(key, PLATFORM, thing.author),) if thing.author else (),
        tags=[f"r/{thing.subreddit}" if thing.subreddit else "", html_to_text(thing.link_flair_text or "")],
        published=read_date(_iso(thing.created_utc), now),
        updated_at=edited.at if edited else None,
        seen_at=now,
        engagement={"score": thing.score, "comments": thing.num_comments},
    )


def link_to(name: str) -> str | None:
    """An address that leads to the post or comment by its number."""
    kind, _, number = name.partition("_")
    return f"https://www.reddit.com/comments/{number}" if kind == "t3" and number.isalnum() else None


def _iso(epoch: float | bool | None) -> str | None:
    try:
        return datetime.fromtimestamp(float(epoch), UTC).isoformat() if epoch else None
    except (ValueError, OverflowError, OSError):
        return None
