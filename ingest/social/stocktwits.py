"""StockTwits: the public stream of one symbol. Off unless a table names it; many addresses are answered with 403.

A 403 means that its owner does not want programs from here: it is said, and asked again after a day, never evaded.
Deletions are told nobody, and there is no question to look a message up by: what is missing between two messages of the
newest page, twice in a row, is taken for deleted.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar
from urllib.parse import quote

import msgspec

from ingest.base import Context, Gone, Kind, Polled, SourceConfig, Told
from ingest.cursor import read_cursor, with_cursor
from ingest.dates.read import read_date
from ingest.documents.authors import masked_names, pseudonym
from ingest.documents.make import make_document
from ingest.documents.text import html_to_text
from ingest.net.api import ask
from ingest.net.headers import LONGEST_WAIT
from ingest.net.http import Fetcher
from riskwire.errors import FetchError
from riskwire.identity import document_id
from riskwire.log import get_logger
from riskwire.ports import SourceState
from riskwire.types import Document

API = "https://api.stocktwits.com"
PLATFORM = "stocktwits"
#: Pages of 30 a poll: about 200 requests an hour are allowed to one address, for all symbols.
MAX_PAGES = 5
_SYMBOL = re.compile(r"[A-Z0-9]{1,12}(?:[.\-_][A-Z0-9]{1,8})?")
#: Endings of Yahoo's that StockTwits does not know, or knows otherwise.
_MARKETS = {".NS": "XNSE", ".BO": "XBOM", ".L": "XLON", ".TO": "XTSE", ".DE": "XETR", ".PA": "XPAR", ".HK": "XHKG"}
_log = get_logger("ingest")


class Symbol(SourceConfig, frozen=True, kw_only=True):
    """One `[[stocktwits]]` table: a symbol as StockTwits writes it (`AAPL`, crypto `BTC.X`); `.NS` is left off."""

    table: ClassVar[str] = "stocktwits"

    symbol: str

    @property
    def ticker(self) -> str:
        """As the API takes it."""
        return asked(self.symbol)

    @property
    def address(self) -> str:
        """The symbol's page."""
        return f"https://stocktwits.com/symbol/{quote(self.ticker)}"

    def check(self) -> None:
        """See SourceConfig."""
        if not _SYMBOL.fullmatch(self.ticker):
            raise ValueError("symbol: must be a ticker, such as AAPL or BTC.X")


class _User(msgspec.Struct, frozen=True):
    id: int | None = None
    username: str = ""
    followers: int | None = None
    ideas: int | None = None


class _Named(msgspec.Struct, frozen=True):
    symbol: str = ""


class _Sentiment(msgspec.Struct, frozen=True):
    basic: str | None = None


class _Entities(msgspec.Struct, frozen=True):
    sentiment: _Sentiment | None = None


class _Likes(msgspec.Struct, frozen=True):
    total: int | None = None


class _Reshares(msgspec.Struct, frozen=True):
    reshared_count: int | None = None


class Message(msgspec.Struct, frozen=True):
    """A message; what else there is, is ignored."""

    id: int
    body: str = ""
    created_at: str | None = None
    user: _User = _User()
    symbols: list[_Named] = []
    entities: _Entities | None = None
    likes: _Likes | None = None
    reshares: _Reshares | None = None
    mentioned_users: list[str] = []


