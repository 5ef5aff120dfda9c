"""A fuzz of captured feeds, through the parser process: only ParseError, in time and memory. `make soak`: more.

And what of it the short way through a feed still reads, it reads as feedparser does.
"""

import asyncio
import os
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ingest.feeds.feed import Feed
from ingest.feeds.rss import tell
from ingest.formats.parse import ParserPool
from ingest.formats.parsed import ParsedFeed
from ingest.formats.quick import read_quickly
from ingest.formats.reading import read_feed
from riskwire import wire
from riskwire.errors import ParseError
from riskwire.types import MAX_DOCUMENT_BYTES

CAPTURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "feeds"
OWN = Path(__file__).resolve().parents[1] / "data" / "feeds"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOAK = os.environ.get("RISKWIRE_SOAK") == "1"
LARGEST = 200_000  # bytes of a seed: the larger ones only cost time
#: Of the processor: a machine that has other work to do makes no feed slower.
SECONDS, MEMORY = 10, 400 * 1024**2

#: What breaks parsers, put in anywhere.
NASTY = (
    b"<",
    b">",
    b"&",
    b"&#0;",
    b"&#xD800;",
    b"&nosuch;",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"-->",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"</item>",
    b"<item>",
    b"</entry>",
    b"<entry>",
    b"<item><item>",
    b"</channel>",
    b"</rss>",
    b"<rss>",
    b"<title/>",
    b"<link href=''/>",
    b"<guid isPermaLink='maybe'>",
    b"<source url='x'>",
    b"<content type='xhtml'>",
    b"<content type='application/octet-stream' mode='base64'>!!",
    b"<pubDate>99999999999999</pubDate>",
    b"<media:group>",
    b"<sa:symbol>",
    b"<ndaq:IssueSymbol>",
    b"<x:y xmlns:x='http://www.w3.org/2005/Atom'>",
    b"<!DOCTYPE rss [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>",
    b"<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'>",
    b"<?xml version='1.0' encoding='utf-7'?>",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<?xml-stylesheet href='x'?>",
    b"<script>",
    b"<svg onload=1>",
    b"\xe2\x80\xae",
    b"\xed\xa0\x80",
    b"{",
    b'{"version":"https://jsonfeed.org/version/1","items":[',
)
ENCODINGS = ("utf-16", "utf-16-be", "utf-32", "utf-7", "latin-1", "cp1252", "gb18030", "big5", "shift_jis", "cp037")


def seeds() -> list[bytes]:
    return sorted({body for body in _bodies() if 0 < len(body) <= LARGEST})


def _bodies() -> Iterator[bytes]:
    for folder in (OWN, CAPTURED):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.name.endswith(".tar.gz"):
                with tarfile.open(path) as archive:
                    yield from (file.read() for member in archive if (file := archive.extractfile(member)) is not None)
            elif path.suffix in (".xml", ".rss", ".atom", ".rdf", ".json"):
                yield path.read_bytes()


SEEDS = seeds()
PLACE = st.floats(0, 1, exclude_max=True)
MUTATION = st.one_of(
    st.tuples(st.just("cut"), PLACE, PLACE),
    st.tuples(st.just("flip"), PLACE, st.integers(0, 255)),
    st.tuples(st.just("put"), PLACE, st.sampled_from(NASTY)),
    st.tuples(st.just("repeat"), PLACE, st.integers(2, 2_000)),
    st.tuples(st.just("nest"), st.integers(1, 3_000), st.sampled_from([b"item", b"div", b"entry", b"a:b", b"title"])),
    st.tuples(st.just("encode"), st.sampled_from(ENCODINGS), st.booleans()),
    st.tuples(st.just("join"), st.integers(0, len(SEEDS) - 1), PLACE),
)


