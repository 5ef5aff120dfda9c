"""The SEC's EDGAR: what is being filed now, one company's filings, or a full-text search. Free; a contact is demanded.

One `[[edgar]]` table is one of three: with `cik` a company, with `query` a search, with neither the current filings, of
`forms` alone where they are given (their amendments, `/A`, included). All of them share one pace: the SEC allows ten
requests a second to everything that a user runs, and shuts out for minutes who is faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import ClassVar
from urllib.parse import urlencode

import msgspec

from ingest.base import Context, Kind, Polled, SourceConfig, Told
from ingest.cursor import read_cursor, with_cursor
from ingest.edgar.filing import Filing, tell
from ingest.edgar.filings import EASTERN, Found, Submissions, from_current, from_search, from_submissions
from ingest.edgar.symbols import read_symbols
from ingest.net.api import ask
from ingest.net.ratelimit import Limiter
from riskwire.errors import FetchError
from riskwire.log import get_logger
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

WWW, DATA, SEARCH = "https://www.sec.gov", "https://data.sec.gov", "https://efts.sec.gov"
#: Entries a page, of the current filings and of a search; pages a poll, of each form or of the search.
PAGE, MAX_PAGES = 100, 5
#: A search is made from so long before its newest hit: hits come late, and a day is all that it knows of their time.
OVERLAP = timedelta(days=2)
FIRST = timedelta(days=7)
#: Eight of the ten a second: others of the same user have a share.
_limiter = Limiter(8)
_log = get_logger("ingest")


class Edgar(SourceConfig, frozen=True, kw_only=True):
    """`symbols`: a file that knows companies' tickers by CIK, the SEC's company_tickers.json or a CSV (cik, symbol)."""

    table: ClassVar[str] = "edgar"

    cik: str | None = None
    query: str | None = None
    forms: tuple[str, ...] = ()
    symbols: str | None = None

    @property
    def address(self) -> str:
        """What is read, as its page."""
        if self.cik is not None:
            return f"{WWW}/cgi-bin/browse-edgar?action=getcompany&CIK={self.cik.zfill(10)}"
        return f"{WWW}/edgar/search/#/q={self.query}" if self.query else f"{WWW}/cgi-bin/browse-edgar?action=getcurrent"

    def check(self) -> None:
        """See SourceConfig."""
        if self.cik is not None and not (self.cik.isascii() and self.cik.isdigit() and 1 <= len(self.cik) <= 10):
            raise ValueError("cik: must be the company's number, of 1 to 10 digits")
        if self.query is not None and not 1 <= len(self.query.strip()) <= 500:
            raise ValueError("query: must have 1 to 500 characters")
        if self.cik is not None and self.query is not None:
            raise ValueError("query: is another kind of source than cik; make two tables")
        if len(self.forms) > 20 or any(not 1 <= len(form) <= 20 or not form.isprintable() for form in self.forms):
            raise ValueError("forms: at most 20 forms, such as 8-K")

    def off(self, settings: IngestSettings) -> str | None:
        """See SourceConfig."""
        if "@" not in settings.contact:
            return "the SEC demands a contact: set ingest.contact to a name and an e-mail address"
        return None


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of the current filings those that a form's newest page held; of a search the day of its newest hit."""

    seen: dict[str, list[str]] = {}
    day: date | None = None


class Hosts(msgspec.Struct, frozen=True):
    """Where EDGAR is."""

    www: str = WWW
    data: str = DATA
    search: str = SEARCH


_submissions = msgspec.json.Decoder(Submissions)
_found = msgspec.json.Decoder(Found)


