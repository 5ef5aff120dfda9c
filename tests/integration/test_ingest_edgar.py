"""EDGAR's current filings, companies and full-text search, replayed from captured answers and the documented form."""

import asyncio
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from replay import CAPTURED, needs, polls, serve, titles

from ingest.base import Context
from ingest.edgar.filings import Columns, Submissions, clock_of, from_submissions
from ingest.edgar.source import Edgar, EdgarIngestor, Hosts
from ingest.edgar.symbols import read_symbols
from ingest.feeds.feed import Feed
from ingest.feeds.rss import RssIngestor
from ingest.net.ratelimit import Limiter
from riskwire.errors import FetchError, IngestError, ParseError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

NOW = datetime(2026, 8, 3, 21, 0, tzinfo=UTC)
CONTACT = "Ann Example ann@example.com"


def accession(number: int) -> str:
    return f"0001234567-26-{number:06d}"


def entry(number: int, form: str = "8-K", role: str = "Filer", company: str = "ACME CORP", cik: int = 42) -> str:
    return (
        f'<entry><title>{form} - {company} ({cik:010d}) ({role})</title><link rel="alternate" type="text/html" '
        f'href="https://www.sec.gov/Archives/edgar/data/{cik}/{accession(number).replace("-", "")}/'
        f'{accession(number)}-index.htm"/><summary type="html"> &lt;b&gt;Filed:&lt;/b&gt; 2026-08-03 '
        f"&lt;b&gt;AccNo:&lt;/b&gt; {accession(number)} &lt;b&gt;Size:&lt;/b&gt; 1 MB&lt;br&gt;"
        f"Item 2.02: Results of Operations and Financial Condition"
        f"&lt;br&gt;Item 9.01: Financial Statements and Exhibits</summary><updated>2026-08-03T16:05:0{number % 10}-04:0"
        f'0</updated><category scheme="https://www.sec.gov/" label="form type" term="{form}"/>'
        f"<id>urn:tag:sec.gov,2008:accession-number={accession(number)}</id></entry>"
    )


class Server:
    """getcurrent: newest first, pages by start, HTML with 503 past the end."""

    def __init__(self, entries: list[str]) -> None:
        self.entries = entries  # newest first
        self.asked: list[str] = []
        self.answer: dict[str, Any] | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        assert request.headers["User-Agent"] == f"Riskwire {CONTACT}"
        if self.answer is not None:
            return web.Response(**self.answer)
        start = int(request.query.get("start", 0))
        page = self.entries[start : start + int(request.query["count"])]
        if start and not page:
            return web.Response(status=503, text="<html>no more</html>", content_type="text/html")
        body = '<?xml version="1.0" encoding="ISO-8859-1" ?><feed xmlns="http://www.w3.org/2005/Atom"><title>Latest</title>'
        return web.Response(text=body + "".join(page) + "</feed>", content_type="application/atom+xml")


def make(base: str, context: Context, **config: Any) -> EdgarIngestor:
    hosts = Hosts(base, base, base)
    return EdgarIngestor(Edgar(name="e", **config), context, hosts=hosts, limiter=Limiter(10_000))


def read(server: Server, *times: datetime, state: SourceState | None = None, **config: Any) -> Any:
    async def scenario(base: str, context: Context) -> Any:
        return await polls(make(base, context, **config), list(times), state)

    return serve(server, scenario, contact=CONTACT)


def test_a_current_filing() -> None:
    (polled,) = read(Server([entry(1)]), NOW, forms=("8-K",))
    document = polled.told[0].document
    assert document.title == "ACME CORP files 8-K"
    assert document.summary == "Results of Operations and Financial Condition; Financial Statements and Exhibits"
    assert (document.source_type, document.publisher) == ("filing", "sec.gov")
    assert document.published_at == datetime(2026, 8, 3, 20, 5, 1, tzinfo=UTC)
    assert {"8-K", "Item 2.02", "Item 9.01", "CIK0000000042"} <= set(document.tags)


def test_one_story_for_all_roles_and_for_every_way_to_it() -> None:
    roles = [
        entry(1, "4", "Reporting", "Doe Jane", 99), entry(1, "4", "Issuer"),
        entry(2, "SC 13D", "Filed by", "Fund LP", 7), entry(2, "SC 13D", "Subject"),
    ]  # fmt: skip
    (polled,) = read(Server(roles), NOW)
    assert sorted(titles(polled)) == ["ACME CORP files 4", "ACME CORP files SC 13D"]

    async def feed(base: str, context: Context) -> Any:
        source = RssIngestor(
            Feed(name="plain", url=f"{base}/cgi-bin/browse-edgar?count=100"), context.fetcher, context.parser, "r"
        )
        return await polls(source, [NOW])

    class Plain(Server):
        async def __call__(self, request: web.Request) -> web.StreamResponse:
            body = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>{"".join(self.entries)}</feed>'
            return web.Response(text=body, content_type="application/atom+xml")

    (plain,) = serve(Plain([entry(1, "4", "Issuer")]), feed)
    theirs, ours = plain.told[0].document, next(one.document for one in polled.told if "files 4" in one.document.title)
    assert (theirs.content_hash, theirs.source_type) == (ours.content_hash, "filing")  # no correction of each other
    # The feed's publisher is its link's host, as EDGAR's is.
    assert theirs.id == ours.id


