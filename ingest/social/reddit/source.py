"""Reddit: a subreddit's new posts (or comments), with an approved key; without one its Atom feed (`.feed`).

- New ones come from `/new`, newest first, back to where we were; a listing ends after 1,000, and what lies beyond it is
  said to be lost. Fullnames (`t3_…`) are the identity; ids order as numbers in base 36.
- Edits show in the newest page, which is read at every poll, and in the daily look at every post that is watched.
- Deletions are told nobody: every post that was told is looked up once a day (`/api/info`), and purged when it, or its
  author, is gone. The newest `watch` are looked after.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import quote

import msgspec

from ingest.base import Context, Gone, Ingestor, Kind, Polled, SourceConfig, Told
from ingest.cursor import read_cursor, with_cursor
from ingest.net.api import ask, decode
from ingest.social.recheck import Watch
from ingest.social.reddit.post import Listing, Thing, is_gone, post_id, tell
from riskwire import __version__
from riskwire.errors import FetchError, ParseError
from riskwire.log import get_logger, hide
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

SITE, API = "https://www.reddit.com", "https://oauth.reddit.com"
#: Posts a request, and pages of a listing: Reddit's own limits.
PAGE, MAX_PAGES = 100, 10
#: Requests a poll for the daily look at what is watched.
MAX_LOOKS = 5
_log = get_logger("ingest")


class Subreddit(SourceConfig, frozen=True, kw_only=True):
    """One `[[reddit]]` table: a subreddit (with or without r/); `comments = true`: its comments instead of its posts.

    `watch`: how many of its posts are looked at again each day, for deletions; with a key only.
    """

    table: ClassVar[str] = "reddit"

    subreddit: str
    comments: bool = False
    watch: int = 10_000

    @property
    def listing(self) -> str:
        """`/r/NAME/new`, or its comments."""
        return f"/r/{self._plain}/{'comments' if self.comments else 'new'}"

    @property
    def _plain(self) -> str:
        return self.subreddit.removeprefix("/").removeprefix("r/")

    @property
    def address(self) -> str:
        """The page of the subreddit."""
        return SITE + self.listing

    def check(self) -> None:
        """See SourceConfig."""
        name = self._plain
        if not (name.isascii() and name.replace("_", "").replace("+", "").isalnum()):
            raise ValueError("subreddit: must be a subreddit's name, such as stocks")
        if not 0 <= self.watch <= 100_000:
            raise ValueError("watch: must be from 0 to 100000")

    def off(self, settings: IngestSettings) -> str | None:
        """See SourceConfig."""
        if settings.reddit_client_id and settings.reddit_client_secret is None:
            return "set ingest.reddit_client_secret, too, or neither: then the Atom feed is read"
        return None


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept between polls: the highest fullname that everything up to was told, and what is watched."""

    top: str = ""
    watch: Watch = Watch()


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 3600.0


_listing = msgspec.json.Decoder(Listing)
_token = msgspec.json.Decoder(_Token)