def mutate(body: bytes, mutations: list[tuple]) -> bytes:  # type: ignore[type-arg]
    for kind, one, two in mutations:
        if kind == "cut":
            first, last = sorted((int(one * len(body)), int(two * len(body))))
            body = body[:first] + body[last:] if last - first < len(body) // 2 else body[first:last]
        elif kind == "flip" and body:
            at = int(one * len(body))
            body = body[:at] + bytes([two]) + body[at + 1 :]
        elif kind == "put":
            at = int(one * len(body))
            body = body[:at] + two + body[at:]
        elif kind == "repeat":
            at = int(one * len(body))
            body = body[:at] + body[at : at + 80] * two + body[at + 80 :]
        elif kind == "nest":
            body = b"<rss><channel>" + (b"<" + two + b">") * one + body + (b"</" + two + b">") * (one // 2)
        elif kind == "encode":
            text = body.decode("utf-8", "replace").replace("utf-8", one if two else "utf-8")
            body = text.encode(one, "xmlcharrefreplace" if two else "replace")
        elif kind == "join":
            body = body[: int(two * len(body))] + SEEDS[one][:20_000]
        body = body[:LARGEST]
    return body  # fmt: skip


class Reader:
    """One loop and one pool for all examples: a process is started only when one is needed."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.pool = ParserPool(20 * SECONDS, size=1)
        self.read = self.refused = 0

    def parse(self, body: bytes) -> ParsedFeed | None:
        try:
            feed = self.loop.run_until_complete(self.pool.parse(body, "https://feeds.example.org/x"))
        except ParseError as error:
            if "took more than" in str(error) or "brought the parser down" in str(error):
                raise  # refused it may be, but neither for the clock nor for the process's death
            self.refused += 1
            return None
        self.read += 1
        return feed

    def resident(self) -> int:
        """Bytes of the parser process; 0 where there is none, or no /proc."""
        process = self._proc()
        return int((process / "statm").read_text().split()[1]) * 4096 if process is not None else 0

    def spent(self) -> tuple[str, float]:
        """Which process it is, and its processor time so far in seconds."""
        process = self._proc()
        if process is None:
            return "", 0.0
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return process.name, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _proc(self) -> Path | None:
        process = self.pool._free[-1]._process
        path = Path(f"/proc/{process.pid}") if process is not None else None
        return path if path is not None and path.exists() else None

    def close(self) -> None:
        self.loop.run_until_complete(self.pool.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    one = Reader()
    yield one
    one.close()
    print(f"fuzz: {one.read} read, {one.refused} refused")


@pytest.mark.timeout(3600 if SOAK else 300)
@settings(
    max_examples=10_000 if SOAK else 250,
    deadline=None,
    derandomize=not SOAK,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(seed=st.integers(0, len(SEEDS) - 1), mutations=st.lists(MUTATION, min_size=1, max_size=5))
def test_fuzz_of_captured_feeds(reader: Reader, seed: int, mutations: list[tuple]) -> None:  # type: ignore[type-arg]
    body = mutate(SEEDS[seed], mutations)
    before = reader.spent()
    parsed = reader.parse(body)
    after = reader.spent()
    assert after[1] - (before[1] if after[0] == before[0] else 0.0) < SECONDS
    assert reader.resident() < MEMORY
    if parsed is None:
        return
    for told in tell(Feed(name="f", url="https://feeds.example.org/x"), parsed, NOW):
        document = told.document
        assert len(document.id) == 32
        assert document.event_time <= NOW
        assert sum(len(text.encode()) for text in (document.title, document.summary, document.content)) <= (
            MAX_DOCUMENT_BYTES
        )
        assert wire.decode(wire.encode(document), type(document)) == document


@pytest.mark.timeout(3600 if SOAK else 300)
@settings(
    max_examples=5_000 if SOAK else 250,
    deadline=None,
    derandomize=not SOAK,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(seed=st.integers(0, len(SEEDS) - 1), mutations=st.lists(MUTATION, max_size=2))
def test_fuzz_of_the_short_way(seed: int, mutations: list[tuple]) -> None:  # type: ignore[type-arg]
    body = mutate(SEEDS[seed], mutations)
    found = read_quickly(body, "https://feeds.example.org/x", "application/xml")
    event("quick" if found is not None else "left to feedparser")
    if found is not None:
        url = "https://feeds.example.org/x"
        assert read_feed(body, url) == read_feed(body, url, quick=False)
