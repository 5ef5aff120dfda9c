"""Reddit without a key: a subreddit's Atom feed of its 25 newest, at one request a minute for this machine.

No scores, no edits behind the newest page. A deletion is seen only while its neighbours are still in the feed: what is
missing between two posts twice in a row is taken for deleted.
"""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from itertools import pairwise

import msgspec

from ingest.base import Context, Gone, Polled, Told
from ingest.cursor import read_cursor, with_cursor
from ingest.dates.read import read_date
from ingest.documents.authors import masked_names, pseudonym
from ingest.documents.make import make_document
from ingest.formats.parsed import ParsedEntry
from ingest.net.ratelimit import Turns, used_up
from ingest.social.reddit.post import PLATFORM, link_to, post_id
from ingest.social.reddit.source import SITE, Subreddit, number, user_agent
from riskwire.errors import FetchError
from riskwire.ports import SourceState
from riskwire.types import Document

#: Seconds between two requests of this machine to www.reddit.com, for all subreddits together.
EVERY = 60.0
_turns = Turns(EVERY)
_FULLNAME = re.compile(r"t[13]_[0-9a-z]{1,13}")
_AUTHOR = re.compile(r"/?u/([\w-]{1,40})")
# What Reddit puts under each text.
_BYLINE = re.compile(r"\s*submitted by\s+/?u/[\w-]+(?:\s+to\s+/?r/\w+)?(?:\s*\[link\])?(?:\s*\[comments\])?\s*$")


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    page: tuple[str, ...] = ()  # what the feed held the last time
    missing: tuple[str, ...] = ()  # what was missing in it then


class RedditFeed:
    """One subreddit's feed. The newest page is all there is: polled too seldom, posts are lost."""

    def __init__(self, config: Subreddit, context: Context, *, site: str = SITE, turns: Turns = _turns) -> None:
        """`turns` is shared by all that ask from this machine."""
        self._config = config
        self._context = context
        self._site = site
        self._turns = turns
        self._headers = {"User-Agent": user_agent(context.settings)}

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._config.name

    @property
    def url(self) -> str:
        """The feed's address."""
        return f"{self._site}{self._config.listing}/.rss"

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the source has its own."""
        return self._config.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """See Ingestor. Raises FetchError, ParseError. Without a turn it only says how long to wait for one."""
        if wait := self._turns.claim(self.name, now):
            return Polled(outcome="not_modified", state=state, wait=wait)
        try:
            found = await self._context.fetcher.get(self.url + "?limit=25", headers=self._headers)
        except FetchError as error:
            self._turns.hold(now, max(error.retry_after or 0.0, EVERY))
            raise
        # One request uses the limit up; its reset is when the next may come, from whomever.
        if (pause := used_up(found.headers, now)) is not None:
            self._turns.hold(now, max(pause, EVERY))
        feed = await self._context.parser.parse(found.body, self.url, found.content_type)
        entries = {entry.guid: entry for entry in feed.entries if _FULLNAME.fullmatch(entry.guid or "")}
        told = await asyncio.to_thread(lambda: tuple(self._told(guid or "", one, now) for guid, one in entries.items()))
        told = tuple(one for one in reversed(told) if one.document.title)
        before = read_cursor(state, _Cursor)
        page = tuple(guid for guid in entries if guid)
        missing = _between(before.page + before.missing, page)
        gone = [name for name in missing if name in before.missing]
        return Polled(
            outcome="ok",
            told=told,
            gone=tuple(Gone(document_id=post_id(name)) for name in gone),
            entries=len(entries),
            state=with_cursor(state, _Cursor(page, tuple(name for name in missing if name not in gone)), told),
        )

    def _told(self, guid: str, entry: ParsedEntry, now: datetime) -> Told:
        text = _BYLINE.sub("", entry.content or entry.summary)
        names = [match[1] for author in entry.authors if (match := _AUTHOR.fullmatch(author.strip()))]
        key = self._context.author_key
        document: Document = make_document(
            document_id=post_id(guid),
            source=self.name,
            publisher=PLATFORM,
            source_type="social",
            run_id=self._context.run_id,
            feed_url=self.url,
            link=link_to(guid),
            title=masked_names(entry.title),
            summary=masked_names(text, names),
            authors=tuple(pseudonym(key, PLATFORM, name) for name in names),
            tags=[f"r/{tag}" for tag in entry.tags],
            published=read_date(entry.published or entry.updated, now),
            seen_at=now,
        )
        return Told(document)


def _between(known: tuple[str, ...], page: tuple[str, ...]) -> list[str]:
    """Those that were there, should be in this page by their numbers, and are not."""
    here = set(page)
    # From where the page is without doubt in order: a pinned post stands far from its neighbours.
    ordered = [one for one, following in pairwise(page) if number(one) > number(following)]
    low = min((number(one) for one in ordered), default=0)
    return [one for one in dict.fromkeys(known) if low and one not in here and number(one) > low]
