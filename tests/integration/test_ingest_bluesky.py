"""Bluesky's stream against a server that behaves as Jetstream v2 is documented: the replay list, point by point."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jetstream_server import POSTS, START, Jetstream

from ingest.base import Polled
from ingest.documents.authors import pseudonym
from ingest.feeds.list import Sources
from ingest.intake import Intake
from ingest.run import IngestLoop
from ingest.social.bluesky.jetstream import OVERLAP, read_position
from ingest.social.bluesky.search import Search
from ingest.social.bluesky.source import BlueskyStreamer
from riskwire import wire
from riskwire.clock import ManualClock, SystemClock
from riskwire.errors import AddressRefused, FetchError, IngestError
from riskwire.identity import document_id
from riskwire.ports import SearchQuery, SourceState
from riskwire.settings import IngestSettings, StreamSettings
from riskwire.testing import KeywordScorer, MemoryLog, UpperCaseLinker
from riskwire.types import Document
from stream.local import Processor
from stream.sqlite.storage import Storage

KEY = b"key of the test"
NOW = START + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.social.firehose._LINGER", 0.05)
    monkeypatch.setattr("ingest.social.bluesky.source._TICK", 0.02)


class Listening:
    """A streamer, a log behind it, and what the loop does in between: emitted → taken → state kept."""

    def __init__(self, *servers: Jetstream, silence: float = 5.0, **search: Any) -> None:
        self.servers = servers
        self.search = {"cashtags": ("*",), "languages": ("en",)} | search
        self.silence = silence
        self.log = MemoryLog()
        self.clock = ManualClock(NOW)
        self.intake = Intake(self.log, self.log, self.clock)
        self.emitted: list[Polled] = []
        self.state = SourceState(name="b")
        self.fail_on_emit: Exception | None = None
        self.stop = asyncio.Event()
        self.source: BlueskyStreamer | None = None

    def make(self) -> BlueskyStreamer:
        search = Search(name="b", hosts=tuple(server.base for server in self.servers), **self.search)
        search.check()
        settings = IngestSettings(allow_private_addresses=True, timeout=3)
        return BlueskyStreamer(search, settings, KEY, "run", clock=self.clock, silence=self.silence)

    async def emit(self, polled: Polled) -> None:
        self.emitted.append(polled)
        await self.intake.take(polled.told, polled.said, polled.gone, source="b")
        if self.fail_on_emit is not None:
            error, self.fail_on_emit = self.fail_on_emit, None
            raise error
        self.state = polled.state

    async def until(self, done: Callable[[], bool], within: float = 60.0) -> IngestError | None:
        """Run one connection until this is so; the error that it ended with, if it did."""
        self.source = self.source or self.make()
        self.stop = asyncio.Event()
        running = asyncio.create_task(self.source.run(self.state, self.emit, self.stop))
        end = time.monotonic() + within
        while not running.done() and not done():
            assert time.monotonic() < end, f"it did not happen: {[one.title for one in self.documents]}"
            await asyncio.sleep(0.02)
        self.stop.set()
        try:
            await running
        except IngestError as error:
            return error
        return None

    async def fails(self) -> IngestError:
        error = await self.until(lambda: False)
        assert error is not None
        return error

    @property
    def documents(self) -> list[Document]:
        return [wire.decode(entry.value, Document) for entry in self.log.read(10_000)]

    @property
    def titles(self) -> list[str]:
        return [one.title for one in self.documents]

    def has(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.documents) >= count


def play(scenario: Callable[..., Awaitable[None]], *servers: Jetstream, **search: Any) -> Listening:
    """Run the scenario with a listener on these servers."""

    async def run() -> Listening:
        async with AsyncExitStack() as stack:
            for server in servers:
                await stack.enter_async_context(server.serving())
            listening = Listening(*servers, **search)
            await scenario(listening)
            return listening

    return asyncio.run(run())


def ids(documents: Sequence[Document]) -> list[tuple[str, int]]:
    return [(one.id, one.revision) for one in documents]


# --- what is taken, and how it is told


def test_a_post() -> None:
    async def scenario(listening: Listening) -> None:
        (server,) = listening.servers
        text = "Hé @ann.bsky.social 🚀 $tsla and $AAPL to the moon #Stocks 📈"
        start = len(text[: text.index("@")].encode())
        mention = {
            "index": {"byteStart": start, "byteEnd": start + len("@ann.bsky.social")},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:ann"}],
        }
        tag = {
            "index": {"byteStart": 0, "byteEnd": 1},
            "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "EV"}],
        }
        server.post(text, "3k1", record={"facets": [mention, tag]})
        listening.state = resumed(server)
        assert await listening.until(listening.has(1)) is None

    (document,) = play(scenario, Jetstream()).documents
    assert document.title == "Hé @user 🚀 $tsla and $AAPL to the moon #Stocks 📈"
    assert document.id == document_id("bluesky", guid="at://did:plc:jo/app.bsky.feed.post/3k1")
    assert (document.publisher, document.source_type, document.source) == ("bluesky", "social", "b")
    assert (document.source_symbols, document.tags, document.language) == (("TSLA", "AAPL"), ("EV", "Stocks"), "en")
    assert document.authors == (pseudonym(KEY, "bluesky", "did:plc:jo"),)
    assert document.link is None
    assert document.published_at == START + timedelta(seconds=1)
    sent = wire.encode(document).decode()
    assert not [name for name in ("did:", "ann", "jo", "3k1") if name in sent.replace(document.id, "")]


def test_only_what_is_wanted_is_taken() -> None:
    server = Jetstream()
    server.post("nothing of interest", "1")
    server.post("$TSLA in German", "2", record={"langs": ["de"]})
    server.post("$TSLA of no language", "3", record={"langs": None})
    server.post("the Fed raises rates", "4")
    server.post("Federal holiday", "5")
    server.post("tagged beside its text", "6", record={"tags": ["Stocks"]})
    server.add("commit", operation="create", collection="app.bsky.feed.like", rkey="7", record={"subject": {}}, cid="c")
    server.post("$NVDA is last", "8")

    async def scenario(listening: Listening) -> None:
        listening.state = SourceState(name="b", cursor=json.dumps({"host": listening.servers[0].base, "seq": 1}))
        await listening.until(lambda: "$NVDA is last" in listening.titles)

    found = play(scenario, server, keywords=("fed",), hashtags=("#stocks",))
    assert found.titles == ["$TSLA of no language", "the Fed raises rates", "tagged beside its text", "$NVDA is last"]


def test_the_stream_is_asked_for_as_documented() -> None:
    server = Jetstream()

    async def scenario(listening: Listening) -> None:
        server.post("$A", "1")
        await listening.until(lambda: server.connections > 0)

    play(scenario, server)
    assert server.queries == [{"collections": "app.bsky.feed.post"}]
    assert server.protocols == ["xrpc.v1.json"]


# --- 1 reconnects: duplicates, order


def resumed(server: Jetstream, seq: int = 1) -> SourceState:
    at = datetime.fromisoformat(server.events[0]["time"]).isoformat()
    return SourceState(name="b", cursor=json.dumps({"host": server.base, "seq": seq, "at": at}))


def test_the_cursor_is_inclusive_and_what_comes_twice_is_taken_once() -> None:
    server = Jetstream()
    for number in range(5):
        server.post(f"$TSLA {number}", str(number))

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(5))
        position = read_position(listening.state.cursor)
        assert (position.host, position.seq, position.lost) == (server.base, 5, 0)
        server.post("$TSLA 5", "5")
        await listening.until(listening.has(6))
        assert server.queries[-1]["cursor"] == "5"
        listening.source = None  # a restart: nothing but the state is left
        server.post("$TSLA 6", "6")
        await listening.until(listening.has(7))

    found = play(scenario, server)
    assert found.titles == [f"$TSLA {number}" for number in range(7)]
    assert {one.revision for one in found.documents} == {1}


def test_another_host_is_asked_by_time_with_an_overlap() -> None:
    one, two = Jetstream(first=1000), Jetstream(first=1)
    for server in (one, two):
        for number in range(3):
            server.post(f"$TSLA {number}", str(number))
    one.error = "ConsumerTooSlow"

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(one, 1000)
        error = await listening.fails()
        assert "ConsumerTooSlow" in str(error)
        listening.state = SourceState(
            name="b",
            cursor=json.dumps({"host": one.base, "seq": 1002, "at": (START + timedelta(seconds=3)).isoformat()}),
        )
        two.post("$TSLA 3", "3")
        await listening.until(lambda: "$TSLA 3" in listening.titles)

    found = play(scenario, one, two)
    wanted = START + timedelta(seconds=3) - OVERLAP
    assert int(two.queries[0]["cursor"]) == wanted.timestamp() * 1e6
    assert sorted(set(found.titles)) == [f"$TSLA {number}" for number in range(4)]
    assert {revision for _, revision in ids(found.documents)} == {1}
    assert len(set(ids(found.documents))) == len(found.documents)
    assert read_position(found.state.cursor).host == two.base


def test_an_old_version_that_comes_again_corrects_nothing() -> None:
    server = Jetstream()
    server.post("$TSLA first", "1")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(1))
        server.post("$TSLA second", "1", operation="update")
        await listening.until(listening.has(2))
        listening.state = resumed(server)
        server.post("$TSLA other", "2")
        await listening.until(listening.has(3))

    found = play(scenario, server)
    assert [(one.title, one.revision) for one in found.documents] == [
        ("$TSLA first", 1),
        ("$TSLA second", 2),
        ("$TSLA other", 1),
    ]


# --- 2 a crash between the log and the cursor


def test_a_crash_between_append_and_cursor_loses_and_doubles_nothing() -> None:
    server = Jetstream()
    for number in range(4):
        server.post(f"$TSLA {number}", str(number))

    async def scenario(listening: Listening) -> None:
        listening.state = before = resumed(server)
        listening.fail_on_emit = IngestError("the process was killed here")
        assert await listening.fails()
        assert listening.state == before
        assert listening.documents
        await listening.until(listening.has(4))

    found = play(scenario, server)
    assert found.titles == [f"$TSLA {number}" for number in range(4)]


def test_a_batch_that_could_not_be_stored_comes_again() -> None:
    server = Jetstream()
    server.post("$TSLA 0", "0")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        took, listening.intake.take = listening.intake.take, _refuse  # type: ignore[method-assign]
        assert await listening.fails()
        assert listening.documents == []
        listening.intake.take = took  # type: ignore[method-assign]
        await listening.until(listening.has(1))

    play(scenario, server)


async def _refuse(*_: Any, **__: Any) -> Any:
    raise IngestError("the log is not there")


# --- 3 edits and deletions


def test_edits_are_revisions_and_deletions_removals() -> None:
    server = Jetstream()
    server.post("$TSLA as it was", "1")
    server.post("$TSLA stays", "2")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(2))
        server.post("$TSLA edited", "1", operation="update")
        await listening.until(listening.has(3))
        server.delete("1")
        server.delete("unheard-of")
        await listening.until(listening.has(4))
        # Late: the same post once more, from a host that is behind.
        server.post("$TSLA as it was", "1", cid="cid-other")
        server.post("$TSLA last", "3")
        await listening.until(lambda: "$TSLA last" in listening.titles)

    found = play(scenario, server).documents
    assert [(one.title, one.revision, one.removed) for one in found] == [
        ("$TSLA as it was", 1, False),
        ("$TSLA stays", 1, False),
        ("$TSLA edited", 2, False),
        ("", 3, True),
        ("$TSLA last", 1, False),
    ]
    assert found[2].updated_at is not None
    assert found[3].id == found[0].id


def test_an_edit_into_something_unwanted_takes_the_old_text_away() -> None:
    server = Jetstream()
    server.post("$TSLA", "1")
    server.post("changed my mind", "1", operation="update")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(lambda: any(one.removed for one in listening.documents))

    play(scenario, server)


def test_a_deletion_before_its_post_keeps_it_out() -> None:
    server = Jetstream()
    server.delete("1")
    server.post("$TSLA deleted already", "1")
    server.post("$TSLA there", "2")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(1))

    assert play(scenario, server).titles == ["$TSLA there"]


@pytest.mark.parametrize("status", ["deleted", "takendown", "suspended", "deactivated"])
def test_what_an_account_wrote_goes_with_it(status: str) -> None:
    server = Jetstream()
    server.post("$TSLA by jo", "1")
    server.post("$TSLA by ann", "1", did="did:plc:ann")
    server.post("$AAPL by jo", "2")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(3))
        server.account("did:plc:jo", False, status)
        await listening.until(listening.has(5))

    found = play(scenario, server).documents
    assert {one.id for one in found[3:]} == {found[0].id, found[2].id}
    assert all(one.removed and one.title == "" and one.authors == () for one in found[3:])


def test_an_account_that_the_hosts_have_trouble_with_keeps_its_posts() -> None:
    server = Jetstream()
    server.post("$TSLA by jo", "1")
    server.account("did:plc:jo", False, "throttled")
    server.account("did:plc:jo", False, "desynchronized")
    server.account("did:plc:jo", True)
    server.post("$TSLA last", "2")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(2))

    assert play(scenario, server).titles == ["$TSLA by jo", "$TSLA last"]


def test_an_account_that_goes_and_comes_back_in_one_batch() -> None:
    server = Jetstream()
    server.post("$TSLA before", "1")
    server.account("did:plc:jo", False, "deactivated")
    server.account("did:plc:jo", True)
    server.post("$TSLA afterwards", "2")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(3))

    found = play(scenario, server).documents
    assert [(one.title, one.removed) for one in found] == [
        ("$TSLA before", False),
        ("", True),
        ("$TSLA afterwards", False),
    ]


def test_the_loop_takes_the_stream_and_the_index_honours_what_goes(tmp_path: Path) -> None:
    server = Jetstream()

    async def run() -> None:
        with Storage(tmp_path / "riskwire.db", kind="live") as store:
            async with server.serving() as base:
                sources = Sources((Search(name="b", cashtags=("*",), hosts=(base,)),))
                settings = IngestSettings(allow_private_addresses=True)
                loop = IngestLoop(
                    settings, sources, store.log, store.log, store.sources, SystemClock(), "run", author_key=KEY
                )
                processor = Processor(
                    store.log, store.index, store.scored, KeywordScorer(), UpperCaseLinker(), SystemClock(),
                    StreamSettings(),
                )  # fmt: skip
                stop = asyncio.Event()
                tasks = [asyncio.create_task(loop.run(stop)), asyncio.create_task(processor.run(stop))]

                async def until(done: Callable[[], bool]) -> None:
                    async with asyncio.timeout(60):
                        while not done():
                            await asyncio.sleep(0.05)

                await until(lambda: server.connections > 0)
                server.post("Tesla $TSLA crash by jo", "1")
                server.post("Apple $AAPL beats by ann", "1", did="did:plc:ann")
                server.post("Nvidia $NVDA beats by bob", "1", did="did:plc:bob")
                await until(lambda: store.index.count(SearchQuery(status="scored")) == 3)
                server.delete("1")
                server.account("did:plc:ann", False, "deleted")
                await until(lambda: store.index.count(SearchQuery(status="removed")) == 2)
                stop.set()
                await asyncio.gather(*tasks)
                processor.close()
            assert store.index.count(SearchQuery(text="crash")) == store.index.count(SearchQuery(text="apple")) == 0
            assert store.index.count(SearchQuery(text="nvidia")) == 1
            gone = store.index.get(document_id("bluesky", guid="at://did:plc:jo/app.bsky.feed.post/1"))
            assert gone is not None
            assert (gone.title, gone.text, gone.authors, gone.symbols, gone.revision) == ("", "", (), (), 2)
            assert store.index.revisions(gone.id) == [gone]
            (state,) = store.sources.all()
            assert state.last_error is None
            assert read_position(state.cursor).host == base

    asyncio.run(run())


# --- 4 a cursor that is too old


def test_a_cursor_that_is_too_old_is_a_gap_that_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    server = Jetstream()
    server.post("$TSLA long ago", "1")
    server.pause(hours=40)
    server.post("$TSLA within reach", "2")
    server.floor = 2

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(1))

    found = play(scenario, server)
    assert found.titles == ["$TSLA within reach"]
    assert [int(query["cursor"]) >= 10**15 for query in server.queries] == [False, True]
    assert read_position(found.state.cursor).lost == 1
    said = capsys.readouterr()
    assert "stream_gap" in said.out + said.err


def test_a_clamped_time_is_a_gap_that_is_reported() -> None:
    server = Jetstream(first=50)
    server.post("$TSLA", "1")

    async def scenario(listening: Listening) -> None:
        at = (START - timedelta(minutes=3)).isoformat()
        listening.state = SourceState(name="b", cursor=json.dumps({"host": "ws://other", "seq": 7, "at": at}))
        await listening.until(listening.has(1))

    assert read_position(play(scenario, server).state.cursor).lost == 1


def test_a_host_that_says_nothing_of_what_it_leaves_out() -> None:
    server = Jetstream()
    server.pause(hours=2)
    server.post("$TSLA", "1")

    async def scenario(listening: Listening) -> None:
        listening.state = SourceState(
            name="b", cursor=json.dumps({"host": server.base, "seq": 1, "at": START.isoformat()})
        )
        await listening.until(listening.has(1))
        assert read_position(listening.state.cursor).lost == 1
        server.post("$TSLA 2", "2")
        await listening.until(listening.has(2))  # and it is told once

    assert read_position(play(scenario, server).state.cursor).lost == 1


# --- 5 silence, heartbeats


def test_a_silent_host_is_given_up_for_the_next() -> None:
    one, two = Jetstream(), Jetstream()
    one.silent = True

    async def scenario(listening: Listening) -> None:
        started = time.monotonic()
        error = await listening.fails()
        assert "sent nothing for 0.6 s" in str(error)
        assert time.monotonic() - started < 30
        running = asyncio.create_task(listening.until(listening.has(1)))
        while not two.connections:
            await asyncio.sleep(0.02)
        two.post("$TSLA", "1")
        await running

    play(scenario, one, two, silence=0.6)


def test_a_quiet_stream_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.social.firehose._LIFE", 0.1)
    server = Jetstream()
    for number in range(3):
        server.post("nothing of interest", str(number))

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(lambda: len(listening.emitted) > 0)

    found = play(scenario, server)
    assert found.emitted[0].outcome == "not_modified"
    assert read_position(found.state.cursor).seq == 3


def test_a_slow_disk_is_not_the_hosts_silence() -> None:
    server = Jetstream()
    server.post("$TSLA 1", "1")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        emit = listening.emit

        async def slowly(polled: Polled) -> None:
            await asyncio.sleep(0.7)
            await emit(polled)

        listening.emit = slowly  # type: ignore[method-assign]
        running = asyncio.create_task(listening.until(listening.has(2)))
        await asyncio.sleep(0.9)
        server.post("$TSLA 2", "2")
        assert await running is None

    play(scenario, server, silence=0.5)


# --- 6, 7 refusals and what is no stream


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "60"}, 60),
        (429, {"X-RateLimit-Reset": "30"}, 30),
        (429, {}, None),
        (503, {"Retry-After": "5"}, 5),
        (403, {}, None),
        (404, {}, None),
        (400, {}, None),
    ],
)
def test_refusals_carry_their_status_and_wait(status: int, headers: dict[str, str], wait: float | None) -> None:
    server = Jetstream()
    server.refusal = web.Response(status=status, headers=headers, text="<html>no</html>", content_type="text/html")

    async def scenario(listening: Listening) -> None:
        error = await listening.fails()
        assert isinstance(error, FetchError)
        assert (error.status, error.retry_after) == (status, wait)

    play(scenario, server)


def test_a_page_instead_of_a_stream_is_never_data() -> None:
    server = Jetstream()
    server.refusal = web.Response(text="<html>$TSLA</html>", content_type="text/html")

    async def scenario(listening: Listening) -> None:
        assert isinstance(await listening.fails(), FetchError)
        assert listening.emitted == []

    play(scenario, server)


def test_a_private_address_is_never_connected_to() -> None:
    server = Jetstream()

    async def scenario(listening: Listening) -> None:
        listening.source = BlueskyStreamer(
            Search(name="b", cashtags=("*",), hosts=(server.base, "ws://localhost:1")), IngestSettings(timeout=3), KEY
        )
        assert isinstance(await listening.fails(), AddressRefused)
        assert isinstance(await listening.fails(), AddressRefused)

    play(scenario, server)
    assert server.queries == []


# --- 9 what is not as it should be


def test_odd_frames_end_nothing() -> None:
    server = Jetstream()
    whole = {"$type": "message", "payload": {"$type": "x#commit", "seq": 1}}
    lone = {"$type": "x#commit", "did": "did:plc:jo", "collection": POSTS, "rkey": "0"}
    lone |= {"operation": "create", "record": {"text": "$TSLA \ud83d"}}
    server.raw = [
        "null",
        "[]",
        "{}",
        "no json",
        '{"$type":"message"}',
        '{"$type":"message","payload":null}',
        json.dumps(whole),
        json.dumps(whole | {"payload": {"$type": "network.bsky.jetstream.subscribeEvents#tomorrow", "seq": 1}}),
        json.dumps({"$type": "message", "payload": {"$type": "a#info", "name": "SomethingNew"}}),
        json.dumps({"$type": "message", "payload": {"$type": "a#account", "did": "did:plc:jo"}}),
        "[" * 5000,
        json.dumps(whole | {"payload": lone}),
    ]
    server.post("$TSLA", "1", record={"facets": [{"index": "no", "features": 5}]})
    server.post("$TSLA", "2", record={"text": 5})
    server.add("commit", operation="create", collection="app.bsky.feed.post", rkey="3", record=None)
    server.add("commit", operation="create", collection="app.bsky.feed.post", record={"text": "$TSLA without a key"})
    server.add("sync", sync={})
    server.add("identity", identity={"handle": "jo.bsky.social"})
    server.post("$TSLA last", "9")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(2))

    assert play(scenario, server).titles == ["$TSLA", "$TSLA last"]


def test_a_message_that_is_too_large_ends_the_connection() -> None:
    server = Jetstream()
    server.raw = ['"' + "x" * 2_000_000 + '"']

    async def scenario(listening: Listening) -> None:
        assert isinstance(await listening.fails(), FetchError)

    play(scenario, server)


# --- 10 times that nobody can have posted at


@pytest.mark.parametrize("claimed", ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "yesterday", "", None])
def test_the_hosts_time_counts_not_the_claim(claimed: str | None) -> None:
    server = Jetstream()
    server.post("$TSLA", "1", record={"createdAt": claimed})

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        await listening.until(listening.has(1))

    (document,) = play(scenario, server).documents
    assert (document.published_at, document.published_quality) == (START + timedelta(seconds=1), "stated")


# --- speed


def test_thousands_of_events_a_second() -> None:
    """A floor far below what one core does (see the report), so that a shared machine does not fail it."""
    server = Jetstream()
    for number in range(20_000):
        server.post(f"one of the many posts that nobody asked for, number {number} of them all", str(number))
    server.post("$TSLA at the end", "x")

    async def scenario(listening: Listening) -> None:
        listening.state = resumed(server)
        started = time.perf_counter()
        await listening.until(listening.has(1), within=60)
        assert 20_000 / (time.perf_counter() - started) > 1_000

    play(scenario, server)