class RedditIngestor:
    """One listing, read with a key."""

    def __init__(
        self, config: Subreddit, context: Context, client_id: str, secret: str, *, site: str = SITE, api: str = API
    ) -> None:
        """`site` gives the token out, `api` takes it."""
        self._config = config
        self._fetcher = context.fetcher
        self._key = context.author_key
        self._run_id = context.run_id
        self._site, self._api = site, api
        self._basic = "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        self._agent = user_agent(context.settings)
        self._access: tuple[str, datetime] | None = None

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._config.name

    @property
    def url(self) -> str:
        """The listing's address."""
        return self._api + self._config.listing

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the source has its own."""
        return self._config.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """See Ingestor. Raises FetchError, ParseError."""
        cursor = read_cursor(state, Cursor)
        things, filled, wait = await self._new(cursor.top, now)
        watch = cursor.watch.begin(now)
        gone: list[str] = [thing.name for thing in things if is_gone(thing)]
        looked: list[Thing] = []
        for _ in range(MAX_LOOKS):
            bite = watch.bite(PAGE)
            if not bite or wait is not None:
                break
            found, wait = await self._look(bite, now)
            here = {thing.name for thing in found if not is_gone(thing)}
            away = [name for name in bite if name not in here]
            # What the answer leaves out is no longer shown to anybody. An answer without most of them is a fault.
            if len(bite) >= 10 and len(found) < len(bite) / 2:
                _log.warning("recheck_distrusted", source=self.name, asked=len(bite), answered=len(found))
                away = [thing.name for thing in found if is_gone(thing)]
            watch = watch.looked(bite, away)
            gone += away
            looked += [thing for thing in found if thing.name in here]
        alive = {thing.name: thing for thing in (*looked, *things) if not is_gone(thing)}
        alive = dict(sorted(alive.items(), key=lambda item: number(item[0])))
        told = await asyncio.to_thread(self._told, list(alive.values()), now)
        watch = watch.add(alive, self._config.watch)
        top = max([cursor.top, *(thing.name for thing in things)], key=number) if filled else cursor.top
        return Polled(
            outcome="ok",
            told=told,
            gone=tuple(Gone(document_id=post_id(name)) for name in dict.fromkeys(gone)),
            entries=len(things),
            state=with_cursor(state, Cursor(top, watch), told),
            wait=wait,
        )

    async def _new(self, top: str, now: datetime) -> tuple[list[Thing], bool, float | None]:
        """What is newer than `top` and the newest page; whether nothing is left between; a wait that was asked for."""
        things: dict[str, Thing] = {}
        after, wait, filled, reached = "", None, False, False
        for _ in range(MAX_PAGES):
            query = f"?limit={PAGE}&raw_json=1" + (f"&after={quote(after)}" if after else "")
            listing, wait = await self._ask(self._config.listing + query, now)
            found = [child.data for child in listing.data.children if child.data.name]
            things |= {thing.name: thing for thing in found}
            after = listing.data.after or ""
            # The first poll takes one page. One old post among new ones must not end the walk: its number may mislead.
            reached = not top or all(number(thing.name) <= number(top) for thing in found[-10:])
            if reached or not after:
                filled = True
                break
            if wait is not None:
                break
        else:
            reached, filled = False, True
        if filled and not reached and len(things) > (MAX_PAGES - 1) * PAGE:
            _log.warning("gap", source=self.name, reason="the listing ends before what was read last")
        return list(things.values()), filled, wait

    async def _look(self, names: Sequence[str], now: datetime) -> tuple[list[Thing], float | None]:
        listing, wait = await self._ask(f"/api/info?raw_json=1&id={','.join(map(quote, names))}", now)
        return [child.data for child in listing.data.children], wait

    async def _ask(self, path: str, now: datetime) -> tuple[Listing, float | None]:
        for again in (False, True):
            headers = {"Authorization": f"Bearer {await self._bearer(now, fresh=again)}", "User-Agent": self._agent}
            try:
                answer = await ask(self._fetcher, self._api + path, _listing, now, headers=headers, about=self.url)
                return answer.value, answer.wait
            except FetchError as error:
                if again or error.status != 401:
                    raise
        raise AssertionError("unreachable")

    async def _bearer(self, now: datetime, *, fresh: bool) -> str:
        if self._access is None or fresh or now >= self._access[1]:
            url = f"{self._site}/api/v1/access_token"
            headers = {"Authorization": self._basic, "User-Agent": self._agent}
            found = await self._fetcher.post(url, {"grant_type": "client_credentials"}, headers=headers)
            try:
                token = decode(found.body, found.content_type, _token, url)
            except ParseError:
                # Not its cause, which would quote what may be a token. A wrong key is answered with 200, too.
                hint = "Check ingest.reddit_client_id and ingest.reddit_client_secret."
                raise ParseError("gives out no token", about=url, hint=hint) from None
            hide([token.access_token])
            self._access = token.access_token, now + timedelta(seconds=max(token.expires_in - 60, 0))
        return self._access[0]

    def _told(self, things: Sequence[Thing], now: datetime) -> tuple[Told, ...]:
        return tuple(
            Told(document)
            for document in (tell(thing, self.name, self.url, self._run_id, self._key, now) for thing in things)
            if document.title
        )


def user_agent(settings: IngestSettings) -> str:
    """In the form that Reddit demands: `platform:app:version (contact)`."""
    contact = "".join(c for c in settings.contact if c.isprintable()).strip()
    return f"server:riskwire:{__version__} ({contact or 'no contact given'})"


def number(name: str) -> int:
    """A fullname's number: `t3_48fbm9` → its base 36; 0 for what is none."""
    try:
        return int(name.rpartition("_")[2], 36)
    except ValueError:
        return 0


def _make(config: Subreddit, context: Context) -> Ingestor:
    secret = context.secret("reddit_client_secret")
    if context.settings.reddit_client_id and secret:
        return RedditIngestor(config, context, context.settings.reddit_client_id, secret)
    from ingest.social.reddit.feed import RedditFeed

    return RedditFeed(config, context)


KIND = Kind(Subreddit, _make)
