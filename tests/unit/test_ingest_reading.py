"""Bytes → ParsedFeed: shapes of real feeds in our own words, and what is no feed."""

from pathlib import Path

import pytest

from ingest.formats.reading import read_feed
from riskwire.errors import ParseError
from riskwire.types import MAX_DOCUMENT_BYTES

DATA = Path(__file__).resolve().parent.parent / "data" / "feeds"


def test_rss() -> None:
    feed = read_feed((DATA / "wire.rss").read_bytes(), "https://wire.example/rss")
    assert (feed.version, feed.title, feed.link, feed.language) == (
        "rss20",
        "Example Wire & Co",
        "https://wire.example/",
        "en-gb",
    )
    assert feed.ttl == 300
    first, second, third = feed.entries
    assert first.title == "Harbour Mills raises outlook"
    assert first.summary == "Sales rose 4%. Shares climbed."
    assert first.content == "Sales rose 4% in the quarter. Full text."
    assert (first.guid, first.link) == ("hm-1", "https://wire.example/hm-1")
    assert first.published == "Sun, 08 Mar 2026 22:16 GMT"
    assert (first.authors, first.tags, first.symbols) == (("Ada Example",), ("Retail",), ("HMLS",))
    assert second.title == "alert in a title"  # the script is gone, the word stays
    assert second.link == "javascript:alert(1)"  # dropped where stories are made
    assert (third.title, third.via) == ("Bank falls - Other Daily", "Other Daily")


def test_atom() -> None:
    (entry,) = read_feed((DATA / "notes.atom").read_bytes(), "https://notes.example/feeds/all.atom").entries
    assert (entry.title, entry.link) == ("Rates & bonds", "https://notes.example/rates")
    assert (entry.published, entry.updated) == ("2026-03-08T22:16:00+01:00", "2026-03-08T23:00:00+01:00")
    assert (entry.summary, entry.content) == ("One and two.", "")


