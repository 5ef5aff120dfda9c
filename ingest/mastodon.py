"""Mastodon hashtag timelines over REST: public, no credentials. People appear only as a keyed HMAC."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit

import msgspec

from ingest.authors import masked_names, pseudonym
from ingest.base import Polled, Told
from ingest.dates import read_date
from ingest.documents import make_document
from ingest.feeds import Hashtag
from ingest.headers import retry_after
from ingest.http import Fetched, Fetcher
from ingest.text import html_to_text
from riskwire.errors import ParseError
from riskwire.identity import document_id
from riskwire.ports import SourceState

PLATFORM = "mastodon"
#: Statuses a request: the API's maximum.
PAGE = 40
#: Pages a poll: a gap of days is filled over several polls, and no rate limit used up (300 requests in 5 min).
MAX_PAGES = 10


class _Account(msgspec.Struct, frozen=True):
    id: str = ""
    acct: str = ""
    username: str = ""
    uri: str = ""
    url: str = ""


class _Tag(msgspec.Struct, frozen=True):
    name: str = ""


class Status(msgspec.Struct, frozen=True):
    """What is read of a status; what else there is, is ignored."""

    id: str
    uri: str
    created_at: str | None = None
    edited_at: str | None = None
    content: str = ""
    spoiler_text: str = ""
    visibility: str = "public"
    language: str | None = None
    account: _Account = _Account()
    mentions: list[_Account] = []
    tags: list[_Tag] = []
    reblog: object | None = None


_decoder = msgspec.json.Decoder(list[Status])


class MastodonIngestor:
    """One hashtag on one instance. The cursor is the highest status id that was told."""

    def __init__(self, source: Hashtag, fetcher: Fetcher, author_key: bytes, run_id: str = "") -> None:
        self._source = source
        self._fetcher = fetcher
        self._key = author_key
        self._run_id = run_id

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._source.name

    @property
    def url(self) -> str:
        """The timeline's address."""
        return f"{self._source.base}/api/v1/timelines/tag/{quote(self._source.hashtag.lstrip('#'))}"

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the source has its own."""
        return self._source.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """Everything since the cursor, and the newest page again, in which edits show. Raises FetchError, ParseError.

        The gap is filled upwards from the cursor (`min_id`), so that what does not fit is next in line at the next
        poll. Without a cursor only the newest page is taken.
        """
        cursor = _number(state.cursor)
        newest, wait = await self._page(now)
        statuses = {status.id: status for status in newest}
        # A page that does not reach back to the cursor leaves a gap behind it.
        oldest = min((_number(status.id) for status in newest), default=0)
        reached, filled = cursor, not (cursor and oldest > cursor)
        for _ in range(MAX_PAGES):
            if filled or wait:
                break
            page, wait = await self._page(now, min_id=reached)
            for status in page:
                statuses.setdefault(status.id, status)
            reached = max([reached, *(_number(status.id) for status in page)])
            filled = not page or reached >= oldest
        # Where the gap could not be filled, the newest page is taken up again when it is reached from below.
        top = max([cursor, *map(_number, statuses)]) if filled else reached
        shown = [one for one in statuses.values() if one.visibility in ("public", "unlisted") and one.reblog is None]
        shown.sort(key=lambda status: _number(status.id))
        told = await asyncio.to_thread(lambda: [self._told(status, now) for status in shown])
        return Polled(
            outcome="ok",
            told=tuple(one for one in told if one.document.title),
            entries=len(statuses),
            state=msgspec.structs.replace(
                state,
                cursor=str(top) if top else state.cursor,
                newest_at=max((one.document.event_time for one in told), default=state.newest_at),
            ),
            wait=wait,
        )

    async def _page(self, now: datetime, min_id: int | None = None) -> tuple[list[Status], float | None]:
        query = f"?limit={PAGE}" + (f"&min_id={min_id}" if min_id else "")
        found = await self._fetcher.get(self.url + query, accept="application/json")
        if not (found.content_type or "").startswith("application/json"):
            raise ParseError("answers with something else than JSON", about=self.url, hint="Is it a Mastodon server?")
        try:
            return _decoder.decode(found.body), _exhausted(found, now)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ParseError("is no timeline", about=self.url) from error

    def _told(self, status: Status, now: datetime) -> Told:
        text = html_to_text(status.content)
        if status.spoiler_text:
            text = f"{html_to_text(status.spoiler_text)}: {text}"
        edited = read_date(status.edited_at, now)
        document = make_document(
            document_id=document_id(PLATFORM, guid=status.uri),
            source=self.name,
            publisher=PLATFORM,
            source_type="social",
            run_id=self._run_id,
            feed_url=self.url,
            # The post's own address holds its author's name; this one leads there by its number.
            link=f"{self._source.base}/statuses/{quote(status.id)}",
            title=masked_names(text, _names(status.mentions)),
            authors=(pseudonym(self._key, PLATFORM, _account(status.account, self._source.base)),),
            language=status.language,
            tags=[tag.name for tag in status.tags],
            published=read_date(status.created_at, now),
            updated_at=edited.at,
            seen_at=now,
        )
        return Told(document)


def _names(accounts: Sequence[_Account]) -> list[str]:
    return [name for account in accounts for name in (account.acct, account.username)]


def _account(account: _Account, base: str) -> str:
    """`name@host`, the same on whichever server the post was seen."""
    host = urlsplit(account.url or base).hostname or ""
    return account.acct if "@" in account.acct else f"{account.acct or account.username or account.id}@{host}"


def _number(identifier: str | None) -> int:
    """Ids are strings that order as integers."""
    return int(identifier) if identifier and identifier.isascii() and identifier.isdigit() else 0


def _exhausted(found: Fetched, now: datetime) -> float | None:
    """Seconds until there are requests left, when there are none."""
    if found.headers.get("x-ratelimit-remaining", "").strip() != "0":
        return None
    return retry_after({"x-ratelimit-reset": found.headers.get("x-ratelimit-reset", "")}, now)
