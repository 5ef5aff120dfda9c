"""The social services, as they are documented: pages, cursors, limits, and what they do not show any more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web
from jetstream_server import Jetstream
from world import NAMES, NOW, TOKEN, Post, World

from ingest.base import Context, Ingestor, Streamer
from ingest.social.bluesky.jetstream import read_position
from ingest.social.bluesky.search import Search as Stream
from ingest.social.bluesky.source import BlueskyStreamer
from ingest.social.hackernews import Front, HackerNewsIngestor
from ingest.social.mastodon.source import Hashtag, MastodonIngestor
from ingest.social.reddit.source import RedditIngestor, Subreddit
from ingest.social.stocktwits import StocktwitsIngestor, Symbol
from ingest.social.twitter.budget import Budget
from ingest.social.twitter.source import Search, TwitterIngestor
from riskwire.clock import ManualClock


class MastodonWorld(World):
    user = f"@{NAMES[0]}@m.example"
    used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-03-09T12:05:00Z"}  # noqa: RUF012

    def make(self, base: str, context: Context) -> Ingestor:
        return MastodonIngestor(Hashtag(name="s", instance=base, hashtag="x"), context.fetcher, b"key", "run")

    def answer(self, request: web.Request) -> web.Response:
        if "/statuses/" in request.path:
            post = self.posts[int(request.path.rpartition("/")[2])]
            return web.Response(status=404) if post.deleted else web.json_response(self._status(post))
        above = [one for one in self.alive if one.number > int(request.query.get("min_id", "0"))]
        page = above[-40:] if "min_id" in request.query else above[:40]
        return web.json_response([self._status(one) for one in page])

    def _status(self, post: Post) -> dict[str, Any]:
        link = f"<a href='https://m.example/@{NAMES[1]}' class='u-url mention'>@{NAMES[1]}</a>"
        return {
            "id": str(post.number), "uri": f"https://m.example/{post.number}", "created_at": post.stamp,
            "edited_at": self.now.isoformat() if post.versions else None,
            "content": f"<p>{escape(post.text)} {link}</p>", "tags": [{"name": "x"}],
            "account": {"id": "7", "acct": NAMES[0], "username": NAMES[0], "url": f"https://m.example/@{NAMES[0]}"},
            "mentions": [{"id": "8", "acct": NAMES[1], "username": NAMES[1]}],
        }  # fmt: skip


class BlueskyWorld(World):
    """Told, not asked: a turn is a connection, up to the newest event."""

    user = f"did:plc:{NAMES[0]}"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = Jetstream(start=NOW - timedelta(hours=1))

    def make(self, base: str, context: Context) -> Streamer:
        search = Stream(name="s", cashtags=("*",), hosts=(base.replace("http", "ws"),))
        return BlueskyStreamer(search, context.settings, b"key", "run", clock=ManualClock(self.now))

    def reached(self, cursor: str | None) -> bool:
        return (read_position(cursor).seq or 0) >= self.server.events[-1]["seq"]

    def begin(self, base: str) -> str:
        """Where a first connection stands: at the first event, else it would begin with what comes next."""
        return json.dumps({"host": base.replace("http", "ws"), "seq": 1})

    def write(self, *texts: str) -> list[int]:
        numbers = super().write(*texts)
        for number, text in zip(numbers, texts, strict=True):
            self._say(number, text)
        return numbers

    def edit(self, number: int, text: str) -> None:
        super().edit(number, text)
        self._say(number, text, operation="update")

    def delete(self, number: int) -> None:
        super().delete(number)
        self.server.delete(str(number), did=self.user)

    def _say(self, number: int, text: str, **more: Any) -> None:
        self.server.post(f"$ACME {text} @{NAMES[1]}.bsky.social", str(number), did=self.user, **more)

    def answer(self, request: web.Request) -> web.Response:
        raise AssertionError("see `handle`")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        return await self.server.handle(request)


class RedditWorld(World):
    user = f"u/{NAMES[0]}"
    used_up = {"X-Ratelimit-Remaining": "0.0", "X-Ratelimit-Reset": "300"}  # noqa: RUF012

    def make(self, base: str, context: Context) -> Ingestor:
        return RedditIngestor(Subreddit(name="s", subreddit="x"), context, "id", TOKEN, site=base, api=base)

    def answer(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.json_response({"access_token": TOKEN + "2", "expires_in": 3600})
        if request.path == "/api/info":
            asked = [int(one.removeprefix("t3_"), 36) for one in request.query["id"].split(",")]
            return self._listing([self.posts[one] for one in asked], None)
        found = self.alive
        if after := request.query.get("after"):
            found = [one for one in found if one.number < int(after.removeprefix("t3_"), 36)]
        return self._listing(found[:100], _name(found[99]) if len(found) > 100 else None)

    def _listing(self, posts: Sequence[Post], after: str | None) -> web.Response:
        children = [
            {
                "kind": "t3",
                "data": {
                    "name": _name(one), "title": "[deleted]" if one.deleted else one.text, "author": NAMES[0],
                    "selftext": "[deleted]" if one.deleted else f"as u/{NAMES[1]} says",
                    "removed_by_category": "deleted" if one.deleted else None,
                    "created_utc": one.at.timestamp(), "permalink": f"/r/x/comments/{one.number}/t/",
                },
            }
            for one in posts
        ]  # fmt: skip
        return web.json_response({"kind": "Listing", "data": {"after": after, "children": children}})


def _name(post: Post) -> str:
    digits, number = "", post.number
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return f"t3_{digits}"


class TwitterWorld(World):
    user = "7"  # names are never asked for
    used_up = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(NOW.timestamp()) + 300)}  # noqa: RUF012

    def make(self, base: str, context: Context) -> Ingestor:
        budget = Budget(100_000, 1_000.0, 0.005)
        return TwitterIngestor(Search(name="s", query="x"), context, TOKEN, budget, api=base)

    def answer(self, request: web.Request) -> web.Response:
        if request.path == "/2/tweets":
            return self._lookup({int(one) for one in request.query["ids"].split(",")})
        since, until = int(request.query.get("since_id", "0")), int(request.query.get("until_id", str(1 << 63)))
        rows = [row for one in self.alive for row in self._rows(one) if since < int(row["id"]) < until]
        rows.sort(key=lambda row: -int(row["id"]))
        page = rows[: int(request.query["max_results"])]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if len(rows) > len(page):
            meta["next_token"] = "more"
        return web.json_response({"data": page, "meta": meta} if page else {"meta": meta})

    def _lookup(self, ids: set[int]) -> web.Response:
        every = [(one, row) for one in self.posts.values() for row in self._rows(one) if int(row["id"]) in ids]
        kind = "https://api.twitter.com/2/problems/resource-not-found"
        away = [
            {"type": kind, "resource_type": "tweet", "resource_id": row["id"], "value": row["id"]}
            for one, row in every
            if one.deleted
        ]
        found: dict[str, Any] = {"data": [row for one, row in every if not one.deleted]}
        return web.json_response(found | ({"errors": away} if away else {}))

    def _rows(self, post: Post) -> list[dict[str, Any]]:
        ids = [str(_snowflake(number, at)) for number, at in ((post.number, post.at), *post.versions)]
        row = {
            "text": f"{post.text} @{NAMES[1]}", "created_at": post.stamp, "author_id": "7", "lang": "en",
            "edit_history_tweet_ids": ids, "entities": {"mentions": [{"username": NAMES[1]}]},
        }  # fmt: skip
        return [row | {"id": ids[-1]}]


def _snowflake(number: int, at: datetime) -> int:
    """An id that holds its time."""
    return ((int(at.timestamp() * 1000) - 1_288_834_974_657) << 22) + number


class StocktwitsWorld(World):
    deletes = 2  # what is missing once may be a fault
    used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 300)}  # noqa: RUF012

    def make(self, base: str, context: Context) -> Ingestor:
        return StocktwitsIngestor(Symbol(name="s", symbol="AAPL"), context.fetcher, b"key", "run", api=base)

    def answer(self, request: web.Request) -> web.Response:
        most = int(request.query.get("max", str(1 << 40)))
        page = [one for one in self.alive if one.number < most][:30]
        messages = [
            {
                "id": one.number, "body": f"{one.text} @{NAMES[1]}", "created_at": one.stamp,
                "user": {"id": 7, "username": NAMES[0]}, "symbols": [{"symbol": "AAPL"}],
                "mentioned_users": [f"@{NAMES[1]}"],
            }
            for one in page
        ]  # fmt: skip
        return web.json_response({"response": {"status": 200}, "messages": messages})


class HackerNewsWorld(World):
    def make(self, base: str, context: Context) -> Ingestor:
        return HackerNewsIngestor(Front(name="s"), context, api=base)

    def answer(self, request: web.Request) -> web.Response:
        name = request.path.removeprefix("/v0/").removesuffix(".json")
        if name == "maxitem":
            return web.json_response(max(self.posts, default=0))
        if name == "updates":
            changed = [one.number for one in self.posts.values() if one.deleted or one.versions]
            return web.json_response({"items": changed, "profiles": []})
        post = self.posts.get(int(name.removeprefix("item/")))
        if post is None:
            return web.json_response(None)
        if post.deleted:
            return web.json_response({"id": post.number, "type": "story", "deleted": True})
        return web.json_response(
            {"id": post.number, "type": "story", "by": NAMES[0], "time": int(post.at.timestamp()), "title": post.text}
        )

    def edit(self, number: int, text: str) -> None:
        super().edit(number, text)
        self.next -= 1  # an edit is no item
