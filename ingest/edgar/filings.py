"""EDGAR's three answers (getcurrent's Atom, submissions JSON, full-text search JSON) → filings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from ingest.dates.read import ReadDate, judge, read_date
from ingest.edgar.filing import ITEMS, Company, Filing, index_of
from ingest.formats.edgarfeed import ACCESSION
from ingest.formats.parsed import ParsedEntry

EASTERN = ZoneInfo("America/New_York")
_TITLE = re.compile(
    r"(?P<form>.{1,40}?)\s+-\s+(?P<company>.+?)\s*\((?P<cik>\d{1,10})\)\s*(?:\((?P<role>[^()]{1,40})\))?\s*"
)
_ITEM = re.compile(r"\bItem\s+(\d{1,2}\.\d{2})\b")
_DISPLAY = re.compile(r"(?P<company>.+?)\s*(?:\((?P<tickers>[A-Z0-9., -]{1,80})\)\s*)?\(CIK\s+(?P<cik>\d{1,10})\)\s*")
#: EDGAR accepts filings in these hours of New York.
_OPEN, _CLOSED, _CUT_OFF = time(6), time(22, 5), time(17, 30)
#: Forms that keep their day until the evening, or are dated otherwise: they tell nothing about the clock.
_EVENING = ("3", "4", "5", "144", "SC 13", "SCHEDULE 13", "UPLOAD", "CORRESP", "EFFECT", "S-8")


def from_current(entries: Iterable[ParsedEntry], now: datetime) -> list[Filing]:
    """Filings of getcurrent's entries: one accession comes once for each of its roles."""
    found: dict[str, Filing] = {}
    for entry in entries:
        number = ACCESSION.search(f"{entry.guid or ''} {entry.link or ''}")
        head = _TITLE.fullmatch(entry.title)
        if number is None or head is None:
            continue
        company = Company(head["cik"].zfill(10), head["company"], head["role"] or "")
        items = tuple(dict.fromkeys(_ITEM.findall(entry.summary)))
        known = found.get(number[0])
        found[number[0]] = Filing(
            accession=number[0],
            form=head["form"].strip(),
            companies=(*known.companies, company) if known else (company,),
            filed=read_date(entry.updated or entry.published, now, EASTERN),
            items=items or (known.items if known else ()),
            link=entry.link,
        )
    return list(found.values())


class Columns(msgspec.Struct, frozen=True):
    """`filings.recent`: a column a field, a row a filing, newest first."""

    accessionNumber: list[str]  # noqa: N815 - the SEC's names
    form: list[str]
    filingDate: list[str]  # noqa: N815
    acceptanceDateTime: list[str] = []  # noqa: N815
    reportDate: list[str] = []  # noqa: N815
    items: list[str] = []


class _Filings(msgspec.Struct, frozen=True):
    recent: Columns


class Submissions(msgspec.Struct, frozen=True):
    """All recent filings of one company."""

    cik: str
    name: str
    filings: _Filings
    tickers: list[str | None] = []


def from_submissions(found: Submissions, now: datetime, most: int = 100) -> list[Filing]:
    """The newest filings of a company."""
    rows = found.filings.recent
    zone = clock_of(rows)
    company = Company(found.cik.zfill(10), found.name, "Filer", tuple(one for one in found.tickers if one))
    filings = []
    for index, (accession, form) in enumerate(zip(rows.accessionNumber, rows.form, strict=False)):
        if index >= most or not ACCESSION.fullmatch(accession):
            continue
        filings.append(
            Filing(
                accession=accession,
                form=form,
                companies=(company,),
                filed=_accepted(_at(rows.acceptanceDateTime, index), zone, now)
                or read_date(_at(rows.filingDate, index), now, EASTERN),
                items=tuple(one for one in _at(rows.items, index).split(",") if one in ITEMS),
                link=index_of(found.cik, accession),
                amends=_amended(rows, index),
            )
        )
    return filings