def test_pages_until_what_is_known_and_past_the_end() -> None:
    server = Server([entry(number) for number in range(50, 0, -1)])
    (first,) = read(server, NOW)
    assert (len(first.told), len(server.asked)) == (50, 1)
    server.entries = [entry(number) for number in range(300, 0, -1)]
    (second,) = read(server, NOW, state=first.state)
    assert len({one.document.id for one in second.told}) == 300
    assert len(server.asked) == 1 + 3
    server.entries = [entry(number) for number in range(600, 400, -1)]  # what was known is no longer listed
    (third,) = read(server, NOW, state=second.state)
    assert len(third.told) == 200
    assert len(server.asked) == 1 + 3 + 3  # the last is the HTML past the end


def test_more_than_its_pages_is_said(capsys: Any) -> None:
    server = Server([entry(1)])
    (first,) = read(server, NOW)
    server.entries = [entry(number) for number in range(700, 100, -1)]
    read(server, NOW, state=first.state)
    assert "gap" in capsys.readouterr().out


def test_only_the_forms_that_are_wanted_and_their_amendments() -> None:
    server = Server([entry(1, "8-K"), entry(2, "8-K/A"), entry(3, "8-K12B"), entry(4, "10-Q")])
    (polled,) = read(server, NOW, forms=("8-K",))
    assert titles(polled) == ["ACME CORP files 8-K/A", "ACME CORP files 8-K"]
    amended = polled.told[0].document
    assert amended.id != polled.told[1].document.id
    assert "amendment" in amended.tags
    assert amended.summary.endswith("Amends a 8-K")


def rows(*filings: tuple[str, str, str], reports: tuple[str, ...] = ()) -> Columns:
    return Columns(
        accessionNumber=[accession(number) for number in range(len(filings), 0, -1)],
        form=[form for form, _, _ in filings], filingDate=[day for _, day, _ in filings],
        acceptanceDateTime=[at for _, _, at in filings], reportDate=list(reports),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("filings", "zone"),
    [
        # 07:30 in the morning would be 03:30 in New York, when EDGAR is closed.
        ([("8-K", "2025-04-30", "2025-04-30T07:30:32.000Z")], "America/New_York"),
        # Half past one at night is half past nine in the evening.
        ([("4", "2025-04-29", "2025-04-30T01:30:00.000Z")], "UTC"),
        # 21:19 on a Friday, filed on the Monday: local. Filed on the same day: UTC.
        ([("10-Q", "2024-11-04", "2024-11-01T21:19:18.000Z")], "America/New_York"),
        ([("10-Q", "2024-11-01", "2024-11-01T20:19:18.000Z")], "UTC"),
        # Forms that keep their day until 22:00 tell nothing; neither does noon.
        (
            [("SC 13G", "2024-11-14", "2024-11-14T21:07:56.000Z"), ("8-K", "2024-11-14", "2024-11-14T16:07:56.000Z")],
            None,
        ),
        ([("8-K", "2024-11-14", "soon")], None),
        ([], None),
    ],
)
def test_in_which_clock_a_companys_times_are(filings: list[tuple[str, str, str]], zone: str | None) -> None:
    found = clock_of(rows(*filings))
    assert (found.key if found else None) == zone


def test_an_amendment_names_the_filing_that_it_amends() -> None:
    columns = rows(
        ("10-K/A", "2026-05-01", "2026-05-01T20:30:00.000Z"), ("10-K", "2026-03-01", "2026-03-02T02:30:00.000Z"),
        ("10-K", "2025-03-01", "2025-03-01T20:30:00.000Z"), ("4/A", "2025-02-01", ""),
        reports=("2024-12-31", "2025-12-31", "2024-12-31", ""),
    )  # fmt: skip
    text = msgspec.json.encode(
        {"cik": "42", "name": "Acme Corp", "filings": {"recent": columns}, "tickers": ["ACM", None]}
    )
    found = msgspec.json.decode(text, type=Submissions)
    filings = from_submissions(found, NOW)
    assert [one.amends for one in filings] == [accession(2), None, None, None]
    assert filings[3].filed.precision == "day"  # the day alone, where no time is given


