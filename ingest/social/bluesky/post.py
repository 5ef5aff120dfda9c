"""A post of Bluesky → a Document without anyone's name. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ingest.dates.read import MISSING, ReadDate, judge
from ingest.documents.authors import masked_names, pseudonym
from ingest.documents.cashtags import hashtags
from ingest.documents.make import make_document
from ingest.documents.text import clean
from ingest.social.bluesky.jetstream import Facet, Payload, Post, moment, read_facets
from riskwire.identity import document_id
from riskwire.types import Document

PLATFORM = "bluesky"


def post_document(event: Payload, post: Post, key: bytes, source: str, run_id: str, now: datetime) -> Document:
    """The post of a create or update. Its title is the text, but for people; empty without any.

    The time is the host's: `createdAt` is whatever the author's program claims.
    """
    facets = read_facets(post)
    then = moment(event.at)
    published = judge(then, True, "second", now) if then is not None else MISSING
    edited = event.operation == "update"
    return make_document(
        document_id=document_id(PLATFORM, guid=event.uri),
        source=source,
        publisher=PLATFORM,
        source_type="social",
        run_id=run_id,
        title=clean(masked_names(without_mentions(post.text, facets))),
        authors=(pseudonym(key, PLATFORM, event.did),),
        language=post.langs[0] if post.langs else None,
        tags=[*(post.tags or ()), *tags_of(facets), *hashtags(post.text)],
        published=first_published(post, published, now) if edited else published,
        updated_at=then if edited else None,
        seen_at=now,
    )


def tags_of(facets: Sequence[Facet]) -> list[str]:
    """What the facets tag."""
    return [feature.tag for facet in facets for feature in facet.features if feature.tag]


def without_mentions(text: str, facets: Sequence[Facet]) -> str:
    """The text with each mention, as the facets mark it, replaced by `@user`. Offsets are in bytes of UTF-8."""
    data = text.encode("utf-8", "surrogatepass")
    marked = [
        (facet.index.byte_start, facet.index.byte_end)
        for facet in facets
        if any(feature.kind.endswith("#mention") for feature in facet.features)
    ]
    end = len(data)
    for start, stop in sorted(marked, reverse=True):
        # Offsets may be anything; one that overlaps another, or splits a character, marks nothing that could be cut.
        if 0 <= start < stop <= end and _is_edge(data, start) and _is_edge(data, stop):
            data = data[:start] + b"@user" + data[stop:]
            end = start
    return data.decode("utf-8", "surrogatepass")


def first_published(post: Post, seen: ReadDate, now: datetime) -> ReadDate:
    """When an edited post was first there: only its author says so, and is believed where it is before the edit."""
    claimed = moment(post.created_at)
    if claimed is None or seen.at is None or claimed > seen.at:
        return seen
    return judge(claimed, True, "second", now)


def _is_edge(data: bytes, offset: int) -> bool:
    return offset >= len(data) or data[offset] & 0xC0 != 0x80