class EdgarIngestor:
    """One of the three."""

    def __init__(
        self,
        config: Edgar,
        context: Context,
        *,
        hosts: Hosts | None = None,
        limiter: Limiter = _limiter,
    ) -> None:
        """`limiter` is shared by all that ask the SEC."""
        self._config = config
        self._context = context
        self._hosts = hosts or Hosts()
        self._limiter = limiter
        contact = "".join(c for c in context.settings.contact if c.isprintable()).strip()
        self._headers = {"User-Agent": f"Riskwire {contact}"}
        self._symbols: Mapping[str, str] | None = None if config.symbols else {}

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._config.name

    @property
    def url(self) -> str:
        """Its address, with what is asked for."""
        config, hosts = self._config, self._hosts
        if config.cik is not None:
            return f"{hosts.data}/submissions/CIK{config.cik.zfill(10)}.json"
        if config.query is not None:
            asked = {"q": config.query} | ({"forms": ",".join(config.forms)} if config.forms else {})
            return f"{hosts.search}/LATEST/search-index?{urlencode(asked)}"
        return f"{hosts.www}/cgi-bin/browse-edgar?{urlencode({'action': 'getcurrent', 'type': ','.join(config.forms)})}"

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the source has its own."""
        return self._config.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """See Ingestor. Raises FetchError, ParseError, and InputError for a file of symbols that can't be read."""
        cursor = read_cursor(state, Cursor)
        if self._symbols is None and self._config.symbols:
            self._symbols = await asyncio.to_thread(read_symbols, self._config.symbols)
        try:
            if self._config.cik is not None:
                filings = await self._company(now)
            elif self._config.query is not None:
                filings, cursor = await self._search(cursor, now)
            else:
                filings, cursor = await self._current(cursor, now)
        except FetchError as error:
            raise _explained(error) from None
        wanted = {one.accession: one for one in filings if self._wants(one.form)}
        told = await asyncio.to_thread(self._told, [*wanted.values()], now)
        return Polled(outcome="ok", told=told, entries=len(filings), state=with_cursor(state, cursor, told))

    async def _company(self, now: datetime) -> list[Filing]:
        await self._limiter.turn()
        fetcher = self._context.fetcher
        return from_submissions((await ask(fetcher, self.url, _submissions, now, headers=self._headers)).value, now)

    async def _search(self, cursor: Cursor, now: datetime) -> tuple[list[Filing], Cursor]:
        today = now.astimezone(EASTERN).date()
        begin = cursor.day - OVERLAP if cursor.day else today - FIRST
        days = urlencode({"dateRange": "custom", "startdt": begin.isoformat(), "enddt": today.isoformat()})
        filings: list[Filing] = []
        for page in range(MAX_PAGES):
            await self._limiter.turn()
            url = f"{self.url}&{days}" + (f"&from={page * PAGE}" if page else "")
            found = (await ask(self._context.fetcher, url, _found, now, headers=self._headers, about=self.url)).value
            filings += from_search(found, now)
            if len(found.hits.hits) < PAGE:
                break
        else:
            _log.warning("gap", source=self.name, reason=f"more than {MAX_PAGES * PAGE} hits since {begin}")
        return filings, msgspec.structs.replace(cursor, day=today)

    async def _current(self, cursor: Cursor, now: datetime) -> tuple[list[Filing], Cursor]:
        filings: list[Filing] = []
        seen = dict(cursor.seen)
        for form in self._config.forms or ("",):
            known = set(cursor.seen.get(form, ()))
            for page in range(MAX_PAGES):
                found = await self._page(form, page * PAGE, now)
                filings += found
                if page == 0:
                    seen[form] = [one.accession for one in found]
                if not found or not known or known.intersection(one.accession for one in found):
                    break
            else:
                _log.warning(
                    "gap", source=self.name, reason=f"more than {MAX_PAGES * PAGE} filings since the last poll"
                )
        # A filing whose roles lie on two pages is one.
        merged: dict[str, Filing] = {}
        for one in filings:
            old = merged.get(one.accession)
            companies = tuple(dict.fromkeys((*old.companies, *one.companies))) if old else one.companies
            merged[one.accession] = msgspec.structs.replace(one, companies=companies)
        return list(merged.values()), msgspec.structs.replace(cursor, seen=seen)

    async def _page(self, form: str, start: int, now: datetime) -> list[Filing]:
        query = {"action": "getcurrent", "type": form, "owner": "include", "count": str(PAGE), "output": "atom"}
        url = f"{self._hosts.www}/cgi-bin/browse-edgar?{urlencode(query | ({'start': str(start)} if start else {}))}"
        await self._limiter.turn()
        try:
            found = await self._context.fetcher.get(url, headers=self._headers)
        except FetchError as error:
            # Past the end there is no empty list, but a page of HTML with this status.
            if start and error.status == 503:
                return []
            raise
        feed = await self._context.parser.parse(found.body, self.url, found.content_type)
        return from_current(feed.entries, now)

    def _wants(self, form: str) -> bool:
        return not self._config.forms or form.removesuffix("/A") in {
            one.removesuffix("/A") for one in self._config.forms
        }

    def _told(self, filings: Sequence[Filing], now: datetime) -> tuple[Told, ...]:
        symbols = self._symbols or {}
        run_id = self._context.run_id
        # Oldest first, so that what is cut off by a crash is the newest, which comes again.
        return tuple(Told(tell(one, self.name, self.url, run_id, symbols, now)) for one in reversed(filings))


def _explained(error: FetchError) -> FetchError:
    if error.status != 403:
        return error
    return FetchError(
        "the SEC refuses us (403): it wants a contact, and at most ten requests a second from all you run",
        about=error.about,
        hint="Set ingest.contact to your name and e-mail address; it goes on by itself after about ten minutes.",
        status=403,
        retry_after=600.0,
    )


def _make(config: Edgar, context: Context) -> EdgarIngestor:
    return EdgarIngestor(config, context)


KIND = Kind(Edgar, _make)
