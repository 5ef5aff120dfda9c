"""Elements beyond RSS and Atom: filings, trading halts, tickers, media texts, true links, aggregators."""

from datetime import UTC, datetime

import pytest

from ingest.base import Told
from ingest.change import decide
from ingest.feeds.feed import Feed
from ingest.feeds.rss import tell
from ingest.formats.edgarfeed import filing_tags
from ingest.formats.parsed import ParsedEntry, ParsedFeed
from ingest.formats.reading import read_feed
from riskwire.ports import KnownStory
from riskwire.types import Document

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FEED = Feed(name="f", url="https://feeds.example.org/rss")


def rss(item: str, namespaces: str = "", channel: str = "") -> ParsedFeed:
    body = f"<rss version='2.0' {namespaces}><channel><title>t</title>{channel}{item}</channel></rss>"
    return read_feed(body.encode(), FEED.url)


def entry(item: str, namespaces: str = "") -> ParsedEntry:
    (found,) = rss(f"<item>{item}</item>", namespaces).entries
    return found


def stories(parsed: ParsedFeed) -> list[Document]:
    return [one.document for one in tell(FEED, parsed, NOW)]


# -- EDGAR

CURRENT = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Latest Filings</title>{entries}</feed>"""
FILED = """<entry><title>{form} - {name} ({cik}) ({role})</title>
<link rel="alternate" type="text/html" href="https://www.sec.gov/Archives/edgar/data/{n}/000/{number}-index.htm"/>
<summary type="html">&lt;b&gt;Filed:&lt;/b&gt; 2026-11-23 &lt;b&gt;AccNo:&lt;/b&gt; {number} &lt;b&gt;Size:&lt;/b&gt; 4
KB&lt;br&gt;Item 2.02: Results of Operations and Financial Condition&lt;br&gt;Item 9.01: Exhibits</summary>
<updated>2026-11-23T17:25:11-05:00</updated>
<category scheme="https://www.sec.gov/" label="form type" term="{form}"/>
<id>urn:tag:sec.gov,2008:accession-number={number}</id></entry>"""
NUMBER = "0001234567-26-000042"


def current(*roles: tuple[str, str, str], form: str = "8-K") -> ParsedFeed:
    entries = "".join(
        FILED.format(form=form, name=name, cik=cik, n=int(cik), role=role, number=NUMBER) for name, cik, role in roles
    )
    return read_feed(CURRENT.format(entries=entries).encode(), "https://www.sec.gov/cgi-bin/browse-edgar")


ACME, OWNER = ("ACME CORP", "0001234567", "Issuer"), ("DOE JANE", "0007654321", "Reporting")


def test_a_filing() -> None:
    (story,) = stories(current(ACME))
    assert story.title == "8-K - ACME CORP (0001234567) (Issuer)"
    assert story.summary == "Item 2.02: Results of Operations and Financial Condition Item 9.01: Exhibits"
    assert story.tags == ("8-K", "CIK0001234567", "Item 2.02", "Item 9.01")
    assert (story.source_type, story.publisher) == ("filing", "sec.gov")
    assert story.published_at == datetime(2026, 11, 23, 22, 25, 11, tzinfo=UTC)


def test_one_accession_in_several_roles_is_one_story_whatever_the_order() -> None:
    (one,), (other,) = stories(current(ACME, OWNER, form="4")), stories(current(OWNER, ACME, form="4"))
    assert one == other
    assert one.title.startswith("4 - ACME CORP")
    assert set(one.tags) >= {"4", "CIK0001234567", "CIK0007654321"}
    # Where the page ends between the roles: the same story, and no correction.
    (cut,) = tell(FEED, current(OWNER, form="4"), NOW)
    known = KnownStory(one.id, 1, one.content_hash, None)
    assert decide([cut], {one.id: known}, {}).unchanged == 1


def test_a_companys_own_feed_and_the_xbrl_feed_tell_the_same_filing() -> None:
    company = f"""<feed xmlns="http://www.w3.org/2005/Atom"><company-info><cik>0001234567</cik>
    <conformed-name>ACME CORP</conformed-name></company-info><title>ACME CORP (0001234567)</title><entry>
    <category label="form type" scheme="https://www.sec.gov/" term="8-K"/><content type="text/xml">
    <accession-number>{NUMBER}</accession-number><filing-type>8-K</filing-type></content>
    <id>urn:tag:sec.gov,2008:accession-number={NUMBER}</id>
    <link href="https://www.sec.gov/Archives/edgar/data/1234567/x-index.htm" rel="alternate" type="text/html"/>
    <title>8-K  - Current report</title><updated>2026-11-23T17:25:11-05:00</updated></entry></feed>"""
    xbrl = f"""<rss version="2.0"><channel><title>XBRL</title><item><title>ACME CORP (0001234567) (Filer)</title>
    <link>https://www.sec.gov/Archives/edgar/data/1234567/x-index.htm</link><guid>https://www.sec.gov/x-xbrl.zip</guid>
    <description>8-K</description><pubDate>Mon, 23 Nov 2026 17:25:11 EST</pubDate>
    <edgar:xbrlFiling xmlns:edgar="https://www.sec.gov/Archives/edgar"><edgar:formType>8-K</edgar:formType>
    <edgar:cikNumber>0001234567</edgar:cikNumber><edgar:accessionNumber>{NUMBER}</edgar:accessionNumber>
    </edgar:xbrlFiling></item></channel></rss>"""
    (one,), (two,), (three,) = stories(read_feed(company.encode())), stories(read_feed(xbrl.encode())), stories(
        current(ACME)
    )  # fmt: skip
    assert one.title == two.title == "8-K - ACME CORP (0001234567) (Filer)"
    assert one.summary == "Current report."
    assert one.tags == two.tags == ("8-K", "CIK0001234567")
    assert len({story.id for story in (one, two, three)}) == 1
    assert len({story.content_hash for story in (one, two, three)}) == 1
    assert one.published_at == two.published_at == three.published_at


def test_tags_of_a_filing() -> None:
    assert filing_tags("10-Q", ["320193", ""]) == ("10-Q", "CIK0000320193")


# -- trading halts

HALT = """<item><title>ACME</title><pubDate>{day} 04:00:00 GMT</pubDate><ndaq:HaltDate>{date}</ndaq:HaltDate>
<ndaq:HaltTime>{time}</ndaq:HaltTime><ndaq:IssueSymbol>ACME</ndaq:IssueSymbol>
<ndaq:IssueName>Acme Corp Cmn</ndaq:IssueName>
<ndaq:Market>NASDAQ</ndaq:Market><ndaq:ReasonCode>{code}</ndaq:ReasonCode>
<ndaq:ResumptionDate>{back}</ndaq:ResumptionDate>
<ndaq:ResumptionQuoteTime>{quote}</ndaq:ResumptionQuoteTime><ndaq:ResumptionTradeTime>{trade}</ndaq:ResumptionTradeTime>
<description>&lt;table&gt;&lt;tr&gt;&lt;td&gt;ACME&lt;/td&gt;&lt;/tr&gt;&lt;/table&gt;</description></item>"""
NDAQ = "xmlns:ndaq='http://www.nasdaqtrader.com/'"


def told_halt(date: str = "11/23/2026", time: str = "09:45:10", code: str = "LUDP", *back: str) -> list[Told]:
    day, quote, trade = back or ("", "", "")
    item = HALT.format(day="Mon, 23 Nov 2026", date=date, time=time, code=code, back=day, quote=quote, trade=trade)
    return tell(FEED, rss(item, NDAQ), NOW)


def halt(date: str = "11/23/2026", time: str = "09:45:10", code: str = "LUDP", *back: str) -> Document:
    (one,) = told_halt(date, time, code, *back)
    return one.document


def test_a_halt_is_readable_and_dated_by_new_yorks_clock() -> None:
    story = halt()
    assert story.title == "Trading halt: Acme Corp Cmn (ACME), volatility trading pause"
    assert story.summary == "Halted 2026-11-23 09:45:10 ET on NASDAQ: volatility trading pause (LUDP)."
    assert story.source_symbols == ("ACME",)
    assert story.tags == ("trading halt", "LUDP", "NASDAQ")
    assert (story.published_at, story.published_quality) == (datetime(2026, 11, 23, 14, 45, 10, tzinfo=UTC), "stated")
    summer = halt(date="07/06/2026")
    assert summer.published_at == datetime(2026, 7, 6, 13, 45, 10, tzinfo=UTC)


def test_a_resumption_is_the_next_revision_of_its_halt() -> None:
    back = ("11/23/2026", "09:45:10", "LUDP", "11/23/2026", "09:50:10", "09:55:10")
    halted, resumed = halt(), halt(*back)
    assert resumed.id == halted.id
    assert resumed.summary.endswith("Quotation resumes 2026-11-23 09:50:10 ET. Trading resumes 2026-11-23 09:55:10 ET.")
    assert resumed.updated_at == datetime(2026, 11, 23, 14, 55, 10, tzinfo=UTC)
    known = {halted.id: KnownStory(halted.id, 1, halted.content_hash, None)}
    assert [one.revision for one in decide(told_halt(*back), known, {}).corrected] == [2]
    assert decide(told_halt(), known, {}).unchanged == 1


def test_another_second_is_another_halt_and_an_unknown_code_is_told() -> None:
    assert halt(time="09:45:10").id != halt(time="10:02:00").id
    assert halt(code="ZZ9").title == "Trading halt: Acme Corp Cmn (ACME), ZZ9"


def test_a_halt_without_a_readable_clock_stays_an_entry() -> None:
    assert halt(time="soon").title == "ACME"


# -- tickers, media, Dublin Core


def test_every_ticker_of_seeking_alpha() -> None:
    found = entry(
        "<title>a</title><sa:stock><sa:symbol>AAPL</sa:symbol><sa:company_name>Apple</sa:company_name></sa:stock>"
        "<sa:stock><sa:symbol>BRK.B</sa:symbol></sa:stock><category>Tech</category>",
        "xmlns:sa='https://seekingalpha.com/api/1.0'",
    )
    assert (found.symbols, found.tags) == (("AAPL", "BRK.B"), ("Tech",))


def test_tickers_of_nasdaqs_articles_and_globenewswire() -> None:
    other_prefix = entry("<title>a</title><n:tickers>AMAT,AAPL</n:tickers>", "xmlns:n='https://www.nasdaq.com/'")
    assert other_prefix.symbols == ("AMAT", "AAPL")
    assert entry(
        "<title>a</title><nasdaq:tickers>AMAT, AAPL</nasdaq:tickers>", "xmlns:nasdaq='https://www.nasdaq.com/'"
    ).symbols == ("AMAT", "AAPL")
    found = entry("<title>a</title><category domain='https://www.globenewswire.com/rss/stock'>Paris:IPS</category>")
    assert (found.symbols, found.tags) == (("Paris:IPS",), ())


MEDIA = "xmlns:media='http://search.yahoo.com/mrss/'"


def test_media_texts_serve_only_who_has_no_other() -> None:
    caption = (
        "<media:content url='x'><media:title>A picture</media:title><media:description>Its caption</media:description>"
    )
    own = entry(f"<title>Oil rises</title><description>By 4%.</description>{caption}</media:content>", MEDIA)
    assert (own.title, own.summary, own.content) == ("Oil rises", "By 4%.", "")
    bare = entry(f"{caption}</media:content>", MEDIA)
    assert (bare.title, bare.summary) == ("A picture", "Its caption")


def test_dublin_core_and_content() -> None:
    found = entry(
        "<title>a</title><dc:creator>Ada</dc:creator><dc:subject>Bonds</dc:subject><dc:date>2026-11-23T10:00:00Z</dc:date>"
        "<description>Short</description><content:encoded>&lt;p&gt;Long text&lt;/p&gt;</content:encoded>",
        "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:content='http://purl.org/rss/1.0/modules/content/'",
    )
    assert (found.authors, found.tags, found.updated) == (("Ada",), ("Bonds",), "2026-11-23T10:00:00Z")
    assert (found.summary, found.content) == ("Short", "Long text")
    assert stories(ParsedFeed(entries=(found,)))[0].published_at == datetime(2026, 11, 23, 10, tzinfo=UTC)


# -- links and aggregators


@pytest.mark.parametrize(
    ("item", "link"),
    [
        ("<link>https://feedproxy.example/~r/1</link><feedburner:origLink>https://e.org/a</feedburner:origLink>",
         "https://e.org/a"),
        ("<link>https://e.org/b</link><feedburner:origLink>javascript:x</feedburner:origLink>", "https://e.org/b"),
        ("<link>https://www.google.com/url?rct=j&amp;url=https://e.org/c%3Fid%3D1&amp;ct=ga</link>", "https://e.org/c?id=1"),
        ("<link>https://www.google.com/url?rct=j&amp;url=file:///etc/passwd</link>",
         "https://www.google.com/url?rct=j&url=file:///etc/passwd"),
        ("<guid>https://e.org/d</guid>", "https://e.org/d"),
        ("<guid isPermaLink='false'>https://e.org/d</guid>", None),
    ],
)  # fmt: skip
def test_the_true_link(item: str, link: str | None) -> None:
    namespace = "xmlns:feedburner='http://rssnamespace.org/feedburner/ext/1.0'"
    assert entry(f"<title>a</title>{item}", namespace).link == link


def test_of_several_alternates_the_page_is_the_story() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>a</title>
    <link rel="alternate" type="application/json" href="https://e.org/a.json"/>
    <link rel="alternate" type="text/html" href="https://e.org/a"/>
    <link rel="alternate" type="application/pdf" href="https://e.org/a.pdf"/>
    <link rel="self" href="https://e.org/self"/></entry></feed>"""
    assert read_feed(body).entries[0].link == "https://e.org/a"


def test_google_news_names_the_publisher() -> None:
    parsed = rss(
        "<item><title>Oil rises - The Wire</title><link>https://news.google.com/rss/articles/C1?oc=5</link><guid>C1</guid>"
        "<source url='https://www.wire.example'>The Wire</source>"
        "<description>&lt;a href='x'&gt;Oil rises&lt;/a&gt; &lt;font&gt;The Wire&lt;/font&gt;</description></item>"
    )
    (story,) = stories(parsed)
    assert (story.title, story.summary, story.publisher) == ("Oil rises", "", "wire.example")
    assert story.link == "https://news.google.com/rss/articles/C1?oc=5"


def test_a_guid_does_not_move_with_its_feed() -> None:
    body = b"<rss version='2.0'><channel><item><title>a</title><guid>abc</guid></item></channel></rss>"
    assert read_feed(body, "http://a.example/1").entries[0].guid == "abc"
    assert read_feed(body, "https://b.example/2").entries[0].guid == "abc"
