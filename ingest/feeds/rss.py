"""Feeds: fetched, parsed, and told as stories with ids that survive what publishers do to guids and links."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from urllib.parse import urlsplit

import msgspec

from ingest.base import SAID_DIGITS, Polled, Told
from ingest.dates.read import MISSING, ReadDate, read_date, zone_named
from ingest.dates.zones import BY_LANGUAGE
from ingest.documents.make import make_document
from ingest.documents.text import safe_link
from ingest.feeds.entryids import Identity, identities
from ingest.feeds.feed import Feed
from ingest.feeds.vanished import retracted
from ingest.formats.edgarfeed import merge_filings
from ingest.formats.parse import ParserPool
from ingest.formats.parsed import ParsedEntry, ParsedFeed
from ingest.net.http import Fetcher
from ingest.polling.moves import hash_of, where_to_ask, with_move
from riskwire.identity import canonical_link, content_hash, document_id, publisher_of
from riskwire.ports import SourceState
from riskwire.types import Document

_TICKER = re.compile(r"[A-Z]{1,6}(?:\.[A-Z]{1,2})?")


class RssIngestor:
    """One feed."""

    def __init__(self, feed: Feed, fetcher: Fetcher, parser: ParserPool, run_id: str = "") -> None:
        self._feed = feed
        self._fetcher = fetcher
        self._parser = parser
        self._run_id = run_id

    @property
    def name(self) -> str:
        """The feed's configured name."""
        return self._feed.name

    @property
    def url(self) -> str:
        """The feed's address."""
        return self._feed.url

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the feed has its own."""
        return self._feed.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """Fetch if it has changed, and read. Raises FetchError or ParseError."""
        where = where_to_ask(state, self._feed.url)
        known = state.robots_until is not None and now < state.robots_until  # also if we were started anew since
        found = await self._fetcher.get(
            where,
            etag=state.etag,
            last_modified=state.last_modified,
            robots=not self._feed.ignore_robots,
            robots_known=known,
        )
        state = with_move(state, self._feed.url, found.url, found.permanent)
        if not known or where_to_ask(state, self._feed.url) != where:
            state = msgspec.structs.replace(state, robots_until=None if known else found.robots_until)
        if found.not_modified:
            return Polled(outcome="not_modified", state=state, fresh=found.fresh)
        body_hash = hash_of(found.body)
        if body_hash == state.body_hash:  # not everyone answers 304
            state = msgspec.structs.replace(state, etag=found.etag, last_modified=found.last_modified)
            return Polled(outcome="not_modified", state=state, fresh=found.fresh)
        parsed = await self._parser.parse(found.body, found.url, found.content_type)
        # Hundreds of entries take tens of milliseconds: not on the event loop.
        told = await asyncio.to_thread(tell, self._feed, parsed, now, self._run_id)
        newest = max((one.document.event_time for one in told), default=None)
        said = _read_cursor(state.cursor)
        return Polled(
            outcome="ok",
            told=tuple(told),
            entries=len(parsed.entries),
            said=said,
            state=msgspec.structs.replace(
                state,
                etag=found.etag,
                last_modified=found.last_modified,
                cursor=_write_cursor([one.document for one in told]),
                newest_at=newest or state.newest_at,
                retracted=retracted(list(said), [one.document.id[:SAID_DIGITS] for one in told], state.retracted),
                body_hash=body_hash,
                asked_pace=parsed.ttl,
            ),
            fresh=found.fresh,
        )


def tell(feed: Feed, parsed: ParsedFeed, seen_at: datetime, run_id: str = "") -> list[Told]:
    """The stories of a feed, in its order. Entries without any text are left out. Pure."""
    entries = merge_filings([entry for entry in parsed.entries if entry.title or entry.summary or entry.content])
    links = [safe_link(entry.link) for entry in entries]
    canonical = [canonical_link(link) for link in links]

    def hash_of(index: int) -> str:
        return content_hash(entries[index].title, f"{entries[index].summary}\n{entries[index].content}")

    own = identities(entries, canonical, hash_of, canonical_link(parsed.link))
    return [
        _told(feed, parsed, entry, seen_at, run_id, link, identity)
        for entry, link, identity in zip(entries, links, own, strict=True)
    ]


def _told(
    feed: Feed,
    parsed: ParsedFeed,
    entry: ParsedEntry,
    seen_at: datetime,
    run_id: str,
    link: str | None,
    identity: Identity,
) -> Told:
    publisher = _publisher(feed, parsed, entry, link)
    published, updated = _dates(entry, seen_at, zone_of(feed.zone, parsed.language))
    document = make_document(
        document_id=document_id(
            # A local file without any link has no publisher: then its own path keeps two files apart.
            publisher or feed.url,
            guid=identity.guid,
            link=identity.link,
            title=entry.title,
            content=f"{entry.summary}\n{entry.content}",
        ),
        source=feed.name,
        publisher=publisher,
        source_type=entry.source_type if entry.source_type and feed.source_type == "news" else feed.source_type,
        run_id=run_id,
        feed_url=feed.url,
        link=link,
        title=_title(entry),
        summary=entry.summary,
        content=entry.content,
        authors=entry.authors,
        language=entry.language or parsed.language,
        tags=entry.tags,
        source_symbols=_symbols(entry, publisher),
        published=published,
        updated_at=updated,
        seen_at=seen_at,
    )
    if entry.record:
        # Each of the SEC's feeds words a filing in its own way: that is no correction of it.
        document = msgspec.structs.replace(document, content_hash=content_hash(entry.version, ""))
    return Told(document, identity.link)


def _publisher(feed: Feed, parsed: ParsedFeed, entry: ParsedEntry, link: str | None) -> str:
    if link and urlsplit(link).hostname == "news.google.com" and entry.via_link:
        link = entry.via_link  # its links only lead on: the page is the publisher's
    return publisher_of(link, feed.url) or publisher_of(parsed.link, None)


def zone_of(configured: str | None, language: str | None) -> tzinfo | None:
    """What dates without a zone mean: the feed's configured zone, else the one of a language that has only one."""
    code = (language or "").strip().lower().replace("_", "-")
    return zone_named(configured or BY_LANGUAGE.get(code) or BY_LANGUAGE.get(code.partition("-")[0]))


def _dates(entry: ParsedEntry, now: datetime, zone: tzinfo | None) -> tuple[ReadDate, datetime | None]:
    published, updated = read_date(entry.published, now, zone), read_date(entry.updated, now, zone)
    if published == MISSING:
        return updated, None
    return published, updated.at if updated.quality in ("stated", "repaired") else None


def _title(entry: ParsedEntry) -> str:
    title = entry.title.removeprefix(": ")  # MarketWatch, where a column's name is missing
    if entry.via:
        title = title.removesuffix(f" - {entry.via}")  # Google News
    return title or entry.title


def _symbols(entry: ParsedEntry, publisher: str) -> tuple[str, ...]:
    if publisher != "seekingalpha.com":
        return entry.symbols
    return (*entry.symbols, *(tag for tag in entry.tags if _TICKER.fullmatch(tag)))


def _write_cursor(documents: Sequence[Document]) -> str:
    """What this feed said last of each id: 16 digits of the id and 16 of the hash an entry."""
    return "".join(document.id[:SAID_DIGITS] + document.content_hash[:SAID_DIGITS] for document in documents)


def _read_cursor(cursor: str | None) -> dict[str, str]:
    text, width = cursor or "", 2 * SAID_DIGITS
    pairs = (text[start : start + width] for start in range(0, len(text) - width + 1, width))
    return {pair[:SAID_DIGITS]: pair[SAID_DIGITS:] for pair in pairs}