class _Page(msgspec.Struct, frozen=True):
    messages: list[Message]


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything up to `since` was told; the newest page held `page`, and `missing` was missing in it."""

    since: int = 0
    page: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()


_page = msgspec.json.Decoder(_Page)


class StocktwitsIngestor:
    """One symbol's stream."""

    def __init__(
        self, config: Symbol, fetcher: Fetcher, author_key: bytes, run_id: str = "", *, api: str = API
    ) -> None:
        self._config = config
        self._fetcher = fetcher
        self._key = author_key
        self._run_id = run_id
        self._api = api

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._config.name

    @property
    def url(self) -> str:
        """The stream's address."""
        return f"{self._api}/api/2/streams/symbol/{quote(self._config.ticker)}.json"

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the source has its own."""
        return self._config.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """See Ingestor. The newest page, and downwards (`max`) to where we were. Raises FetchError, ParseError."""
        cursor = read_cursor(state, Cursor)
        newest, wait = await self._ask("", now)
        messages = {message.id: message for message in newest}
        reached = not cursor.since or not newest or min(messages) <= cursor.since
        for _ in range(MAX_PAGES - 1):
            if reached or wait is not None:
                break
            page, wait = await self._ask(f"?max={min(messages)}", now)
            fresh = [message for message in page if message.id not in messages]
            messages |= {message.id: message for message in fresh}
            reached = not fresh or min(messages) <= cursor.since
        if not reached:
            _log.warning("gap", source=self.name, reason=f"more than {len(messages)} messages since the last poll")
        told = await asyncio.to_thread(lambda: tuple(self._told(messages[one], now) for one in sorted(messages)))
        told = tuple(one for one in told if one.document.title)
        here, page_ids = set(messages), tuple(message.id for message in newest)
        low = min(messages, default=0)
        missing = [one for one in dict.fromkeys(cursor.page + cursor.missing) if one > low > 0 and one not in here]
        gone = [one for one in missing if one in cursor.missing]
        kept = Cursor(
            max([cursor.since, *messages]), page_ids, tuple(one for one in missing if one not in gone)
        )  # fmt: skip
        return Polled(
            outcome="ok",
            told=told,
            gone=tuple(Gone(document_id=document_id(PLATFORM, guid=str(one))) for one in gone),
            entries=len(messages),
            state=with_cursor(state, kept, told),
            wait=wait,
        )

    async def _ask(self, query: str, now: datetime) -> tuple[list[Message], float | None]:
        try:
            answer = await ask(self._fetcher, self.url + query, _page, now, about=self.url)
        except FetchError as error:
            if error.status != 403:
                raise
            raise FetchError(
                "does not want to be asked by programs from here (403)",
                about=self.url,
                hint="Switch it off (enabled = false), or ask StockTwits for access.",
                status=403,
                retry_after=LONGEST_WAIT,
            ) from None
        return answer.value.messages, answer.wait

    def _told(self, message: Message, now: datetime) -> Told:
        mood = message.entities and message.entities.sentiment and message.entities.sentiment.basic
        document: Document = make_document(
            document_id=document_id(PLATFORM, guid=str(message.id)),
            source=self.name,
            publisher=PLATFORM,
            source_type="social",
            run_id=self._run_id,
            feed_url=self.url,
            link=f"https://stocktwits.com/message/{message.id}",
            title=masked_names(html_to_text(message.body), message.mentioned_users),
            authors=(pseudonym(self._key, PLATFORM, message.user.username),) if message.user.username else (),
            tags=[mood] if mood in ("Bullish", "Bearish") else [],
            source_symbols=written(one.symbol for one in message.symbols),
            published=read_date(message.created_at, now),
            seen_at=now,
            engagement={
                "likes": message.likes.total if message.likes else None,
                "reshares": message.reshares.reshared_count if message.reshares else None,
            },
            author_reputation={"followers": message.user.followers, "posts": message.user.ideas},
        )
        return Told(document)


def asked(symbol: str) -> str:
    """`$reliance.ns` → RELIANCE, BTC-USD → BTC.X: as StockTwits writes symbols."""
    symbol = symbol.strip().lstrip("$").upper()
    if symbol.endswith("-USD"):
        return symbol.removesuffix("-USD") + ".X"
    for ending in _MARKETS:
        symbol = symbol.removesuffix(ending)
    return symbol


def written(symbols: Iterable[str]) -> list[str]:
    """StockTwits' symbols in our form: `RELIANCE.NSE` → XNSE:RELIANCE, `.NS` alike; BTC.X stays as it is."""
    found = []
    for symbol in symbols:
        symbol = symbol.strip().lstrip("$").upper()
        for ending, mic in {**_MARKETS, ".NSE": "XNSE", ".BSE": "XBOM"}.items():
            if symbol.endswith(ending):
                symbol = f"{mic}:{symbol.removesuffix(ending)}"
        if symbol:
            found.append(symbol)
    return found


def _make(config: Symbol, context: Context) -> StocktwitsIngestor:
    return StocktwitsIngestor(config, context.fetcher, context.author_key, context.run_id)


KIND = Kind(Symbol, _make)
