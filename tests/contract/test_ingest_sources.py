"""What every polled source promises, whatever it is made of. A new one joins by a line in SOURCES."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from ingest.base import Context, Ingestor
from ingest.feeds.feed import Feed
from ingest.feeds.rss import RssIngestor
from ingest.formats.parse import ParserPool
from ingest.net.headers import LONGEST_WAIT
from ingest.net.http import Fetcher
from ingest.social.hackernews import Front, HackerNewsIngestor
from ingest.social.mastodon.source import Hashtag, MastodonIngestor
from ingest.social.reddit.source import RedditIngestor, Subreddit
from ingest.social.stocktwits import StocktwitsIngestor, Symbol
from ingest.social.twitter.source import Search, TwitterIngestor
from riskwire import wire
from riskwire.errors import FetchError, IngestError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
FEED = b"""<rss version="2.0"><channel><title>t</title>
<item><guid>1</guid><link>https://a.example/1</link><title>One &lt;script&gt;x&lt;/script&gt;</title></item>
<item><guid>2</guid><link>javascript:alert(1)</link><title>Two</title><pubDate>1772979360</pubDate></item></channel></rss>"""
LISTING = {
    "access_token": "token",
    "data": {
        "children": [
            {"data": {"name": "t3_1", "title": "One", "created_utc": 1773050400}},
            {"data": {"name": "t3_2", "title": "<script>x</script>Two", "created_utc": None}},
        ],
    },
}
SEARCH = {
    "data": [{"id": "1", "text": "One"}, {"id": "2", "text": "<script>x</script>Two"}],
    "meta": {"newest_id": "2", "oldest_id": "1", "result_count": 2},
}
TIMELINE = [
    {"id": "1", "uri": "https://a.example/1", "content": "<p>One</p>", "created_at": "2026-03-09T11:00:00Z"},
    {"id": "2", "uri": "https://a.example/2", "content": "<script>x</script>Two", "created_at": None},
]


def context(fetcher: Fetcher, parser: ParserPool) -> Context:
    return Context(fetcher, parser, b"key", "run", IngestSettings())


MESSAGES = {
    "messages": [
        {"id": 2, "body": "<script>x</script>Two", "created_at": None, "user": {"id": 1, "username": "u"}},
        {"id": 1, "body": "One", "created_at": "2026-03-09T11:00:00Z", "user": {"id": 1, "username": "u"}},
    ]
}
ITEMS = {
    "maxitem": 2,
    "updates": {"items": [], "profiles": []},
    "item/1": {"id": 1, "type": "story", "title": "One", "time": 1773050400},
    "item/2": {"id": 2, "type": "story", "title": "<script>x</script>Two"},
}


def item(request: web.Request) -> web.Response:
    return web.json_response(ITEMS[request.path.removeprefix("/v0/").removesuffix(".json")])


Make = Callable[[str, Fetcher, ParserPool], Ingestor]
SOURCES: dict[str, tuple[Make, Callable[[web.Request], web.Response]]] = {
    "rss": (
        lambda base, fetcher, parser: RssIngestor(Feed(name="s", url=base + "/feed"), fetcher, parser, "run"),
        lambda _: web.Response(body=FEED, content_type="application/rss+xml"),
    ),
    "mastodon": (
        lambda base, fetcher, parser: MastodonIngestor(
            Hashtag(name="s", instance=base, hashtag="x"), fetcher, b"key", "run"
        ),
        lambda _: web.json_response(TIMELINE),
    ),
    "reddit": (
        lambda base, fetcher, parser: RedditIngestor(
            Subreddit(name="s", subreddit="x"), context(fetcher, parser), "id", "secret", site=base, api=base
        ),
        lambda _: web.json_response(LISTING),
    ),
    "twitter": (
        lambda base, fetcher, parser: TwitterIngestor(
            Search(name="s", query="x"), context(fetcher, parser), "token", api=base
        ),
        lambda _: web.json_response(SEARCH),
    ),
    "stocktwits": (
        lambda base, fetcher, parser: StocktwitsIngestor(
            Symbol(name="s", symbol="AAPL"), fetcher, b"key", "run", api=base
        ),
        lambda _: web.json_response(MESSAGES),
    ),
    "hackernews": (
        lambda base, fetcher, parser: HackerNewsIngestor(Front(name="s"), context(fetcher, parser), api=base),
        item,
    ),
}

pytestmark = pytest.mark.parametrize("kind", sorted(SOURCES))


def with_source(
    kind: str, scenario: Callable[[Ingestor], Awaitable[Any]], answer: Callable[[], web.Response] | None = None
) -> Any:
    make, good = SOURCES[kind]

    async def page(request: web.Request) -> web.Response:
        return answer() if answer else good(request)

    async def run() -> Any:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", page)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        settings = IngestSettings(allow_private_addresses=True, timeout=3)
        try:
            async with Fetcher(settings) as fetcher, ParserPool(10) as parser:
                base = f"http://127.0.0.1:{runner.addresses[0][1]}"
                return await scenario(make(base, fetcher, parser))
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def test_stories_are_whole_and_travel(kind: str) -> None:
    async def scenario(source: Ingestor) -> Any:
        return await source.poll(SourceState(name=source.name, url=source.url), NOW)

    polled = with_source(kind, scenario)
    assert polled.outcome == "ok"
    assert polled.entries == 2
    documents = [told.document for told in polled.told]
    assert sorted(document.title for document in documents) == ["One", "Two"]
    for document in documents:
        assert (document.source, document.origin, document.run_id, document.revision) == ("s", "live", "run", 1)
        assert (document.seen_at, len(document.id), len(document.content_hash)) == (NOW, 32, 32)
        assert document.event_time <= NOW
        assert document.link is None or document.link.startswith("http")
        assert wire.decode(wire.encode(document), type(document)) == document


def test_a_poll_changes_nothing_and_may_be_repeated(kind: str) -> None:
    async def scenario(source: Ingestor) -> None:
        state = SourceState(name=source.name, url=source.url)
        first, second = await source.poll(state, NOW), await source.poll(state, NOW)
        assert first == second
        assert state == SourceState(name=source.name, url=source.url)
        again = await source.poll(first.state, NOW)
        if again.outcome == "ok":  # a source may know the very same answer again
            assert {told.document.id for told in again.told} <= {told.document.id for told in first.told}

    with_source(kind, scenario)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 429, 500, 503])
def test_failures_are_ingest_errors_with_their_status(kind: str, status: int) -> None:
    async def scenario(source: Ingestor) -> FetchError:
        with pytest.raises(FetchError) as caught:
            await source.poll(SourceState(name=source.name, url=source.url), NOW)
        return caught.value

    error = with_source(kind, scenario, lambda: web.Response(status=status, headers={"Retry-After": "60"}))
    assert error.status == status
    if status in (429, 503):
        assert error.retry_after == 60
    elif kind == "stocktwits" and status == 403:
        assert error.retry_after == LONGEST_WAIT, "its owner wants no programs: not asked again for a day"
    else:
        assert error.retry_after is None


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "90"}, 90, 90),
        ({"X-RateLimit-Reset": "300"}, 300, 300),  # seconds from now, as Reddit counts
        ({"x-rate-limit-reset": "EPOCH"}, 590, 600),  # as X counts
        ({"X-RateLimit-Reset": "ISO"}, 590, 600),  # as Mastodon writes it
        ({}, None, None),
    ],
    ids=["retry-after", "delta", "epoch", "iso", "none"],
)
def test_when_a_limit_ends_is_understood(
    kind: str, headers: dict[str, str], least: float | None, most: float | None
) -> None:
    then = datetime.now(UTC) + timedelta(seconds=600)
    forms = {"EPOCH": str(int(then.timestamp())), "ISO": then.isoformat(timespec="milliseconds")}

    async def scenario(source: Ingestor) -> FetchError:
        with pytest.raises(FetchError) as caught:
            await source.poll(SourceState(name=source.name, url=source.url), datetime.now(UTC))
        return caught.value

    sent = {name: forms.get(value, value) for name, value in headers.items()}
    wait = with_source(kind, scenario, lambda: web.Response(status=429, headers=sent)).retry_after
    assert wait is None if least is None or most is None else least <= wait <= most


@pytest.mark.parametrize("body", [b"", b"<html><body>Blocked</body></html>", b"\xff\x00" * 50, b"null", b"{}", b"[[[["])
def test_what_is_no_answer_is_never_data(kind: str, body: bytes) -> None:
    async def scenario(source: Ingestor) -> None:
        with pytest.raises(IngestError):
            await source.poll(SourceState(name=source.name, url=source.url), NOW)

    for content_type in ("text/html", "application/json", "application/rss+xml"):
        with_source(kind, scenario, lambda name=content_type: web.Response(body=body, content_type=name))
