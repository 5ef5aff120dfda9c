"""Every source's world. A new source joins the contract suite by a World here and a line in WORLDS."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web
from social_worlds import BlueskyWorld, HackerNewsWorld, MastodonWorld, RedditWorld, StocktwitsWorld, TwitterWorld
from starlette.requests import Request
from world import NAMES, TOKEN, Post, World

from ingest.base import Context, Ingestor
from ingest.edgar.source import Edgar, EdgarIngestor, Hosts
from ingest.feeds.feed import Feed
from ingest.feeds.rss import RssIngestor
from ingest.inbox.folder import Folder, FolderIngestor
from ingest.inbox.webhook import PATH, sign, stories_endpoint
from ingest.intake import Intake
from ingest.net.ratelimit import Limiter
from riskwire.clock import Clock


class FeedWorld(World):
    people, deletes, deep = False, None, 60

    def make(self, base: str, context: Context) -> Ingestor:
        return RssIngestor(Feed(name="s", url=base + "/feed"), context.fetcher, context.parser, "run")

    def answer(self, request: web.Request) -> web.Response:
        items = "".join(
            f"<item><guid isPermaLink='false'>g{one.number}</guid><link>https://a.example/{one.number}</link>"
            f"<title>{escape(one.text)}</title><pubDate>{one.stamp}</pubDate></item>"
            for one in self.alive[: self.deep]
        )
        body = f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>"
        return web.Response(body=body.encode(), content_type="application/rss+xml")


class EdgarWorld(World):
    """A filing is its form and number: amended by another one, and never taken back."""

    people, edits, deletes, worded = False, None, None, False

    def make(self, base: str, context: Context) -> Ingestor:
        hosts = Hosts(www=base, data=base, search=base)
        return EdgarIngestor(Edgar(name="s", cik="320193"), context, hosts=hosts, limiter=Limiter(1000))

    def answer(self, request: web.Request) -> web.Response:
        rows = self.alive
        recent = {
            "accessionNumber": [f"0000320193-26-{one.number:06}" for one in rows], "form": ["8-K"] * len(rows),
            "filingDate": [one.stamp[:10] for one in rows], "acceptanceDateTime": [one.stamp for one in rows],
            "reportDate": [""] * len(rows), "items": ["2.02"] * len(rows),
        }  # fmt: skip
        found = {"cik": "320193", "name": "Apple Inc.", "tickers": ["AAPL"], "filings": {"recent": recent}}
        return web.json_response(found)


class FolderWorld(World):
    """Everything there is, dropped as a new file whenever something is new."""

    deletes, asks = None, False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._dropped = b""

    def make(self, base: str, context: Context) -> Ingestor:
        return FolderIngestor(Folder(name="s", path=str(self.folder)), b"key", "run", allowed=True)

    def answer(self, request: web.Request) -> web.Response:
        raise AssertionError("a folder asks nobody")

    def turn(self) -> None:
        body = "".join(json.dumps(row) + "\n" for row in _rows(self.alive)).encode()
        if body != self._dropped:
            self._dropped = body
            path = self.folder / f"drop-{len(list(self.folder.rglob('*.jsonl')))}.jsonl"
            path.write_bytes(body)
            os.utime(path, (0, self.now.timestamp() - 600))


class WebhookWorld(World):
    """Whoever sends the stories sends all of them, again and again."""

    deletes, asks = None, False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.polled: list[int] = []

    def make(self, base: str, context: Context) -> Ingestor:
        raise AssertionError("nobody is asked: see `push`")

    def answer(self, request: web.Request) -> web.Response:
        raise AssertionError("nobody is asked")

    async def push(self, intake: Intake, clock: Clock) -> None:
        """One signed POST, after a start."""
        endpoint = stories_endpoint(TOKEN, intake, clock, "run", folder=self.folder, author_key=b"key")
        body = json.dumps([{"source": "s"} | row for row in _rows(self.alive)]).encode()
        stamp = str(int(clock.now().timestamp()))
        headers = {"riskwire-timestamp": stamp, "riskwire-signature": sign(TOKEN, stamp, body)}
        scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": [
            (name.encode(), value.encode()) for name, value in headers.items()
        ]}  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        self.polled.append((await endpoint(Request(scope, receive))).status_code)


def _rows(posts: Sequence[Post]) -> list[dict[str, Any]]:
    """Stories as others hand them in."""
    return [
        {
            "guid": str(one.number), "title": f"{one.text} @{NAMES[1]}", "source_type": "social",
            "authors": [NAMES[0]], "published_at": one.stamp,
        }
        for one in posts
    ]  # fmt: skip


WORLDS: dict[str, type[World]] = {
    "rss": FeedWorld,
    "bluesky": BlueskyWorld,
    "mastodon": MastodonWorld,
    "reddit": RedditWorld,
    "twitter": TwitterWorld,
    "stocktwits": StocktwitsWorld,
    "hackernews": HackerNewsWorld,
    "edgar": EdgarWorld,
    "folder": FolderWorld,
    "webhook": WebhookWorld,
}
