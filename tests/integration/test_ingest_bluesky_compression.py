"""Compressed streams: a real dictionary, one that was rotated, frames that are cut, bombs, and hosts without any."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from jetstream_server import START, Jetstream, a_dictionary

from ingest.base import Context, Polled
from ingest.formats.parse import ParserPool
from ingest.net.http import Fetcher
from ingest.social.bluesky.compression import Dictionary
from ingest.social.bluesky.search import Search
from ingest.social.bluesky.source import KIND, BlueskyStreamer
from riskwire.errors import FetchError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

SETTINGS = IngestSettings(allow_private_addresses=True, timeout=3)
DICTIONARY = a_dictionary()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.social.firehose._LINGER", 0.05)
    monkeypatch.setattr("ingest.social.bluesky.source._TICK", 0.02)


def listen(server: Jetstream, wanted: int, *, times: int = 1, **search: Any) -> tuple[list[str], list[str]]:
    """Titles that were told, and what each connection ended with, after as many connections as needed, or `times`."""

    async def run() -> tuple[list[str], list[str]]:
        titles: list[str] = []
        errors: list[str] = []
        async with server.serving() as base, Fetcher(SETTINGS) as fetcher, ParserPool(5, 1) as parser:
            context = Context(fetcher, parser, b"key", "run", SETTINGS)
            source = KIND.make(Search(name="b", cashtags=("*",), hosts=(base,), **search), context)
            assert isinstance(source, BlueskyStreamer)
            state = SourceState(name="b", cursor=json.dumps({"host": base, "seq": 1}))

            async def emit(polled: Polled) -> None:
                nonlocal state
                state = polled.state
                titles.extend(one.document.title for one in polled.told)

            for _ in range(times):
                stop = asyncio.Event()
                running = asyncio.create_task(source.run(state, emit, stop))
                await until(lambda now=running: now.done() or len(titles) >= wanted)
                stop.set()
                try:
                    await running
                except FetchError as error:
                    errors.append(str(error))
                if len(titles) >= wanted:
                    break
        return titles, errors

    return asyncio.run(run())


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():
            await asyncio.sleep(0.01)


def server_with(posts: int, dictionary: bytes | None = DICTIONARY) -> Jetstream:
    server = Jetstream(start=START)
    server.dictionary = dictionary
    for number in range(posts):
        server.post(f"$ACME rises {number} points today 📈", f"r{number}")
    return server


def test_the_same_posts_over_less_than_half_the_bytes() -> None:
    plain, packed = server_with(200), server_with(200)
    without, _ = listen(plain, 200, compress=False)
    titles, errors = listen(packed, 200)
    assert (titles, errors) == (without, [])
    assert len(titles) == 200
    assert plain.binary == 0
    size = sum(len(json.dumps({"$type": "message", "payload": event}).encode()) for event in packed.events)
    assert 0 < packed.binary < size / 2


def test_a_dictionary_that_was_rotated_is_done_without() -> None:
    server = server_with(3)
    server.known = a_dictionary(7)  # a cache before the host still hands out another
    titles, errors = listen(server, 3)
    assert len(titles) == 3
    assert errors == []
    assert [sorted(query) for query in server.queries] == [
        ["collections", "cursor", "zstdDictionary"],
        ["collections", "cursor"],
    ]


@pytest.mark.parametrize("known", [None, b"rubbish" * 99, b"<html>"])
def test_a_host_without_a_dictionary_is_read_plain(known: bytes | None) -> None:
    server = server_with(3, dictionary=None)
    server.known = known
    titles, errors = listen(server, 3)
    assert (len(titles), errors, server.binary) == (3, [], 0)


def test_frames_that_are_cut_cost_a_reconnect_and_nothing_else() -> None:
    server = server_with(3)
    server.spoil = True
    titles, errors = listen(server, 3, times=2)
    assert len(titles) == 3
    assert len(errors) == 1
    assert "can't be decompressed" in errors[0]
    assert "zstdDictionary" not in server.queries[-1]


@pytest.mark.parametrize("stated", [True, False])
def test_a_bomb_ends_at_the_cap(stated: bool) -> None:
    found = Dictionary(DICTIONARY)
    with_it = zstandard.ZstdCompressor(
        dict_data=zstandard.ZstdCompressionDict(DICTIONARY), write_content_size=stated
    )  # fmt: skip
    bomb = with_it.compress(bytes(200 * 1024 * 1024))
    assert len(bomb) < 100_000
    with pytest.raises(FetchError, match="decompressed"):
        found.text(bomb, "host")
    assert found.text(with_it.compress(b"{}"), "host") == b"{}"
