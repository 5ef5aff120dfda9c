"""Which entry is which story, and which were taken back."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.feeds.entryids import stable_guid
from ingest.feeds.feed import Feed
from ingest.feeds.rss import RssIngestor
from ingest.feeds.vanished import MOST, retracted
from ingest.formats.parsed import ParsedEntry, ParsedFeed
from ingest.net.http import Fetched
from riskwire.ports import SourceState

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("guid", "stable"),
    [
        (None, None),
        ("  ", None),
        (" abc ", "abc"),
        ("https://e.org/a?time=1789091644", "https://e.org/a"),
        ("https://e.org/a?id=1&utm_source=rss&utm_medium=feed", "https://e.org/a?id=1"),
        ("https://e.org/a?utm_source=x#item-3", "https://e.org/a#item-3"),
        ("https://e.org/a#item-3", "https://e.org/a#item-3"),
        ("https://E.org/a?B=1", "https://E.org/a?B=1"),
        ("tag:e.org,2026:?utm_source=x", "tag:e.org,2026:?utm_source=x"),
    ],
)
def test_a_guid_without_what_changes_at_every_fetch(guid: str | None, stable: str | None) -> None:
    assert stable_guid(guid) == stable


@pytest.mark.parametrize(
    ("before", "now", "known", "gone"),
    [
        ("abcde", "abcde", "", ""),
        ("abcde", "xabcd", "", ""),  # aged out at the old end
        ("abcde", "xabde", "", "c"),
        ("abcde", "bcde", "", ""),  # the newest: nothing newer stayed
        ("abcde", "xyace", "", "bd"),
        ("abcde", "abde", "c", "c"),
        ("abde", "abcde", "c", ""),  # told again
        ("abde", "xabd", "c", "c"),  # remembered
        ("abcde", "ebadx", "", ""),  # no timeline
        ("abcdefg", "ag", "", ""),  # made anew
        ("abcde", "vwxyz", "", ""),
        ("", "abc", "", ""),
    ],
)
def test_entries_that_were_taken_back(before: str, now: str, known: str, gone: str) -> None:
    assert "".join(retracted(before, now, tuple(known))) == gone


def test_not_everything_is_remembered_for_ever() -> None:
    known = tuple(map(str, range(MOST)))
    assert retracted(["a", "gone", "b"], ["a", "b"], known) == (*known[1:], "gone")


def test_a_feed_remembers_what_it_took_back() -> None:
    """Through the ingestor: three stories, then the middle one is missing, then it is back."""

    def entries(*names: str) -> ParsedFeed:
        return ParsedFeed(
            entries=tuple(ParsedEntry(title=name, guid=name, link=f"https://e.org/{name}") for name in names)
        )

    answers = iter([entries("c", "b", "a"), entries("d", "c", "a"), entries("d", "c", "b", "a")])

    class Fetcher:
        count = 0

        async def get(self, url: str, **_: Any) -> Fetched:
            self.count += 1
            return Fetched(url=url, body=b"%d" % self.count)

    class Parser:
        async def parse(self, *_: Any) -> ParsedFeed:
            return next(answers)

    ingestor = RssIngestor(Feed(name="f", url="https://e.org/rss"), Fetcher(), Parser())  # type: ignore[arg-type]
    state = SourceState(name="f", url="https://e.org/rss")
    first = asyncio.run(ingestor.poll(state, NOW))
    second = asyncio.run(ingestor.poll(first.state, NOW))
    third = asyncio.run(ingestor.poll(second.state, NOW))
    assert first.state.retracted == ()
    assert second.state.retracted == (first.told[1].document.id[:16],)
    assert third.state.retracted == ()
