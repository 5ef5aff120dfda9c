"""Hashtag timelines, replayed by a local server from captured answers, and from invented ones where none were."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from ingest.feeds.list import Sources
from ingest.net.http import Fetcher
from ingest.run import IngestLoop
from ingest.social.mastodon.source import Hashtag, MastodonIngestor
from ingest.social.mastodon.timeline import LOOKS, PAGE, read_place
from riskwire import wire
from riskwire.clock import ManualClock
from riskwire.errors import FetchError, IngestError, ParseError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings
from riskwire.testing import MemoryLog
from riskwire.types import Document

CAPTURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "social" / "mastodon"
NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)
KEY = b"key of the test"

needs_captured = pytest.mark.skipif(
    not CAPTURED.is_dir() and os.environ.get("CI") != "true", reason=f"needs the captured answers in {CAPTURED}"
)


def status(number: int, content: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "id": str(1000 + number),
        "uri": f"https://social.example/users/jo/statuses/{1000 + number}",
        "created_at": "2026-08-02T11:00:00.000Z",
        "content": content or f"<p>Post {number} about $TSLA</p>",
        "visibility": "public",
        "language": "en",
        "account": {"id": "7", "acct": "jo", "username": "jo", "url": "https://social.example/@jo"},
        "tags": [{"name": "stocks"}],
    } | fields


class Server:
    """A Mastodon server with one timeline, as the API documents it."""

    def __init__(self, statuses: list[dict[str, Any]]) -> None:
        self.statuses = statuses
        self.headers: dict[str, str] = {"X-RateLimit-Remaining": "299"}
        self.requests: list[dict[str, str]] = []
        self.answer: web.Response | None = None
        self.looks: list[str] = []  # statuses asked for
        self.forgetful = False

    async def page(self, request: web.Request) -> web.Response:
        if request.path.startswith("/api/v1/statuses/"):
            self.looks.append(request.path.rpartition("/")[2])
            found = [one for one in self.statuses if one["id"] == self.looks[-1]]
            if found and not self.forgetful:
                return web.json_response(found[0])
            return web.json_response({"error": "Record not found"}, status=404)
        self.requests.append(dict(request.query))
        assert request.path == "/api/v1/timelines/tag/stocks"
        if self.answer is not None:
            return self.answer
        limit = min(int(request.query.get("limit", 20)), 40)
        newest_first = sorted(self.statuses, key=lambda one: -int(one["id"]))
        if "min_id" in request.query:
            above = [one for one in newest_first if int(one["id"]) > int(request.query["min_id"])]
            page = above[-limit:]
        else:
            page = newest_first[:limit]
        return web.json_response(page, headers=self.headers)


def serve(server: Server, scenario: Callable[[str], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        app = web.Application()
        app.router.add_get("/{path:.*}", server.page)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            return await scenario(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def polls(server: Server, *cursors: str | None, between: Callable[[], None] = lambda: None) -> list[Any]:
    """One poll a cursor given; "" continues from the poll before. Errors are answered, not raised."""

    async def scenario(base: str) -> list[Any]:
        found: list[Any] = []
        async with Fetcher(IngestSettings(allow_private_addresses=True, timeout=3)) as fetcher:
            source = MastodonIngestor(Hashtag(name="m", instance=base, hashtag="#stocks"), fetcher, KEY, "run")
            state = SourceState(name="m", url=source.url)
            for cursor in cursors:
                if cursor != "":
                    state = SourceState(name="m", url=source.url, cursor=cursor)
                try:
                    polled = await source.poll(state, NOW)
                    state = polled.state
                    found.append(polled)
                except IngestError as error:
                    found.append(error)
                between()
        return found

    return serve(server, scenario)  # type: ignore[no-any-return]


def top(polled: Any) -> int:
    """The highest id that was told."""
    return read_place(polled.state.cursor).top


def test_a_post() -> None:
    text = (
        "<p>Look <span class='h-card'><a href='https://social.example/@ann'>@<span>ann</span></a></span>: $tsla 🚀</p>"
    )
    (polled,) = polls(Server([status(1, text, mentions=[{"acct": "ann@a.example", "username": "ann"}])]), None)
    (document,) = [told.document for told in polled.told]
    assert document.title == "Look @user: $tsla 🚀"
    assert (document.publisher, document.source_type, document.source) == ("mastodon", "social", "m")
    assert (document.tags, document.source_symbols, document.language) == (("stocks",), ("TSLA",), "en")
    assert document.published_quality == "stated"
    assert document.link.endswith("/statuses/1001")
    assert len(document.authors[0]) == 32
    assert top(polled) == 1001
    sent = wire.encode(document).decode()
    assert not [name for name in ("jo", "ann", "social.example") if f'"{name}' in sent or f"@{name}" in sent]


def test_the_first_poll_takes_the_newest_page_only() -> None:
    server = Server([status(number) for number in range(100)])
    (polled,) = polls(server, None)
    assert polled.entries == PAGE
    assert len(server.requests) == 1
    assert top(polled) == 1099


def test_a_gap_larger_than_a_page_is_filled() -> None:
    server = Server([status(number) for number in range(200)])
    (polled,) = polls(server, "1020")
    told = [told.document.link.rpartition("/")[2] for told in polled.told]
    assert told == [str(1000 + number) for number in range(21, 200)]
    assert top(polled) == 1199


def test_a_gap_too_large_for_one_poll_is_filled_over_several() -> None:
    server = Server([status(number) for number in range(1000)])
    found = polls(server, "1001", "", "", "")
    links = {told.document.link for polled in found for told in polled.told}
    assert len(links) == 998
    assert top(found[-1]) == 1999


def test_out_of_order_and_nothing_new() -> None:
    server = Server([status(2), status(1)])
    first, second = polls(server, None, "")
    assert [told.document.id for told in first.told] == [told.document.id for told in second.told]
    assert top(second) == 1002


def test_engagement_and_reputation_are_kept_rounded() -> None:
    account = {
        "acct": "jo", "url": "https://social.example/@jo", "followers_count": 12_345, "statuses_count": 7,
        "following_count": -1, "created_at": "2024-08-02T00:00:00.000Z", "bot": False,
    }  # fmt: skip
    post = status(1, account=account, replies_count=3, reblogs_count=0, favourites_count=1234)
    (polled,) = polls(Server([post, status(2)]), None)
    first, second = (told.document for told in polled.told)
    assert first.engagement == {"replies": 3, "reposts": 0, "likes": 1234}
    assert first.author_reputation == {"followers": 12_000, "posts": 7, "age_days": 730}
    assert (second.engagement, second.author_reputation) == (None, None)


def test_likes_are_no_correction() -> None:
    log, server = MemoryLog(), Server([status(1, favourites_count=1)])

    async def scenario(base: str) -> None:
        for _ in range(2):
            await loop(base, log).once()
            server.statuses[0] = status(1, favourites_count=2)

    serve(server, scenario)
    assert log.depth() == 1


def loop(base: str, log: MemoryLog, clock: ManualClock | None = None) -> IngestLoop:
    tags = Sources((Hashtag(name="m", instance=base, hashtag="stocks"),))
    settings = IngestSettings(allow_private_addresses=True)
    return IngestLoop(settings, tags, log, log, log, clock or ManualClock(NOW), "r", author_key=KEY)


def removed(log: MemoryLog) -> list[Document]:
    return [one for one in (wire.decode(entry.value, Document) for entry in log.read(1000)) if one.removed]


def test_a_status_that_is_missing_from_the_page_is_asked_for_and_removed() -> None:
    log, server = MemoryLog(), Server([status(number) for number in range(5)])

    async def scenario(base: str) -> None:
        await loop(base, log).once()
        gone = server.statuses.pop(2)
        await loop(base, log).once()
        assert server.looks[0] == gone["id"]
        server.statuses.append(gone)  # a cache that is behind brings it once more
        await loop(base, log).once()

    serve(server, scenario)
    documents = [wire.decode(entry.value, Document) for entry in log.read(100)]
    assert [(one.removed, one.title, one.revision) for one in documents[5:]] == [(True, "", 2)]
    assert documents[5].id == documents[2].id


def test_every_status_is_asked_for_once_a_day() -> None:
    log, server, clock = MemoryLog(), Server([status(number) for number in range(60)]), ManualClock(NOW)

    async def scenario(base: str) -> None:
        await loop(base, log, clock).once()
        away = server.statuses.pop(22)  # far below the newest page by now
        server.statuses += [status(number) for number in range(100, 150)]
        for hours in range(30):
            clock.advance(timedelta(hours=hours % 2 + 1))
            await loop(base, log, clock).once()
        assert server.looks.count(away["id"]) == 1

    serve(server, scenario)
    assert len(removed(log)) == 1
    assert max(map(server.looks.count, server.looks)) <= 3


def test_a_server_that_knows_nothing_any_more_removes_nothing() -> None:
    log, server = MemoryLog(), Server([status(number) for number in range(5)])

    async def scenario(base: str) -> None:
        await loop(base, log).once()
        server.statuses.pop(2)
        server.forgetful = True
        await loop(base, log).once()

    serve(server, scenario)
    assert removed(log) == []
    assert len(server.looks) <= LOOKS + 1


def test_edits_are_corrections() -> None:
    log, server = MemoryLog(), Server([status(1), status(2)])

    async def scenario(base: str) -> None:
        for _ in range(3):
            tags = Sources((Hashtag(name="m", instance=base, hashtag="stocks"),))
            settings = IngestSettings(allow_private_addresses=True)
            await IngestLoop(settings, tags, log, log, log, ManualClock(NOW), "r", author_key=KEY).once()
            server.statuses[0] = status(1, "<p>Post 1, edited</p>", edited_at="2026-08-02T11:30:00.000Z")

    serve(server, scenario)
    documents = [wire.decode(entry.value, Document) for entry in log.read(100)]
    assert [(one.revision, one.title) for one in documents][2:] == [(2, "Post 1, edited")]
    assert documents[2].updated_at == datetime(2026, 8, 2, 11, 30, tzinfo=UTC)


def test_the_same_post_on_two_servers_is_one_story() -> None:
    one, two = (polls(Server([status(1, id=number)]), None)[0] for number in ("5", "9"))
    assert one.told[0].document.id == two.told[0].document.id
    assert one.told[0].document.authors == two.told[0].document.authors


def test_rate_limits() -> None:
    server = Server([status(number) for number in range(500)])
    server.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-08-02T12:02:00.000Z"}
    (polled,) = polls(server, "1001")
    assert polled.wait == 120
    assert len(server.requests) == 1
    assert top(polled) == 1001  # the gap is still to be filled
    server.answer = web.Response(status=429, headers={"Retry-After": "60"})
    (error,) = polls(server, None)
    assert isinstance(error, FetchError)
    assert error.retry_after == 60


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 401, "text": "{}"}, FetchError),
        ({"status": 200, "text": "<html>", "content_type": "text/html"}, ParseError),
        ({"status": 200, "text": "{}", "content_type": "application/json"}, ParseError),
        ({"status": 200, "text": "[null]", "content_type": "application/json"}, ParseError),
        ({"status": 200, "text": '[{"id": 5}]', "content_type": "application/json"}, ParseError),
    ],
)
def test_answers_that_are_no_timeline(answer: dict[str, Any], kind: type[IngestError]) -> None:
    server = Server([])
    server.answer = web.Response(**answer)
    (error,) = polls(server, None)
    assert isinstance(error, kind)


def test_what_is_not_public_is_left_out() -> None:
    posts = [status(1, visibility="private"), status(2, reblog={"id": "1"}), status(3, "<p></p>"), status(4)]
    (polled,) = polls(Server(posts), None)
    assert [told.document.link.rpartition("/")[2] for told in polled.told] == ["1004"]


def test_dates_that_no_post_has() -> None:
    posts = [status(1, created_at="1970-01-01T00:00:00.000Z"), status(2, created_at="2027-01-01T00:00:00.000Z")]
    (polled,) = polls(Server(posts), None)
    assert [told.document.published_quality for told in polled.told] == ["missing", "future"]
    assert all(told.document.event_time == NOW for told in polled.told)


def captured() -> dict[str, dict[str, Any]]:
    """Every status in the captured timelines, by id."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(CAPTURED.rglob("*.yaml")):
        for interaction in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["interactions"]:
            body = interaction["response"]["body"].get("string") or ""
            if "/timelines/" in interaction["request"]["uri"] and body.startswith("["):
                found |= {one["id"]: one for one in json.loads(body)}
    return found


@needs_captured
def test_captured_timelines() -> None:
    statuses = captured()
    assert len(statuses) >= 20
    server = Server(list(statuses.values()))
    first, again = polls(server, None, "")
    assert first.entries == min(len(statuses), PAGE)
    ids = [told.document.id for told in first.told]
    assert len(set(ids)) == len(ids) > 0
    assert [told.document.content_hash for told in again.told] == [told.document.content_hash for told in first.told]
    sent = "".join(wire.encode(told.document).decode() for told in first.told)
    people = {one["account"]["acct"] for one in statuses.values()} | {
        one["account"]["url"] for one in statuses.values()
    }
    assert not [name for name in people if f"@{name}" in sent or (len(name) > 6 and name in sent)]