@pytest.mark.parametrize(
    "served", [None, "text/xml", "text/html", "text/xml; charset=iso-8859-1", "application/rss+xml"]
)
def test_utf8_without_a_declaration_is_read_as_such_whatever_the_server_says(served: str | None) -> None:
    body = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>Grüne Anleihen — 央行</title>
    <category term="Märkte"/></entry></feed>"""
    (entry,) = read_feed(body.encode(), "https://x.example/", served).entries
    assert (entry.title, entry.tags) == ("Grüne Anleihen — 央行", ("Märkte",))


def test_a_declared_or_served_charset_is_believed_where_the_bytes_are_not_utf8() -> None:
    text = "<rss version='2.0'><channel><item><title>Märkte</title></item></channel></rss>"
    declared = f"<?xml version='1.0' encoding='iso-8859-1'?>{text}".encode("latin-1")
    assert read_feed(declared).entries[0].title == "Märkte"
    assert read_feed(text.encode("latin-1"), "", "text/xml; charset=iso-8859-1").entries[0].title == "Märkte"
    chinese = text.replace("Märkte", "央行维持利率不变")
    assert read_feed(chinese.encode("gb18030"), "", "text/xml; charset=gb18030").entries[0].title == "央行维持利率不变"
    assert read_feed(chinese.encode("utf-16")).entries[0].title == "央行维持利率不变"


def test_authors_are_names() -> None:
    body = """<rss version='2.0'><channel><item><title>a</title><author>ada@example.org (Ada Example)</author></item>
    <item><title>b</title><author>Bo Example (mailto:bo@example.org)</author></item></channel></rss>"""
    assert [entry.authors for entry in read_feed(body.encode()).entries] == [("Ada Example",), ("Bo Example",)]


def test_json_feed() -> None:
    feed = read_feed((DATA / "notes.json").read_bytes(), "https://notes.example/feed.json")
    assert feed.version == "json11"
    first, second = feed.entries
    assert (first.guid, first.title, first.summary, first.content) == (
        "1",
        "Copper slips",
        "Short.",
        "Copper slipped 2%.",
    )
    assert (second.guid, second.title, second.summary, second.link) == ("2", "", "Only text.", None)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"<!DOCTYPE html><html><head><title>Blocked</title></head><body>no</body></html>", "HTML"),
        (b"<!---->" * 500 + b"<!-- x --><html>", "HTML"),
        (b"<html lang=en><body><p>Please enable JavaScript", "HTML"),
        (b"\x00\x01\x02" * 100, "binary"),
        (b"\x1f\x8b\x08" + bytes(range(256)), "not a feed"),
        (b"hello", "not a feed"),
        (b'{"items": []}', "no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "without items"),
        (b"{broken", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"<?xml version='1.0'?><note><to/></note>", "not a feed"),
        (b"<?xml version='1.0'?><urlset><url/></urlset>", "sitemap"),
        (b"<opml version='2.0'><body/></opml>", "OPML"),
        (b"<rss><channel><title>cut o", "broken XML"),
    ],
)
def test_what_is_no_feed(body: bytes, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        read_feed(body, "https://x.example/")


def test_long_texts_are_cut_where_they_are_read() -> None:
    body = (
        b"<rss version='2.0'><channel><item><description>" + b"x" * 1_000_000 + b"</description></item></channel></rss>"
    )
    assert len(read_feed(body).entries[0].summary) == MAX_DOCUMENT_BYTES + 1


def test_an_empty_channel_is_a_feed() -> None:
    assert read_feed(b"<rss version='2.0'><channel><title>quiet</title></channel></rss>").entries == ()


def test_what_is_broken_but_has_entries_is_read() -> None:
    feed = read_feed(b"<rss version='2.0'><channel><item><title>A & B</title></item><item><title>C</title></channel>")
    assert [entry.title for entry in feed.entries] == ["A & B", "C"]
    assert feed.flaw


def test_outside_entities_are_not_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    body = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}">]><rss><channel><item><title>t &x;</title></item>'
    body += "</channel></rss>"
    assert "the secret" not in repr(read_feed(body.encode()))


def test_a_body_is_never_taken_for_an_address() -> None:
    with pytest.raises(ParseError):
        read_feed(b"http://127.0.0.1:9/feed")
    with pytest.raises(ParseError):
        read_feed(b"/etc/passwd")


def test_an_element_that_bears_the_name_of_a_list_is_none() -> None:
    """feedparser keeps it under that name, where its own list would be."""
    traps = "".join(f"<{name}>x</{name}>" for name in ("links", "authors", "sa_symbol_all"))
    (entry,) = read_feed(
        f"<rss version='2.0'><channel><item><title>A</title>{traps}</item></channel></rss>".encode()
    ).entries
    assert (entry.title, entry.link, entry.authors, entry.symbols) == ("A", None, (), ())


SY = "http://purl.org/rss/1.0/modules/syndication/"


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("<ttl>15</ttl>", 900),
        ("<ttl>15</ttl><sy:updatePeriod>daily</sy:updatePeriod>", 900),
        ("<sy:updatePeriod> daily </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", 6 * 3600),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", 1800),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>", None),  # WordPress
        ("<sy:updatePeriod>Weekly</sy:updatePeriod>", 7 * 86400),
        ("<sy:updateFrequency>24</sy:updateFrequency>", 3600),
        ("<sy:updatePeriod>often</sy:updatePeriod><sy:updateFrequency>-1</sy:updateFrequency>", None),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 86400),
        ("<ttl>soon</ttl>", None),
        ("", None),
    ],
)
def test_the_pace_that_a_feed_asks_for(said: str, seconds: float | None, quick: bool) -> None:
    body = f"<rss version='2.0' xmlns:sy='{SY}'><channel><title>t</title>{said}</channel></rss>"
    assert read_feed(body.encode(), quick=quick).ttl == seconds
