"""Social sources in the loop: each fails alone, a crash loses nothing, deletions arrive, no secret is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from replay import KEY, serve

from ingest.feeds.list import Sources
from ingest.run import IngestLoop
from ingest.social.hackernews import Front, HackerNewsIngestor
from ingest.social.reddit.source import RedditIngestor, Subreddit
from ingest.social.twitter.source import Search, TwitterIngestor
from riskwire import wire
from riskwire.clock import ManualClock
from riskwire.errors import StorageFull
from riskwire.settings import IngestSettings
from riskwire.testing import MemoryLog
from riskwire.types import Document

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)
SECRETS = {"reddit_client_id": "id", "reddit_client_secret": "canary-one", "twitter_bearer_token": "canary-two"}


class Platforms:
    """Reddit and Hacker News with a post each; X is down, and quotes the token that it was sent."""

    def __init__(self) -> None:
        self.reddit = {"name": "t3_1", "title": "On $TSLA", "author": "jo", "created_utc": NOW.timestamp() - 60}
        self.item: dict[str, Any] = {"id": 1, "type": "story", "title": "A story", "time": int(NOW.timestamp()) - 60}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/2/"):
            return web.Response(
                status=500, text=request.headers["Authorization"], reason=request.headers["Authorization"]
            )
        if request.path == "/api/v1/access_token":
            return web.json_response({"access_token": "canary-three", "expires_in": 3600})
        if request.path.startswith("/v0/"):
            answers = {"/v0/maxitem.json": 1, "/v0/updates.json": {"items": [1]}, "/v0/item/1.json": self.item}
            return web.json_response(answers[request.path])
        return web.json_response({"data": {"children": [{"data": self.reddit}]}})


class Forgetful(MemoryLog):
    """Takes stories, and then no state: a crash between the log and the cursor."""

    full = False

    def save(self, state: Any) -> None:
        if self.full:
            raise StorageFull("no space left")
        super().save(state)

    def save_all(self, states: Any, changes: Any = ()) -> None:
        if self.full:
            raise StorageFull("no space left")
        super().save_all(states, changes)


def run(platforms: Platforms, log: Forgetful, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, *steps: Any) -> Any:
    """A round of the loop for each step, each in a process of its own, as it were."""

    async def scenario(base: str, _context: Any) -> Any:
        for made, names in (
            (RedditIngestor, ("site", "api")),
            (TwitterIngestor, ("api",)),
            (HackerNewsIngestor, ("api",)),
        ):
            for name in names:
                monkeypatch.setitem(made.__init__.__kwdefaults__, name, base)  # type: ignore[misc, arg-type]
        sources = Sources(
            (Subreddit(name="r", subreddit="stocks"), Search(name="x", query="$TSLA"), Front(name="h"))
        )  # fmt: skip
        found = []
        for step in steps:
            step()
            settings = IngestSettings(allow_private_addresses=True, timeout=20, **SECRETS)  # type: ignore[arg-type]
            loop = IngestLoop(settings, sources, log, log, log, clock, "run", author_key=KEY)
            try:
                found.append({one.name: one for one in await loop.once()})
            except StorageFull as error:
                found.append({"error": error})  # type: ignore[dict-item]
            clock.advance(timedelta(hours=1))
        return found

    return serve(platforms, scenario)


def documents(log: MemoryLog) -> list[Document]:
    return [wire.decode(entry.value, Document) for entry in log.read(1000)]


def test_each_fails_alone_and_no_secret_is_told(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    log = Forgetful()
    (outcomes,) = run(Platforms(), log, ManualClock(NOW), monkeypatch, lambda: None)
    assert {name: one.outcome for name, one in outcomes.items()} == {"r": "ok", "h": "ok", "x": "failed"}
    assert sorted(one.title for one in documents(log)) == ["A story", "On $TSLA"]
    told = "".join([*capfd.readouterr(), repr(outcomes), repr(log.all()), *(repr(one) for one in documents(log))])
    assert "poll_failed" in told
    assert "canary" not in told


def test_deletions_arrive_as_revisions_without_text(monkeypatch: pytest.MonkeyPatch) -> None:
    platforms, log = Platforms(), Forgetful()

    def delete() -> None:
        platforms.reddit |= {"author": "[deleted]", "selftext": "[deleted]"}
        platforms.item = {"id": 1, "deleted": True, "type": "story"}

    run(platforms, log, ManualClock(NOW), monkeypatch, lambda: None, delete, lambda: None)
    removed = [one for one in documents(log) if one.removed]
    assert len(removed) == 2
    assert {(one.revision, one.title, one.authors) for one in removed} == {(2, "", ())}
    assert {one.id for one in removed} == {one.id for one in documents(log) if not one.removed}


def test_a_crash_between_log_and_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Forgetful()
    monkeypatch.setattr("ingest.run._RETRIES", (0.0,), raising=False)

    def full(how: bool) -> Any:
        return lambda: setattr(log, "full", how)

    found = run(Platforms(), log, ManualClock(NOW), monkeypatch, full(True), full(False))
    assert "error" in found[0]
    assert len(documents(log)) == 2
    assert {name: one.outcome for name, one in found[1].items()} == {"r": "ok", "h": "ok", "x": "failed"}
