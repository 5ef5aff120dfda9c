"""X (Twitter) API v2: recent search. Off without a token; every post read costs money, and a daily budget stops it.

- From the newest id told (`since_id`) in pages of what the budget still allows; a gap that does not fit is filled
  downwards at the next polls (`until_id`). The search reaches back 7 days: what is older is said to be lost.
- Edits are new ids with one history: one story, revised. Deletions are told nobody: every post that was told is looked
  up once a day (`GET /2/tweets`), and purged when it is gone or no longer public. That is paid for as well, so at most
  half a day's budget goes into it; `recheck = false` where batch compliance jobs are run elsewhere.
- Spent: posts and dollars a UTC day, in the state, for all sources of this token together. At the limit no request is
  made until the next day, and the source says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import urlencode

import msgspec

from ingest.base import Context, Gone, Kind, Polled, SourceConfig, Told
from ingest.cursor import read_cursor, with_cursor
from ingest.net.api import Answer, ask
from ingest.social.recheck import ROUND, Watch
from ingest.social.twitter.budget import Budget, Spent, budget_of, until_tomorrow
from ingest.social.twitter.post import FIELDS, Page, Post, born, number, post_id, tell
from riskwire.errors import FetchError, ParseError
from riskwire.log import get_logger
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

API = "https://api.x.com"
#: Posts a page: X's own limits.
LEAST, MOST = 10, 100
#: Pages a poll, and lookups of watched posts a poll.
MAX_PAGES, MAX_LOOKS = 5, 5
#: How far back the search reaches, less an hour for clocks.
REACH = timedelta(days=7) - timedelta(hours=1)
_log = get_logger("ingest")


class Search(SourceConfig, frozen=True, kw_only=True):
    """One `[[twitter]]` table: a query of recent search, such as `($TSLA OR $AAPL) lang:en -is:retweet`."""

    table: ClassVar[str] = "twitter"

    query: str
    recheck: bool = True
    watch: int = 10_000

    @property
    def address(self) -> str:
        """The query."""
        return f"X search: {self.query}"

    def check(self) -> None:
        """See SourceConfig."""
        if not 1 <= len(self.query.strip()) <= 512:
            raise ValueError("query: must have 1 to 512 characters")
        if not 0 <= self.watch <= 100_000:
            raise ValueError("watch: must be from 0 to 100000")

    def off(self, settings: IngestSettings) -> str | None:
        """See SourceConfig."""
        if settings.twitter_bearer_token is None or not settings.twitter_bearer_token.get_secret_value().strip():
            return "X's API is paid for: set ingest.twitter_bearer_token, and a budget (ingest.twitter_daily_posts)"
        return None


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Kept between polls: everything up to `since` was told, and where a gap is being filled, all from `until` to
    `newest`. Watched are the ids of first versions, with the newest behind a colon where there are several."""

    since: str = ""
    until: str = ""
    newest: str = ""
    watch: Watch = Watch()
    spent: Spent = Spent()
    looked: Spent = Spent()


_page = msgspec.json.Decoder(Page)


