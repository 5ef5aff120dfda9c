"""Feeds → stories: whose they are, which they are, when they were."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from ingest.feeds.feed import Feed
from ingest.feeds.rss import tell
from ingest.formats.parsed import ParsedEntry, ParsedFeed
from riskwire.identity import document_id
from riskwire.types import MAX_DOCUMENT_BYTES, Document

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
FEED = Feed(name="wire", url="https://feeds.example.org/rss")


def told(*entries: dict[str, Any], feed: Feed = FEED, **parsed: Any) -> list[Document]:
    found = ParsedFeed(entries=tuple(ParsedEntry(**entry) for entry in entries), **parsed)
    return [one.document for one in tell(feed, found, NOW, "run-1")]


def ids(*entries: dict[str, Any], **more: Any) -> list[str]:
    return [document.id for document in told(*entries, **more)]


def test_a_whole_story() -> None:
    (document,) = told(
        {"guid": "g1", "link": "https://www.example.org/a?utm_source=rss", "title": "Oil rises", "summary": "By $XOM.",
         "content": "Long.", "authors": ("Jo",), "tags": ("energy", "energy"),
         "published": "Sun, 08 Mar 2026 22:16:00 GMT", "updated": "2026-03-08T23:00:00Z"},
        language="en-US",
    )  # fmt: skip
    assert document == Document(
        id=document_id("example.org", guid="g1"),
        source="wire",
        publisher="example.org",
        run_id="run-1",
        feed_url=FEED.url,
        link="https://www.example.org/a?utm_source=rss",
        title="Oil rises",
        summary="By $XOM.",
        content="Long.",
        authors=("Jo",),
        language="en-us",
        tags=("energy",),
        source_symbols=("XOM",),
        published_at=datetime(2026, 3, 8, 22, 16, tzinfo=UTC),
        published_quality="stated",
        published_precision="second",
        updated_at=datetime(2026, 3, 8, 23, 0, tzinfo=UTC),
        seen_at=NOW,
        event_time=datetime(2026, 3, 8, 22, 16, tzinfo=UTC),
        content_hash=document.content_hash,
    )


def test_the_publisher_is_the_links_host_else_the_feeds() -> None:
    assert told({"title": "a", "link": "https://www.other.example/x"})[0].publisher == "other.example"
    assert told({"title": "a"})[0].publisher == "feeds.example.org"
    local = Feed(name="f", url="file:///tmp/f.xml")
    assert told({"title": "a"}, feed=local, link="https://home.example/")[0].publisher == "home.example"
    assert told({"title": "a"}, feed=local)[0].publisher == ""


def test_two_local_files_without_links_are_kept_apart() -> None:
    one, two = (Feed(name=name, url=f"file:///tmp/{name}.xml") for name in ("one", "two"))
    assert ids({"guid": "1", "title": "a"}, feed=one) != ids({"guid": "1", "title": "a"}, feed=two)


def test_the_same_story_of_two_feeds_is_one() -> None:
    entry = {"guid": "g1", "link": "https://example.org/a", "title": "a"}
    assert ids(entry) == ids(entry, feed=Feed(name="b", url="https://elsewhere.example/rss"))


def test_one_guid_for_all_gives_way_to_the_links() -> None:
    entries = [{"guid": "same", "link": f"https://example.org/{n}", "title": f"t{n}"} for n in range(3)]
    assert ids(*entries) == [document_id("example.org", link=entry["link"]) for entry in entries]
    # … and without links to the texts
    assert len(set(ids(*[{"guid": "same", "title": f"t{n}"} for n in range(3)]))) == 3


def test_the_same_entry_twice_keeps_its_guid() -> None:
    entry = {"guid": "g1", "link": "https://example.org/a", "title": "a"}
    assert ids(entry, entry) == [document_id("example.org", guid="g1")] * 2


def test_a_link_that_all_share_is_no_identity() -> None:
    entries = [{"link": "https://example.org/news", "title": f"t{n}"} for n in range(3)]
    assert len(set(ids(*entries))) == 3
    found = tell(FEED, ParsedFeed(entries=tuple(ParsedEntry(**entry) for entry in entries)), NOW)  # type: ignore[arg-type]
    assert [one.link for one in found] == [None] * 3


def test_a_home_page_is_no_identity() -> None:
    for link in ("https://example.org", "https://example.org/", "https://example.org/?utm_source=x"):
        (found,) = tell(FEED, ParsedFeed(entries=(ParsedEntry(title="a", link=link),)), NOW)
        assert found.link is None
        assert found.document.link == link


def test_nasdaqs_guid_changes_at_every_fetch() -> None:
    base = "https://www.nasdaq.com/articles/stocks"
    assert ids({"guid": f"{base}?time=1789091644", "link": base, "title": "a"}) == ids(
        {"guid": f"{base}?time=1789095555", "link": base, "title": "a"}
    )


def test_one_filing_listed_for_each_of_its_companies() -> None:
    guid = "urn:tag:sec.gov,2008:accession-number=0001104659-26-057704"
    rows = [("X CORP (0000000001) (Filer)", "1"), ("Y FUND (0000000002) (Filed by)", "2")]
    entries = [
        {"guid": guid, "link": f"https://www.sec.gov/{n}", "title": f"8-K - {title}", "tags": ("8-K", f"CIK{n}"),
         "record": True, "version": guid, "source_type": "filing"}
        for title, n in rows
    ]  # fmt: skip
    first, again = told(*entries), told(*reversed(entries))
    assert len(first) == len(again) == 1
    assert (first[0].id, first[0].content_hash, first[0].title) == (again[0].id, again[0].content_hash, again[0].title)
    assert first[0].title == "8-K - X CORP (0000000001) (Filer)"
    assert first[0].tags == ("8-K", "CIK1", "CIK2")
    # … and the same when the page ends between the two: no correction of what was told before
    (cut,) = told(entries[1])
    assert (cut.id, cut.content_hash) == (first[0].id, first[0].content_hash)


def test_entries_without_any_text_are_left_out() -> None:
    assert ids({"guid": "1", "link": "https://example.org/1"}) == []
    assert len(ids({"guid": "1", "summary": "only this"}, {"guid": "2", "content": "or this"})) == 2


def test_titles_as_publishers_write_them() -> None:
    assert told({"title": ": Shares fall"})[0].title == "Shares fall"
    assert told({"title": "Shares fall - The Wire", "via": "The Wire"})[0].title == "Shares fall"
    assert told({"title": "Shares fall - The Wire"})[0].title == "Shares fall - The Wire"


def test_hostile_links_are_dropped() -> None:
    document = told({"guid": "1", "title": "a", "link": "javascript:alert(1)"})[0]
    assert (document.link, document.publisher) == (None, "feeds.example.org")


def test_symbols() -> None:
    assert told({"title": "$AAPL and $m", "symbols": ("ROCC",)})[0].source_symbols == ("ROCC", "AAPL")
    page = {"title": "a", "link": "https://seekingalpha.com/article/1", "tags": ("ORCL", "Tech")}
    assert told(page)[0].source_symbols == ("ORCL",)


def test_dates_that_are_missing_fall_back_to_updated() -> None:
    document = told({"title": "a", "published": "Invalid Date", "updated": "2026-03-08T23:00:00Z"})[0]
    assert (document.published_at, document.updated_at) == (datetime(2026, 3, 8, 23, 0, tzinfo=UTC), None)
    undated = told({"title": "a"})[0]
    assert (undated.published_at, undated.published_quality, undated.event_time) == (None, "missing", NOW)


def test_the_feeds_zone_is_used() -> None:
    feed = msgspec.structs.replace(FEED, zone="America/New_York")
    assert told({"title": "a", "published": "2026-03-01 10:00:00"}, feed=feed)[0].published_at == datetime(
        2026, 3, 1, 15, 0, tzinfo=UTC
    )


def test_a_language_of_one_zone_tells_the_clock_where_nothing_else_does() -> None:
    raw = {"title": "a", "published": "2026-03-08 22:16:00"}
    assert told(raw, language="zh-CN")[0].published_at == datetime(2026, 3, 8, 14, 16, tzinfo=UTC)
    assert told(raw, language="ja")[0].published_at == datetime(2026, 3, 8, 13, 16, tzinfo=UTC)
    assert told(raw, language="en-US")[0].published_at == datetime(2026, 3, 8, 22, 16, tzinfo=UTC)
    central = {"title": "a", "published": "Sun, 08 Mar 2026 22:16:00 CST"}
    assert told(central, language="zh-cn")[0].published_at == datetime(2026, 3, 8, 14, 16, tzinfo=UTC)
    # what is configured is stronger
    feed = msgspec.structs.replace(FEED, zone="America/Chicago")
    assert told(central, feed=feed, language="zh-cn")[0].published_at == datetime(2026, 3, 9, 4, 16, tzinfo=UTC)


def test_long_texts_are_cut_and_say_so() -> None:
    document = told({"title": "é" * 20_000, "summary": "x" * 300_000, "content": "y" * 300_000})[0]
    size = sum(len(text.encode()) for text in (document.title, document.summary, document.content))
    assert size <= MAX_DOCUMENT_BYTES
    assert document.truncated
    assert not told({"title": "short"})[0].truncated
