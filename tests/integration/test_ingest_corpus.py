"""Every captured feed: no exception but ParseError, each within its time; and forty of them, polled twice."""

import asyncio
import os
import re
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.feeds.feed import Feed
from ingest.feeds.list import Sources
from ingest.feeds.rss import tell
from ingest.formats.parse import ParserPool
from ingest.formats.reading import read_feed
from ingest.run import IngestLoop
from riskwire import wire
from riskwire.clock import SystemClock
from riskwire.errors import ParseError
from riskwire.settings import IngestSettings
from riskwire.testing import MemoryLog

CAPTURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "feeds"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.skipif(
    not CAPTURED.is_dir() and os.environ.get("CI") != "true", reason=f"needs the captured feeds in {CAPTURED}"
)


def cases() -> Iterator[tuple[str, bytes]]:
    for path in sorted(CAPTURED.rglob("*")):
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                for member in archive:
                    file = archive.extractfile(member)
                    if file is not None:
                        yield member.name, file.read()
        elif path.is_file() and path.name != "SOURCE.md":
            yield str(path.relative_to(CAPTURED)), path.read_bytes()


def test_every_captured_feed_is_read_or_refused() -> None:
    counts: Counter[str] = Counter()
    for name, body in cases():
        url = f"http://feeds.example.org/{name}"
        started = time.perf_counter()
        try:
            parsed = read_feed(body, url)
        except ParseError:
            counts["refused"] += 1
            continue
        for told in tell(Feed(name=name[:100], url=url), parsed, NOW):
            document = told.document
            assert wire.decode(wire.encode(document), type(document)) == document
            assert document.event_time <= NOW
            assert document.link is None or document.link.startswith(("http://", "https://"))
            assert "\x00" not in document.title + document.summary + document.content
            counts["documents"] += 1
        counts["read"] += 1
        assert time.perf_counter() - started < 5, name
    assert counts["read"] > 2_900
    assert counts["documents"] > 2_300


@pytest.mark.parametrize(
    "folder", ["financial-shapes", "crawinsight-financial", "nasdaqtrader", "sec-edgar/atom", "sec-edgar/rss"]
)
def test_financial_feeds_are_dated_and_told_apart(folder: str) -> None:
    for path in sorted((CAPTURED / folder).iterdir()):
        if path.suffix not in (".xml", ".rss"):
            continue
        body = path.read_bytes()
        if b"<urlset" in body[:500]:  # Bloomberg's capture is its sitemap
            with pytest.raises(ParseError, match="sitemap"):
                read_feed(body)
            continue
        parsed = read_feed(body, "http://feeds.example.org/x")
        told = [one.document for one in tell(Feed(name="f", url="http://feeds.example.org/x"), parsed, NOW)]
        assert told, path
        # One story of Google's is more than ten years old, which counts as undated.
        assert sum(document.published_quality == "missing" for document in told) <= len(told) / 100, path
        assert len({document.id for document in told}) == len(told), path


def test_forty_captured_feeds_polled_twice_add_nothing() -> None:
    files = sorted(CAPTURED.glob("**/*.xml"))
    files = [path for path in files if b"<item" in path.read_bytes() or b"<entry" in path.read_bytes()][:40]
    entries = sum(len(re.findall(rb"<(?:\w+:)?(?:item|entry)[\s>]", path.read_bytes())) for path in files)
    feeds = tuple(Feed(name=f"f{number}", url=path.as_uri()) for number, path in enumerate(files))
    log = MemoryLog()
    settings = IngestSettings(allow_local_files=True)

    async def poll() -> int:
        loop = IngestLoop(settings, Sources(feeds), log, log, log, SystemClock(), "run", author_key=b"k")
        outcomes = await loop.once()
        assert len(outcomes) == len(files)
        assert {outcome.outcome for outcome in outcomes} <= {"ok", "not_modified"}
        return sum(outcome.new for outcome in outcomes)

    first = asyncio.run(poll())
    assert 0.9 * entries <= first == log.depth() <= entries
    assert asyncio.run(poll()) == 0
    # … also when every one is read again in full
    for state in log.all():
        log.save(type(state)(name=state.name, url=state.url))
    assert asyncio.run(poll()) == 0
    assert log.depth() == first


def test_the_same_in_a_parser_process() -> None:
    async def run() -> None:
        async with ParserPool(10) as pool:
            for path in sorted((CAPTURED / "crawinsight-financial").glob("*.xml")):
                body = path.read_bytes()
                try:
                    expected = read_feed(body, path.as_uri())
                except ParseError:
                    continue
                assert await pool.parse(body, path.as_uri()) == expected

    asyncio.run(run())