class TwitterIngestor:
    """One query."""

    def __init__(
        self, config: Search, context: Context, token: str, budget: Budget | None = None, *, api: str = API
    ) -> None:
        """`budget`, if not the one that all sources of this token share."""
        ingest = context.settings
        limits = (ingest.twitter_daily_posts, ingest.twitter_daily_dollars, ingest.twitter_post_price)
        self._budget = budget or budget_of(token, *limits)
        self._config = config
        self._context = context
        self._api = api
        self._headers = {"Authorization": f"Bearer {token.strip()}"}

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._config.name

    @property
    def url(self) -> str:
        """The search's address, with the query: another query starts from nothing."""
        return f"{self._api}/2/tweets/search/recent?{urlencode({'query': self._config.query})}"

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the source has its own."""
        return self._config.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """See Ingestor. Raises FetchError, also when the budget is spent, and ParseError.

        What was read before a failure was paid for: it is told, and the failure is met again at the next poll.
        """
        cursor = read_cursor(state, Cursor)
        cursor = msgspec.structs.replace(cursor, spent=cursor.spent.on(now), looked=cursor.looked.on(now))
        self._budget.note(self.name, cursor.spent)
        if self._budget.left(now) < LEAST:
            raise FetchError(
                f"the day's budget ({self._budget.words}) is spent; goes on at 00:00 UTC",
                about=self.url,
                hint="The limits are ingest.twitter_daily_posts and ingest.twitter_daily_dollars.",
                retry_after=until_tomorrow(now),
            )
        poll = _Poll(cursor)
        try:
            # First, or a busy query would leave nothing for it.
            if self._config.recheck:
                await self._recheck(poll, now)
            if poll.wait is None:
                await self._search(poll, now)
        except (FetchError, ParseError) as error:
            if not poll.paid:
                raise
            poll.wait = error.retry_after if isinstance(error, FetchError) else None
            _log.warning("poll_cut_short", source=self.name, error=str(error))
        return await self._polled(poll, state, now)

    async def _polled(self, poll: _Poll, state: SourceState, now: datetime) -> Polled:
        posts = sorted((post for post in poll.posts.values() if post.is_told), key=lambda post: number(post.id))
        told = await asyncio.to_thread(self._told, posts, now)
        watch = poll.cursor.watch
        if self._config.recheck:
            newest = {post.first: post.last for post in poll.posts.values() if not post.is_repost}
            watch = watch.add(
                (f"{one}:{last}" if one != last else one for one, last in newest.items()), self._config.watch
            )
        return Polled(
            outcome="ok",
            told=told,
            gone=tuple(Gone(document_id=post_id(first)) for first in poll.gone),
            entries=len(poll.posts),
            state=with_cursor(state, msgspec.structs.replace(poll.cursor, watch=watch), told),
            wait=poll.wait,
        )

    async def _search(self, poll: _Poll, now: datetime) -> None:
        cursor = poll.cursor
        since, until = cursor.since, cursor.until
        then = born(since)
        if since and (then is None or then < now - REACH):
            _log.warning("gap", source=self.name, reason="the search reaches back 7 days, and the last post is older")
            since = ""
        newest = cursor.newest
        # Without a place to go on from, a look at what is there: a tenth of the day's budget.
        most = MOST if since else max(LEAST, self._budget.most // 10)
        for _ in range(MAX_PAGES):
            left = self._budget.left(now)
            if left < LEAST:
                # Tomorrow it begins with the newest: a gap that money did not fill would grow from day to day.
                _log.warning("gap", source=self.name, reason=f"the day's budget is spent ({self._budget.words})")
                poll.cursor = msgspec.structs.replace(poll.cursor, since=newest or since, until="", newest="")
                return
            query = {"query": self._config.query, "tweet.fields": FIELDS, "max_results": str(min(left, most, MOST))}
            query |= {"since_id": since} if since else {}
            query |= {"until_id": until} if until else {}
            answer = await self._ask("/2/tweets/search/recent?" + urlencode(query), poll, now)
            page = answer.value
            meta = page.meta
            if meta is None:
                raise ParseError("answers with JSON of another kind", about=self.url)
            poll.posts |= {post.id: post for post in page.data or ()}
            newest = max(newest, meta.newest_id or "", key=number)
            # Before the first poll there is no gap to be filled: its one page is where we begin.
            if meta.next_token and meta.oldest_id and since:
                until = meta.oldest_id
                poll.cursor = msgspec.structs.replace(poll.cursor, since=since, until=until, newest=newest)
            else:
                poll.cursor = msgspec.structs.replace(poll.cursor, since=newest or since, until="", newest="")
                return
            if poll.wait is not None:
                return

    async def _recheck(self, poll: _Poll, now: datetime) -> None:
        watch = poll.cursor.watch
        if watch.due and watch.since is not None and now - watch.since >= ROUND:
            reason = "the budget does not reach for a look at each within a day"
            _log.warning("recheck_late", source=self.name, left=len(watch.due), reason=reason)
        poll.cursor = msgspec.structs.replace(poll.cursor, watch=watch.begin(now))
        for _ in range(MAX_LOOKS):
            half = self._budget.most // 2 - poll.cursor.looked.posts
            bite = poll.cursor.watch.bite(min(MOST, half, self._budget.left(now)))
            if not bite or poll.wait is not None:
                return
            first = {one.rpartition(":")[2]: one.partition(":")[0] for one in bite}
            query = urlencode({"ids": ",".join(first), "tweet.fields": FIELDS})
            answer = await self._ask("/2/tweets?" + query, poll, now, looked=True)
            page = answer.value
            if page.data is None and page.errors is None:
                raise ParseError("answers with JSON of another kind", about=self.url)
            away = [first[one] for problem in page.errors or () if (one := problem.gone) is not None and one in first]
            poll.gone += away
            poll.posts |= {post.id: post for post in page.data or ()}
            # One that was edited since is watched under its newest id.
            old = {post.first for post in page.data or () if post.id != post.last}
            done = [one for one in bite if one.partition(":")[0] in away or one.partition(":")[0] in old]
            poll.cursor = msgspec.structs.replace(poll.cursor, watch=poll.cursor.watch.looked(bite, done))

    async def _ask(self, path: str, poll: _Poll, now: datetime, *, looked: bool = False) -> Answer[Page]:
        answer = await ask(
            self._context.fetcher, self._api + path, _page, now, headers=self._headers, about=self.url
        )  # fmt: skip
        count = len(answer.value.data or ())
        spent = poll.cursor.spent.plus(count)
        poll.cursor = msgspec.structs.replace(
            poll.cursor, spent=spent, looked=poll.cursor.looked.plus(count) if looked else poll.cursor.looked
        )
        self._budget.note(self.name, spent)
        poll.paid = poll.paid or count > 0
        poll.wait = answer.wait
        return answer

    def _told(self, posts: Sequence[Post], now: datetime) -> tuple[Told, ...]:
        context = self._context
        documents = (tell(post, self.name, self.url, context.run_id, context.author_key, now) for post in posts)
        return tuple(Told(document) for document in documents if document.title)


class _Poll:
    """What one poll has come to so far."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.posts: dict[str, Post] = {}
        self.gone: list[str] = []
        self.wait: float | None = None
        self.paid = False


def _make(config: Search, context: Context) -> TwitterIngestor:
    return TwitterIngestor(config, context, context.secret("twitter_bearer_token") or "")


KIND = Kind(Search, _make)
