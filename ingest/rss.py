"""Feeds: fetched, parsed, and told as stories with ids that survive what publishers do to guids and links."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from ingest.base import SAID_DIGITS, Polled, Told
from ingest.dates import MISSING, ReadDate, read_date, zone_named
from ingest.documents import make_document
from ingest.feeds import Feed
from ingest.http import Fetcher
from ingest.parse import ParserPool
from ingest.parsed import ParsedEntry, ParsedFeed
from ingest.text import safe_link
from riskwire.identity import canonical_link, content_hash, document_id, publisher_of
from riskwire.ports import SourceState
from riskwire.types import Document

_GUID_TIME = re.compile(r"[?&]time=\d{9,13}$")  # nasdaq.com: another one at every fetch
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
        found = await self._fetcher.get(self._feed.url, etag=state.etag, last_modified=state.last_modified)
        if found.not_modified:
            return Polled(outcome="not_modified", state=state, wait=found.max_age)
        parsed = await self._parser.parse(found.body, found.url, found.content_type)
        # Hundreds of entries take tens of milliseconds: not on the event loop.
        told = await asyncio.to_thread(tell, self._feed, parsed, now, self._run_id)
        newest = max((one.document.event_time for one in told), default=None)
        return Polled(
            outcome="ok",
            told=tuple(told),
            entries=len(parsed.entries),
            said=_read_cursor(state.cursor),
            state=msgspec.structs.replace(
                state,
                etag=found.etag,
                last_modified=found.last_modified,
                cursor=_write_cursor([one.document for one in told]),
                newest_at=newest or state.newest_at,
            ),
            wait=max(found.max_age or 0.0, parsed.ttl or 0.0) or None,
        )


def tell(feed: Feed, parsed: ParsedFeed, seen_at: datetime, run_id: str = "") -> list[Told]:
    """The stories of a feed, in its order. Entries without any text are left out. Pure."""
    entries = [entry for entry in parsed.entries if entry.title or entry.summary or entry.content]
    links = [safe_link(entry.link) for entry in entries]
    canonical = [canonical_link(link) for link in links]
    hashes = [content_hash(entry.title, f"{entry.summary}\n{entry.content}") for entry in entries]
    guids = _trusted_guids(entries, canonical, hashes)
    own = _own_links(canonical, guids, hashes, canonical_link(parsed.link))
    return [
        _told(feed, parsed, entry, seen_at, run_id, link, guid, identity)
        for entry, link, guid, identity in zip(entries, links, guids, own, strict=True)
    ]


def _trusted_guids(
    entries: Sequence[ParsedEntry], links: Sequence[str | None], hashes: Sequence[str]
) -> list[str | None]:
    """Each entry's guid, or None where several different entries share it."""
    guids = [_GUID_TIME.sub("", entry.guid.strip()) if entry.guid else None for entry in entries]
    stands_for = _grouped(guids, [link or text for link, text in zip(links, hashes, strict=True)])
    return [
        guid if guid and (len(stands_for[guid]) == 1 or _is_accession(guid)) else None for guid in guids
    ]  # fmt: skip


def _is_accession(guid: str) -> bool:
    """The SEC lists one filing once for each company in it, with a link for each: still one filing."""
    return guid.startswith("urn:tag:sec.gov,2008:accession-number=")


def _own_links(
    links: Sequence[str | None], guids: Sequence[str | None], hashes: Sequence[str], home: str | None
) -> list[str | None]:
    """Each entry's canonical link, or None where it does not lead to this one story: a shared one, or a home page."""
    stands_for = _grouped(links, [guid or text for guid, text in zip(guids, hashes, strict=True)])
    return [
        link if link and len(stands_for[link]) == 1 and link != home and not _is_home(link) else None for link in links
    ]


def _is_home(link: str) -> bool:
    parts = urlsplit(link)
    return parts.path in ("", "/") and not parts.query


def _grouped(keys: Sequence[str | None], values: Sequence[str]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for key, value in zip(keys, values, strict=True):
        if key is not None:
            groups.setdefault(key, set()).add(value)
    return groups


def _told(
    feed: Feed,
    parsed: ParsedFeed,
    entry: ParsedEntry,
    seen_at: datetime,
    run_id: str,
    link: str | None,
    guid: str | None,
    own_link: str | None,
) -> Told:
    publisher = publisher_of(link, feed.url) or publisher_of(parsed.link, None)
    published, updated = _dates(entry, seen_at, feed)
    document = make_document(
        document_id=document_id(
            # A local file without any link has no publisher: then its own path keeps two files apart.
            publisher or feed.url,
            guid=guid,
            link=own_link,
            title=entry.title,
            content=f"{entry.summary}\n{entry.content}",
        ),
        source=feed.name,
        publisher=publisher,
        source_type=feed.source_type,
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
    return Told(document, own_link)


def _dates(entry: ParsedEntry, now: datetime, feed: Feed) -> tuple[ReadDate, datetime | None]:
    zone = zone_named(feed.zone)
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