@needs("feeds/sec-edgar")
def test_a_captured_company_is_dated_as_its_atom_says() -> None:
    folder = CAPTURED / "feeds" / "sec-edgar"
    atom = (folder / "atom" / "atom1.xml").read_text(encoding="latin-1")
    stated = {
        found[1]: datetime.fromisoformat(found[2])
        for found in re.finditer(r"(?s)<accession-number>([^<]+).*?<updated>([^<]+)", atom)
    }
    server = Server([])
    server.answer = {
        "text": (folder / "submissions" / "submission1.json").read_text(),
        "content_type": "application/json",
    }
    now = datetime(2024, 12, 27, tzinfo=UTC)
    first, again = read(server, now, now, cik="1889983")
    assert server.asked[0] == "/submissions/CIK0001889983.json"
    assert [one.document for one in first.told] == [one.document for one in again.told]
    assert len(first.told) == 60
    dated = {one.document.link.rpartition("/")[2].removesuffix("-index.htm"): one.document for one in first.told}
    both = stated.keys() & dated.keys()
    assert len(both) >= 20
    assert all(dated[one].published_at == stated[one] for one in both)
    eight = next(one for one in dated.values() if "8-K" in one.tags)
    assert (eight.source_symbols, eight.published_quality) == (("KVAC",), "stated")
    assert "Entry into a Material Definitive Agreement" in eight.summary


@needs("feeds/sec-edgar")
def test_a_captured_search() -> None:
    body = (CAPTURED / "feeds" / "sec-edgar" / "search" / "search-index.json").read_text()
    captured = json.loads(body)["hits"]["hits"]

    class Search(Server):
        async def __call__(self, request: web.Request) -> web.StreamResponse:
            self.asked.append(request.path_qs)
            found = json.loads(body)
            if request.query.get("from"):
                found["hits"]["hits"] = []
            return web.json_response(found)

    server = Search([])
    now = datetime(2025, 1, 30, tzinfo=UTC)
    (first,) = read(server, now, query='"going concern"')
    assert len(server.asked) == 2
    assert "startdt=2025-01-22&enddt=2025-01-29" in server.asked[0]  # as New York counts its days
    assert len(first.told) == len({one["_source"]["adsh"] for one in captured}) == 83
    documents = [one.document for one in first.told]
    assert all(document.published_precision in ("day", None) for document in documents)
    assert {"MAQC", "DJT"} <= {symbol for document in documents for symbol in document.source_symbols}
    assert not [document.title for document in documents if document.title.startswith("Polar Asset")]
    (second,) = read(server, now + timedelta(days=1), state=first.state, query='"going concern"')
    assert "startdt=2025-01-27" in server.asked[2]
    assert {one.document.content_hash for one in second.told} == {one.document.content_hash for one in first.told}


@pytest.mark.parametrize("config", [{}, {"cik": "42"}, {"query": "fraud"}])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 403, "text": "Undeclared Automated Tool"}, FetchError),
        ({"status": 503, "text": "<html>"}, FetchError),
        ({"status": 200, "text": "<html>", "content_type": "text/html"}, ParseError),
        ({"status": 200, "text": "null", "content_type": "application/json"}, ParseError),
        ({"status": 200, "text": "{}", "content_type": "application/json"}, ParseError),
    ],
)
def test_what_is_no_answer(answer: dict[str, Any], kind: type[IngestError], config: dict[str, Any]) -> None:
    server = Server([])
    server.answer = answer
    (error,) = read(server, NOW, **config)
    assert isinstance(error, kind)
    if answer["status"] == 403:
        assert "ingest.contact" in str(error)
        assert error.retry_after == 600


def test_refused_without_a_contact_and_by_its_keys() -> None:
    assert "ingest.contact" in (Edgar(name="e").off(IngestSettings()) or "")
    assert "ingest.contact" in (Edgar(name="e").off(IngestSettings(contact="Ann")) or "")
    assert Edgar(name="e").off(IngestSettings(contact=CONTACT)) is None
    for wrong in ({"cik": "x"}, {"cik": "1", "query": "x"}, {"query": " "}, {"forms": ("",)}):
        with pytest.raises(ValueError, match=r"^[a-z]+: "):
            Edgar(name="e", **wrong).check()


def test_one_pace_for_all() -> None:
    limiter = Limiter(50)
    begin = time.monotonic()

    async def run() -> None:
        await asyncio.gather(*(limiter.turn() for _ in range(11)))

    asyncio.run(run())
    assert 0.2 <= time.monotonic() - begin < 2


def test_tickers_by_cik(tmp_path: Path) -> None:
    theirs, ours, none = tmp_path / "company_tickers.json", tmp_path / "ours.csv", tmp_path / "none.csv"
    theirs.write_text(
        '{"0": {"cik_str": 42, "ticker": "ACM", "title": "Acme"}, "1": {"cik_str": 42, "ticker": "ACM-B"}}'
    )
    ours.write_text("symbol,name,CIK\nacm,Acme,42\n,Nobody,43\n")
    none.write_text("a,b\n1,2\n")
    assert read_symbols(str(theirs)) == read_symbols(str(ours)) == {"0000000042": "ACM"}
    with pytest.raises(IngestError, match="no company"):
        read_symbols(str(none))
    (polled,) = read(Server([entry(1)]), NOW, symbols=str(theirs))
    assert polled.told[0].document.source_symbols == ("ACM",)
