"""A hashtag's stream, from a server that behaves as Mastodon's API is documented: the replay list."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from aiohttp import web

from ingest.base import Context, Polled
from ingest.formats.parse import ParserPool
from ingest.intake import Intake
from ingest.net.http import Fetcher
from ingest.social.mastodon.source import KIND, Hashtag, MastodonIngestor
from ingest.social.mastodon.stream import MastodonStreamer, streaming_base
from ingest.social.mastodon.timeline import read_place
from riskwire import log as riskwire_log
from riskwire import wire
from riskwire.clock import ManualClock
from riskwire.errors import FetchError, IngestError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings
from riskwire.testing import MemoryLog
from riskwire.types import Document

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)
TOKEN = "canary-token-0123456789"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.social.firehose._LINGER", 0.02)
    monkeypatch.setattr("ingest.social.mastodon.stream._TICK", 0.02)


def status(number: int, content: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "id": str(1000 + number),
        "uri": f"https://social.example/users/jo/statuses/{1000 + number}",
        "created_at": "2026-08-02T11:00:00.000Z",
        "content": content or f"<p>Post {number} about $TSLA</p>",
        "visibility": "public",
        "language": "en",
        "account": {"acct": "jo", "username": "jo", "url": "https://social.example/@jo"},
    } | fields


class Server:
    """One hashtag: `statuses` over REST, and what `send` writes to who listens."""

    def __init__(self) -> None:
        self.statuses: list[dict[str, Any]] = []
        self.rest = 0
        self.refuse_rest: web.Response | None = None
        self.refuse_stream: web.Response | None = None
        self.tokens: list[str | None] = []
        self.connections = 0
        self.listeners: list[asyncio.Queue[bytes | None]] = []
        self.streaming: str | None = "own"
        self.base = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization")
        match request.path:
            case "/api/v2/instance":
                assert token is None
                told = self.base.replace("http", "ws") if self.streaming == "own" else self.streaming
                return web.json_response({"configuration": {"urls": {"streaming": told}}})
            case "/api/v1/timelines/tag/stocks":
                self.tokens.append(token)
                return self._page(request)
            case "/api/v1/streaming/hashtag":
                self.tokens.append(token)
                assert request.query == {"tag": "stocks"}
                return self.refuse_stream or await self._stream(request)
        found = [one for one in self.statuses if request.path == f"/api/v1/statuses/{one['id']}"]
        return web.json_response(found[0]) if found else web.json_response({"error": "Record not found"}, status=404)

    def _page(self, request: web.Request) -> web.Response:
        self.rest += 1
        if self.refuse_rest is not None:
            return self.refuse_rest
        newest_first = sorted(self.statuses, key=lambda one: -int(one["id"]))
        if "min_id" in request.query:
            newest_first = [one for one in newest_first if int(one["id"]) > int(request.query["min_id"])][-40:]
        return web.json_response(newest_first[:40])

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.listeners.append(queue)
        self.connections += 1
        await response.write(b":)\n")
        while (data := await queue.get()) is not None:
            await response.write(data)
        return response

    def raw(self, data: bytes) -> None:
        for listener in self.listeners:
            listener.put_nowait(data)

    def send(self, event: str, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.raw(f"event: {event}\ndata: {text}\n\n".encode())

    def post(self, number: int, content: str = "", **fields: Any) -> None:
        self.statuses.append(status(number, content, **fields))
        self.send("update", self.statuses[-1])

    def hang_up(self) -> None:
        for listener in self.listeners:
            listener.put_nowait(None)
        self.listeners.clear()


class Listening:
    """A streamer, the log behind it, and what the loop does in between."""

    def __init__(self, server: Server, fetcher: Fetcher, settings: IngestSettings, silence: float) -> None:
        self.server = server
        self.log = MemoryLog()
        self.intake = Intake(self.log, self.log, ManualClock(NOW))
        self.emitted: list[Polled] = []
        self.fail_on_emit: Exception | None = None
        self.state = SourceState(name="m")
        self._make = lambda: MastodonStreamer(
            Hashtag(name="m", instance=server.base, hashtag="#stocks"), fetcher, settings, b"key", "run", TOKEN,
            clock=ManualClock(NOW), silence=silence,
        )  # fmt: skip
        self.source = self._make()

    def restart(self) -> None:
        self.source = self._make()

    async def emit(self, polled: Polled) -> None:
        await self.intake.take(polled.told, polled.said, polled.gone, source="m")
        if polled.told and self.fail_on_emit is not None:
            error, self.fail_on_emit = self.fail_on_emit, None
            raise error
        self.emitted.append(polled)
        self.state = polled.state

    async def until(self, done: Callable[[], bool], *steps: Callable[[], None]) -> IngestError | None:
        """One connection until this is so; the `steps` are done once it is open and caught up, a moment apart."""
        stop, before = asyncio.Event(), self.server.connections
        running = asyncio.create_task(self.source.run(self.state, self.emit, stop))
        end = time.monotonic() + 60
        todo = list(steps)
        while not running.done() and (todo or not done()):
            assert time.monotonic() < end, f"it did not happen: {self.told}"
            await asyncio.sleep(0.1)
            if todo and self.server.connections > before and self.server.rest:
                todo.pop(0)()
        stop.set()
        try:
            await running
        except IngestError as error:
            return error
        return None

    @property
    def documents(self) -> list[Document]:
        return [wire.decode(entry.value, Document) for entry in self.log.read(10_000)]

    @property
    def told(self) -> list[tuple[str, int]]:
        return [(one.title, one.revision) for one in self.documents]

    def has(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.documents) >= count


def play(scenario: Callable[[Listening, Server], Awaitable[None]], *, silence: float = 5) -> Listening:
    async def run() -> Listening:
        server = Server()
        app = web.Application()
        app.router.add_get("/{path:.*}", server.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        settings = IngestSettings(allow_private_addresses=True, timeout=3)
        try:
            async with Fetcher(settings) as fetcher:
                listening = Listening(server, fetcher, settings, silence)
                await scenario(listening, server)
                return listening
        finally:
            server.hang_up()
            await runner.cleanup()

    return asyncio.run(run())


def titles(*numbers: int) -> list[tuple[str, int]]:
    return [(f"Post {number} about $TSLA", 1) for number in numbers]


def test_posts_edits_and_deletions_as_they_come() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        error = await listening.until(
            listening.has(4),
            lambda: server.post(1),
            lambda: server.send("status.update", status(1, "<p>Post 1, edited</p>", edited_at="2026-08-02T11:30:00Z")),
            lambda: server.raw(b":thump\n\n"),
            lambda: server.post(2),
            lambda: server.send("delete", "1001"),
        )
        assert error is None

    found = play(scenario)
    assert found.told == [*titles(1), ("Post 1, edited", 2), *titles(2), ("", 3)]
    assert found.documents[3].removed
    assert found.documents[3].id == found.documents[0].id
    assert read_place(found.state.cursor).top == 1002


def test_what_a_pause_took_is_fetched_and_nothing_comes_twice() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        assert await listening.until(lambda: False, lambda: server.post(0), lambda: None, server.hang_up) is not None
        server.statuses += [status(number) for number in range(1, 101)]  # more than a page
        listening.restart()
        await listening.until(listening.has(102), lambda: server.post(101))
        server.statuses.append(status(102))
        await listening.until(listening.has(103), lambda: server.send("update", status(101)))

    found = play(scenario)
    assert found.told == titles(*range(103))


def test_a_post_between_the_stream_and_the_page_comes_once() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        server.statuses.append(status(1))
        await listening.until(listening.has(2), lambda: server.send("update", status(1)), lambda: server.post(2))

    assert play(scenario).told == titles(1, 2)


def test_a_crash_between_append_and_cursor_loses_and_doubles_nothing() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        server.statuses += [status(1), status(2)]
        listening.fail_on_emit = IngestError("the process was killed here")
        assert await listening.until(lambda: False) is not None
        assert listening.has(2)()
        assert read_place(listening.state.cursor).top == 0
        await listening.until(listening.has(3), lambda: server.post(3))

    assert play(scenario).told == titles(1, 2, 3)


def test_a_deletion_before_its_post_keeps_it_out_also_after_a_restart() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        await listening.until(
            listening.has(1),
            lambda: server.send("delete", "1001"),
            lambda: server.post(1),
            lambda: server.post(2),
        )
        listening.restart()
        await listening.until(listening.has(2), lambda: server.send("update", status(1)), lambda: server.post(3))

    assert play(scenario).told == titles(2, 3)


def test_a_deletion_of_what_is_long_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.social.mastodon.timeline.WATCHED", 2)

    async def scenario(listening: Listening, server: Server) -> None:
        server.statuses += [status(number) for number in range(6)]
        await listening.until(listening.has(7), lambda: server.send("delete", "1000"))

    found = play(scenario).documents
    assert (found[6].removed, found[6].id) == (True, found[0].id)


def test_a_gap_that_can_not_be_filled_yet_is_not_forgotten() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        server.statuses += [status(0)]
        await listening.until(listening.has(1))
        server.statuses += [status(1)]
        server.refuse_rest = web.Response(status=429, headers={"Retry-After": "3600"})
        await listening.until(listening.has(2), lambda: server.post(2))
        assert read_place(listening.state.cursor).top == 1000  # the stream told 1002, but 1001 is still missing
        server.refuse_rest = None
        await listening.until(listening.has(3))

    assert play(scenario).told == titles(0, 2, 1)


def test_a_silent_socket_is_given_up_and_heartbeats_keep_it() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        started = time.monotonic()
        error = await listening.until(lambda: False)
        assert "sent nothing for 0.8 s" in str(error)
        assert 0.7 < time.monotonic() - started < 30
        beats = [lambda: server.raw(b":thump\n")] * 15  # one each 0.1 s
        assert await listening.until(lambda: True, *beats) is None

    play(scenario, silence=0.8)


@pytest.mark.parametrize(
    ("code", "headers", "wait"),
    [
        (401, {}, None),
        (403, {}, None),
        (429, {"X-RateLimit-Reset": "2026-08-02T12:02:00.000Z"}, 0),  # past by now
        (429, {"Retry-After": "60"}, 60),
        (503, {}, None),
    ],
)
def test_refusals(code: int, headers: dict[str, str], wait: float | None) -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        server.refuse_stream = web.Response(status=code, headers=headers, text='{"error": "Not $TSLA"}')
        error = await listening.until(lambda: False)
        assert isinstance(error, FetchError)
        assert (error.status, error.retry_after) == (code, wait)
        assert TOKEN not in str(error)

    assert play(scenario).documents == []


def test_a_page_instead_of_a_stream_is_never_data() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        server.refuse_stream = web.Response(text="data: $TSLA\n\n", content_type="text/html")
        assert isinstance(await listening.until(lambda: False), FetchError)

    assert play(scenario).documents == []


def test_what_is_compressed_unasked_is_not_read() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        headers = {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}
        server.refuse_stream = web.Response(body=b"\x1f\x8b\x08cut", headers=headers)
        assert isinstance(await listening.until(lambda: False), FetchError)

    assert play(scenario).documents == []


def test_odd_events_end_nothing() -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        await listening.until(
            listening.has(1),
            lambda: server.send("update", "null"),
            lambda: server.send("update", "{}"),
            lambda: server.send("update", "no json"),
            lambda: server.send("update", {"id": 5}),
            lambda: server.send("something.new", "x"),
            lambda: server.send("delete", ""),
            lambda: server.raw(b"data\n\nid: 1\nretry: x\n\n\xff\xfe\n\n: \r\n\r\n"),
            lambda: server.send("update", status(1, visibility="private")),
            lambda: server.send("update", status(2, reblog={"id": "1"})),
            lambda: server.send("update", status(3, "<p></p>")),
            lambda: server.post(4),
        )

    assert play(scenario).told == titles(4)


@pytest.mark.parametrize(
    ("claimed", "quality"), [("1970-01-01T00:00:00.000Z", "missing"), ("2099-01-01T00:00:00Z", "future")]
)
def test_dates_that_no_post_has(claimed: str, quality: str) -> None:
    async def scenario(listening: Listening, server: Server) -> None:
        await listening.until(listening.has(1), lambda: server.post(1, created_at=claimed))

    (document,) = play(scenario).documents
    assert (document.published_quality, document.event_time) == (quality, NOW)


def test_a_line_without_end_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.net.streaming.MAX_MESSAGE", 10_000)

    async def scenario(listening: Listening, server: Server) -> None:
        error = await listening.until(lambda: False, lambda: server.raw(b"data: " + b"x" * 20_000))
        assert "larger than 10,000 bytes" in str(error)

    play(scenario)


def test_the_token_goes_to_its_host_alone_and_into_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    riskwire_log.configure("debug", "json")

    async def scenario(listening: Listening, server: Server) -> None:
        await listening.until(listening.has(1), lambda: server.post(1))
        server.refuse_rest = web.Response(status=500)
        await listening.until(lambda: True, lambda: None)
        server.refuse_stream = web.Response(status=401, text=TOKEN)
        assert TOKEN not in str(await listening.until(lambda: False))

    try:
        found = play(scenario)
    finally:  # the log was set up on this test's stderr
        structlog.reset_defaults()
        logging.getLogger().handlers[:] = before[0]
        logging.getLogger().setLevel(before[1])
    assert set(found.server.tokens) == {f"Bearer {TOKEN}"}
    said = capsys.readouterr()
    assert "gap_not_filled" in said.err
    assert TOKEN not in said.out + said.err + (found.state.cursor or "")


@pytest.mark.parametrize(
    ("told", "base", "found"),
    [
        ("wss://streaming.social.example", "https://social.example", "https://streaming.social.example"),
        ("https://s.social.example/", "https://social.example", "https://s.social.example"),
        ("ws://streaming.social.example", "https://social.example", "https://social.example"),
        (None, "https://social.example", "https://social.example"),
        ("javascript:alert(1)", "https://social.example", "https://social.example"),
        ("ws://127.0.0.1:4000", "http://127.0.0.1:3000", "http://127.0.0.1:4000"),
    ],
)
def test_where_it_streams(told: str | None, base: str, found: str) -> None:
    assert streaming_base(told, base) == found


def test_only_the_instance_of_the_token_is_streamed() -> None:
    async def run() -> None:
        settings = IngestSettings(mastodon_token=TOKEN, mastodon_token_host="Social.Example")
        async with Fetcher(settings) as fetcher, ParserPool(1) as parser:
            context = Context(fetcher, parser, b"k", "run", settings)
            made = {
                instance: KIND.make(Hashtag(name="m", instance=instance, hashtag="x", **more), context)
                for instance, more in (
                    ("social.example", {}),
                    ("other.example", {}),
                    ("https://social.example/", {"stream": False}),
                )
            }
        assert isinstance(made["social.example"], MastodonStreamer)
        assert isinstance(made["other.example"], MastodonIngestor)
        assert made["other.example"]._timeline._headers is None
        assert isinstance(made["https://social.example/"], MastodonIngestor)

    asyncio.run(run())