def clock_of(rows: Columns) -> ZoneInfo | None:
    """In which clock this company's `acceptanceDateTime` is written: each ends in Z, but for about one company in four
    it is New York's, for the others it is UTC as it says. None: these filings don't tell.

    Told by the hours in which EDGAR is open, and by its rule that what comes after 17:30 is filed on the next day.
    """
    votes = 0
    for index, stated in enumerate(rows.acceptanceDateTime[:200]):
        at = _stated(stated)
        if at is None:
            continue
        as_utc = at.replace(tzinfo=UTC).astimezone(EASTERN)
        votes += (not _OPEN <= as_utc.time() <= _CLOSED) - (not _OPEN <= at.time() <= _CLOSED)
        if _at(rows.form, index).startswith(_EVENING):
            continue
        late_local, late_utc = at.time() > _CUT_OFF, as_utc.time() > _CUT_OFF
        if late_local != late_utc:
            same_day = _at(rows.filingDate, index) == as_utc.date().isoformat()
            votes += -1 if same_day == late_local else 1
    return None if not votes else EASTERN if votes > 0 else ZoneInfo("UTC")


def _accepted(stated: str, zone: ZoneInfo | None, now: datetime) -> ReadDate | None:
    at = _stated(stated)
    if at is None:
        return None
    # Most are UTC; where nothing tells, the time is marked as one that was completed.
    return judge(at.replace(tzinfo=zone or UTC).astimezone(UTC), zone is not None, "second", now)


def _stated(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=None) if at.utcoffset() in (None, timedelta()) else None


def _amended(rows: Columns, index: int) -> str | None:
    """The newest older filing of the form without `/A`, for the same period where both name one."""
    form, _, amendment = rows.form[index].partition("/")
    if amendment != "A":
        return None
    period = _at(rows.reportDate, index)
    for older in range(index + 1, min(len(rows.form), len(rows.accessionNumber))):
        if rows.form[older] == form and (not period or _at(rows.reportDate, older) == period):
            return rows.accessionNumber[older]
    return None


class _Source(msgspec.Struct, frozen=True):
    adsh: str = ""
    form: str = ""
    file_date: str = ""
    ciks: list[str] = []
    display_names: list[str] = []
    items: list[str] = []


class _Hit(msgspec.Struct, frozen=True):
    source: _Source = msgspec.field(name="_source")


class _Hits(msgspec.Struct, frozen=True):
    hits: list[_Hit]
    total: dict[str, int | str] = {}


class Found(msgspec.Struct, frozen=True):
    """A page of full-text search: a hit is a document, of which a filing has several."""

    hits: _Hits


def from_search(found: Found, now: datetime) -> list[Filing]:
    """The filings that hold the hits. A search knows their day, not their time."""
    filings: dict[str, Filing] = {}
    for hit in found.hits.hits:
        one = hit.source
        if not ACCESSION.fullmatch(one.adsh) or one.adsh in filings:
            continue
        companies = [_displayed(name) for name in one.display_names]
        known = [company for company in companies if company is not None]
        # Who reports comes first in the SEC's list, and has no ticker: the issuer has.
        named = sorted(known, key=lambda company: not company.tickers)
        filings[one.adsh] = Filing(
            accession=one.adsh,
            form=one.form,
            companies=tuple(named),
            filed=read_date(one.file_date, now, EASTERN),
            items=tuple(item for item in one.items if item in ITEMS),
            link=index_of(one.ciks[0] if one.ciks else "", one.adsh),
        )
    return list(filings.values())


def _displayed(text: str) -> Company | None:
    found = _DISPLAY.fullmatch(text)
    if found is None:
        return None
    tickers = tuple(one.strip() for one in (found["tickers"] or "").split(",") if one.strip())
    return Company(found["cik"].zfill(10), found["company"].strip(), "", tickers)


def _at(column: Sequence[str], index: int) -> str:
    return column[index] if index < len(column) else ""
