"""`feeds check` of what is no feed: what keeps it off, what it brings, and that nothing of it is kept."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from aiohttp import web
from jetstream_server import Jetstream
from replay import serve
from social_worlds import MastodonWorld
from world import NAMES, NOW

from ingest.base import Context, SourceConfig
from ingest.feeds.check import Finding
from ingest.feeds.check_source import explain_source
from ingest.formats.parse import ParserPool
from ingest.inbox.folder import Folder
from ingest.net.http import Fetcher
from ingest.social.bluesky.search import Search
from ingest.social.mastodon.source import Hashtag
from ingest.social.twitter.source import Search as Query
from riskwire.settings import IngestSettings


def found(findings: list[Finding]) -> dict[str, tuple[str, str]]:
    return {one.check: (one.status, one.found) for one in findings}


def explain(source: SourceConfig, **settings: object) -> dict[str, tuple[str, str]]:
    async def run() -> list[Finding]:
        ingest = IngestSettings(allow_private_addresses=True, timeout=3, **settings)  # type: ignore[arg-type]
        async with Fetcher(ingest) as fetcher, ParserPool(5, 1) as parser:
            return await explain_source(source, Context(fetcher, parser, b"check", "check", ingest), NOW)

    return found(asyncio.run(run()))


def test_an_account_is_asked_once(tmp_path: Path) -> None:
    world = MastodonWorld(tmp_path)
    world.write("Alpha rises", "Beta falls")

    async def handler(request: web.Request) -> web.StreamResponse:
        world.asked.append(request)
        return world.answer(request)

    async def scenario(base: str, context: Context) -> list[Finding]:
        return await explain_source(Hashtag(name="s", instance=base, hashtag="x"), context, NOW)

    said = found(serve(handler, scenario))
    assert said["polled"][0] == "ok"
    assert said["items"][1].startswith("2 looked at, 2 taken; such as: Beta falls @user")
    assert said["dates"] == ("ok", "2 stated")
    assert len(world.asked) == 1
    assert not any(name in str(said) for name in NAMES)


def test_what_fails_or_brings_nothing_is_said(tmp_path: Path) -> None:
    async def gone(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    async def none(request: web.Request) -> web.StreamResponse:
        return web.json_response([])

    async def scenario(base: str, context: Context) -> list[Finding]:
        return await explain_source(Hashtag(name="s", instance=base, hashtag="x"), context, NOW)

    assert found(serve(gone, scenario))["fetch"][0] == "broken"
    assert found(serve(none, scenario))["items"] == ("warning", "0 looked at, none taken")


def test_what_is_off_says_why() -> None:
    assert "twitter_bearer_token" in explain(Query(name="x", query="$A"))["polled"][1]
    assert explain(Folder(name="f", path="/x"))["polled"][0] == "broken"
    assert explain(Folder(name="f", path="/x", enabled=False))["polled"] == ("warning", "no (enabled = false)")


def test_what_is_paid_for_is_not_asked() -> None:
    said = explain(Query(name="x", query="$A"), twitter_bearer_token="canary")
    assert said == {
        "polled": ("ok", "yes: X search: $A"),
        "fetch": ("ok", "not asked: each post read is paid for"),
    }


def test_a_folder_is_left_as_it_is(tmp_path: Path) -> None:
    row = {"guid": "1", "title": "Harbour Mills raises outlook"}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n")
    os.utime(path, (0, NOW.timestamp() - 3600))
    said = explain(Folder(name="f", path=str(tmp_path)), allow_local_files=True)
    assert "Harbour Mills" in said["items"][1]
    assert [one.name for one in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("busy", [True, False])
def test_a_stream_is_listened_to_for_a_moment(busy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.feeds.check_source.LISTEN", 3.0 if busy else 1.5)
    server = Jetstream()
    server.silent = not busy

    async def run() -> list[Finding]:
        ingest = IngestSettings(allow_private_addresses=True, timeout=3)
        async with server.serving() as base, Fetcher(ingest) as fetcher, ParserPool(5, 1) as parser:

            async def talk() -> None:
                while True:
                    server.post("$ACME rises", f"r{server.connections}{len(server.events)}")
                    await server.tell()
                    await asyncio.sleep(0.05)

            talking = asyncio.create_task(talk())
            try:
                context = Context(fetcher, parser, b"check", "check", ingest)
                return await explain_source(Search(name="b", cashtags=("*",), hosts=(base,)), context, NOW)
            finally:
                talking.cancel()

    said = found(asyncio.run(run()))
    if busy:
        assert said["stream"] == ("ok", "opens, and brings stories")
        assert "$ACME rises" in said["items"][1]
    else:
        assert said["stream"][0] == "warning"
