"""The last step of every source: texts cut to what fits on the log, tickers found, times and hash set. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from ingest.dates.read import ReadDate, event_time
from ingest.documents.cashtags import cashtags
from ingest.documents.text import clean, cut
from riskwire.identity import content_hash
from riskwire.types import MAX_DOCUMENT_BYTES, Document, Origin, SourceType

_MAX_TITLE = 8 * 1024
#: Chinese flashes have no title: their headline stands before the text, in these brackets.
_HEADLINE = re.compile(r"【([^【】]{2,300})】\s*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,3}")


def make_document(
    *,
    document_id: str,
    source: str,
    publisher: str,
    seen_at: datetime,
    published: ReadDate,
    title: str,
    summary: str = "",
    content: str = "",
    source_type: SourceType = "news",
    origin: Origin = "live",
    run_id: str = "",
    feed_url: str | None = None,
    link: str | None = None,
    authors: Sequence[str] = (),
    language: str | None = None,
    tags: Sequence[str] = (),
    source_symbols: Iterable[str] = (),
    updated_at: datetime | None = None,
    engagement: Mapping[str, int | None] | None = None,
    author_reputation: Mapping[str, int | None] | None = None,
) -> Document:
    """A Document of plain texts. The hash is over what is kept, so that a cut text is not a correction of itself."""
    if not title and (found := _HEADLINE.match(summary)):
        title, summary = found[1].strip(), summary[found.end() :]
    title, cut_title = cut(title, _MAX_TITLE)
    summary, cut_summary = cut(summary, MAX_DOCUMENT_BYTES - len(title.encode()))
    content, cut_content = cut(content, MAX_DOCUMENT_BYTES - len(title.encode()) - len(summary.encode()))
    return Document(
        id=document_id,
        source=source,
        publisher=publisher,
        source_type=source_type,
        origin=origin,
        run_id=run_id,
        feed_url=feed_url,
        link=link,
        title=title,
        summary=summary,
        content=content,
        authors=_few(authors, 8),
        language=_language(language),
        tags=_few(tags, 32),
        source_symbols=_few([*source_symbols, *cashtags(f"{title} {summary}", source_type)], 32),
        published_at=published.at,
        published_quality=published.quality,
        published_precision=published.precision,
        updated_at=updated_at if updated_at != published.at else None,
        seen_at=seen_at,
        event_time=event_time(published, seen_at),
        content_hash=content_hash(title, summary),
        truncated=cut_title or cut_summary or cut_content,
        engagement=_counts(engagement),
        author_reputation=_counts(author_reputation, rounded),
    )


def rounded(count: int) -> int:
    """The count to two digits: enough to tell a crowd from a few, and too little to find an account by its numbers."""
    unit: int = 10 ** max(len(str(abs(count))) - 2, 0)
    return round(count / unit) * unit


def _counts(
    counts: Mapping[str, int | None] | None, how: Callable[[int], int] = lambda count: count
) -> dict[str, int] | None:
    """Only what the source counted; a post without any count has none, which is not zero."""
    # What an answer claims may be anything: JSON's integers have no end, the index's have.
    kept = {name: how(count) for name, count in (counts or {}).items() if count is not None and 0 <= count < 2**53}
    return kept or None


def _few(values: Iterable[str], most: int) -> tuple[str, ...]:
    short = (clean(value[:400])[:100] for value in values)
    return tuple(dict.fromkeys(value for value in short if value))[:most]


def _language(value: str | None) -> str | None:
    code = (value or "").strip().lower().replace("_", "-")
    return code if _LANGUAGE.fullmatch(code) else None
