"""The short way through a feed says what feedparser says, or nothing: every captured feed, served in several ways."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.formats.parsed import ParsedFeed
from ingest.formats.quick import read_quickly
from ingest.formats.reading import read_feed
from riskwire.errors import ParseError

ROOT = Path(__file__).resolve().parents[2]
CAPTURED = ROOT.parent / "shared" / "data" / "feeds"
OWN = ROOT / "tests" / "data" / "feeds"
SERVED = (None, "text/xml", "application/rss+xml; charset=utf-8", "text/html", "application/atom+xml; charset=latin-1")


def read(body: bytes, url: str, served: str | None, *, quick: bool) -> ParsedFeed | str:
    try:
        return read_feed(body, url, served, quick=quick)
    except ParseError as error:
        return str(error)


def captured() -> Iterator[tuple[str, bytes, str, str | None]]:
    """Name, bytes, address and content type: each suite's feeds as it serves them, every feed in one of our ways."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import conformance
    finally:
        sys.path.pop(0)
    for case in conformance.cases():
        url = case.headers.get("content-location", "http://example.com/feed")
        yield case.name, case.body, url, case.headers.get("content-type")
    paths = [path for path in sorted(CAPTURED.rglob("*")) if path.suffix in (".xml", ".rss", ".atom", ".rdf")]
    for number, path in enumerate(paths):
        yield str(path), path.read_bytes(), path.as_uri(), SERVED[number % len(SERVED)]


@pytest.mark.skipif(
    not CAPTURED.is_dir() and os.environ.get("CI") != "true", reason=f"needs the captured feeds in {CAPTURED}"
)
def test_every_captured_feed_is_read_alike() -> None:
    counts: Counter[str] = Counter()
    for name, body, url, served in captured():
        found = read_quickly(body, url, served or "application/xml")
        counts["quick" if found is not None else "left to feedparser"] += 1
        assert read(body, url, served, quick=True) == read(body, url, served, quick=False), (name, served)
    assert counts["quick"] > counts["left to feedparser"], counts


@pytest.mark.parametrize("path", sorted(OWN.glob("*.[ra]*")), ids=lambda path: path.name)
@pytest.mark.parametrize("served", SERVED)
def test_our_own_feeds_are_read_alike(path: Path, served: str | None) -> None:
    body = path.read_bytes()
    assert read(body, "https://e.org/f", served, quick=True) == read(body, "https://e.org/f", served, quick=False)


RSS = b"""<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>Wire</title>
<atom:link href="https://e.org/f" rel="self"/><link>https://e.org/</link><description>News</description><image>
<url>/i.png</url><title>Logo</title><link>https://e.org/</link></image><item><title>Oil rises</title><link>/a</link>
<description><![CDATA[<p>It <b>rose</b></p>]]></description><dc:creator>Ada</dc:creator><category>Energy</category>
<media:group><media:content url="a.jpg"/><media:title>Rig</media:title></media:group></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB"><title>Notes</title><id>urn:1</id><entry>
<title type="html">Rates &amp;amp; bonds</title><link href="/rates"/><id>urn:2</id><author><name>Ada</name>
<email>a@e.org</email></author><updated>2026-03-08T22:16:00Z</updated><content type="html">One</content></entry>
</feed>"""
RDF = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel
rdf:about="https://e.org/"><title>Old</title><items><rdf:Seq><rdf:li rdf:resource="https://e.org/1"/></rdf:Seq></items>
</channel><item rdf:about="https://e.org/1"><title>One</title><link>https://e.org/1</link></item></rdf:RDF>"""


@pytest.mark.parametrize("body", [RSS, ATOM, RDF], ids=["rss", "atom", "rdf"])
def test_the_common_kinds_take_the_short_way(body: bytes) -> None:
    found = read_quickly(body, "https://e.org/f", "application/xml")
    assert found is not None
    assert len(found.entries) == 1
    assert read_feed(body, "https://e.org/f") == read_feed(body, "https://e.org/f", quick=False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Oil rises", b"Oil & rises"),
        (b"Oil rises", b"Oil <b>rises</b>"),
        (b"<rss ", b"<!DOCTYPE rss><rss "),
        (b"<item>", b"<item xml:base='https://x.org/'>"),
        (b"<item>", b"<item><item/>"),
        (b"xmlns:dc='http://purl.org/dc/elements/1.1/'", b""),
        (b"<dc:creator>", b"<dc:creator xmlns:dc='urn:other'>"),
        (b"</item>", b"<date>2026-03-08</date></item>"),
        (b"</item>", b"<content type='xhtml'/></item>"),
        (b"</item>", b"<m:x xmlns:m='urn:other' xmlns:media='urn:other'/></item>"),
        (b"</channel></rss>", b""),
        (b"utf-8", b"shift-jis\xff"),
    ],
)
def test_what_is_not_sure_is_left_to_feedparser(old: bytes, new: bytes) -> None:
    body = RSS.replace(old, new) if old in RSS else RSS.replace(b"<dc:creator>Ada</dc:creator>", b"<zz:a>x</zz:a>")
    assert read_quickly(body, "https://e.org/f", "application/xml") is None
    assert read(body, "https://e.org/f", None, quick=True) == read(body, "https://e.org/f", None, quick=False)
