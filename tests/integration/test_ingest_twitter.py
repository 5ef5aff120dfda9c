"""X API v2: recent search, budget, edits and deletions, replayed from captured answers and the documented form."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from aiohttp import web
from replay import CAPTURED, gone, needs, polls, serve, titles

from ingest.social.twitter.budget import Budget, Spent, budget_of, until_tomorrow
from ingest.social.twitter.post import post_id
from ingest.social.twitter.source import Search, TwitterIngestor
from riskwire import wire
from riskwire.errors import FetchError, IngestError, ParseError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)
TOKEN = "canary-bearer-token"


def snowflake(at: datetime, number: int = 0) -> str:
    return str((int(at.timestamp() * 1000) - 1_288_834_974_657 << 22) + number)


def post(number: int, at: datetime = NOW, **fields: Any) -> dict[str, Any]:
    identifier = snowflake(at - timedelta(hours=1), number)
    return {
        "id": identifier, "text": f"Post {number} on $TSLA", "author_id": "77", "lang": "en",
        "created_at": (at - timedelta(hours=1)).isoformat().replace("+00:00", ".000Z"),
        "edit_history_tweet_ids": [identifier], "public_metrics": {"like_count": 3, "retweet_count": 1},
    } | fields  # fmt: skip


class Server:
    """The search and the lookup as they are documented: newest first, since_id, until_id, next_token."""

    def __init__(self, posts: list[dict[str, Any]]) -> None:
        self.posts = posts
        self.deleted: set[str] = set()
        self.headers = {"x-rate-limit-remaining": "449"}
        self.asked: list[dict[str, str]] = []
        self.answer: dict[str, Any] | None = None
        self.broken_after = 10_000
        self.sold = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append({"path": request.path, **request.query})
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        if self.answer is not None:
            return web.Response(**self.answer)
        if len(self.asked) > self.broken_after:
            return web.Response(status=500)
        if request.path == "/2/tweets":
            ids = request.query["ids"].split(",")
            found = [one for one in self.posts if one["id"] in ids and one["id"] not in self.deleted]
            errors = [
                {"resource_type": "tweet", "resource_id": one, "value": one,
                 "type": "https://api.twitter.com/2/problems/resource-not-found", "title": "Not Found Error"}
                for one in ids if one not in {post["id"] for post in found}
            ]  # fmt: skip
            self.sold += len(found)
            body = {**({"data": found} if found else {}), **({"errors": errors} if errors else {})}
            return web.json_response(body, headers=self.headers)
        assert 10 <= int(request.query["max_results"]) <= 100
        newest = sorted(self.posts, key=lambda one: -int(one["id"]))
        if since := request.query.get("since_id"):
            newest = [one for one in newest if int(one["id"]) > int(since)]
        if until := request.query.get("until_id"):
            newest = [one for one in newest if int(one["id"]) < int(until)]
        page = newest[: int(request.query["max_results"])]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if len(page) < len(newest):
            meta["next_token"] = "next"
        self.sold += len(page)
        return web.json_response({**({"data": page} if page else {}), "meta": meta}, headers=self.headers)


def read(
    server: Server, *times: datetime, state: SourceState | None = None, budget: Budget | None = None, **config: Any
) -> Any:
    async def scenario(base: str, context: Any) -> Any:
        own = budget or Budget(10_000, 100, 0.005)
        source = TwitterIngestor(Search(name="x", query="$TSLA", **config), context, TOKEN, own, api=base)
        return await polls(source, list(times), state)

    return serve(server, scenario)


def test_a_post() -> None:
    long = "Hi @Ann_B &amp; all: $tsla " + "up " * 200
    entities = {"cashtags": [{"tag": "tsla"}], "hashtags": [{"tag": "stocks"}], "mentions": [{"username": "Ann_B"}]}
    server = Server([post(1, note_tweet={"text": long, "entities": entities}, entities=entities)])
    ((told,),) = [polled.told for polled in read(server, NOW)]
    document = told.document
    assert document.title.startswith("Hi @user & all: $tsla up")
    assert len(document.title) > 280
    assert (document.source_symbols, document.tags, document.language) == (("TSLA",), ("stocks",), "en")
    assert document.published_at == NOW - timedelta(hours=1)
    assert document.engagement == {"like": 3, "retweet": 1}
    assert document.link == f"https://x.com/i/status/{server.posts[0]['id']}"
    assert "Ann_B" not in wire.encode(document).decode()
    assert "expansions" not in server.asked[0]


def test_a_gap_of_several_pages_is_filled_over_several_polls() -> None:
    server = Server([post(number) for number in range(20)])
    (first,) = read(server, NOW)
    server.posts += [post(number) for number in range(20, 770)]
    found = read(server, NOW, NOW, NOW, state=first.state)
    told = [told.document.id for polled in found for told in polled.told]
    assert len(told) == len(set(told)) == 750
    assert server.sold == 770  # no post is paid for twice
    (nothing,) = read(server, NOW, state=found[-1].state)
    assert (nothing.told, nothing.entries) == ((), 0)


def test_the_budget_stops_it_until_the_next_utc_day() -> None:
    server, budget = Server([post(number) for number in range(500)]), Budget(100, 1.0, 0.01)
    (first,) = read(server, NOW, budget=budget)
    assert len(first.told) == 10  # a look at what is there
    server.posts += [post(number) for number in range(500, 900)]
    second, error = read(server, NOW, NOW, state=first.state, budget=budget)
    assert len(second.told) == 90
    assert isinstance(error, FetchError)
    assert "100 posts, $1.00" in str(error)
    assert error.retry_after == 12 * 3600
    asked = len(server.asked)
    # A new process knows it from the state, and asks nothing.
    (again,) = read(server, NOW, state=second.state, budget=Budget(100, 1.0, 0.01))
    assert isinstance(again, FetchError)
    assert len(server.asked) == asked
    assert server.sold == 100
    (tomorrow,) = read(server, NOW + timedelta(hours=12), state=second.state, budget=budget)
    assert tomorrow.outcome == "ok"


def test_dollars_stop_it_too_and_all_sources_of_a_token_share_them() -> None:
    assert Budget(1000, 0.5, 0.005).most == 100
    assert Budget(50, 9, 0.005).most == 50
    assert Budget(50, 9, 0).most == 50
    budget = Budget(100, 9, 0.005)
    budget.note("a", Spent(NOW.date(), 60))
    budget.note("b", Spent(NOW.date(), 30))
    budget.note("b", Spent(NOW.date(), 20))  # a state that was not saved: what was spent is spent
    assert budget.left(NOW) == 10
    assert budget.left(NOW + timedelta(days=1)) == 100
    assert until_tomorrow(NOW) == 12 * 3600


def test_what_was_paid_for_is_told_when_a_later_page_fails() -> None:
    server = Server([post(1)])
    (first,) = read(server, NOW)
    server.posts += [post(number) for number in range(2, 300)]
    server.broken_after = 3
    (cut,) = read(server, NOW, state=first.state)
    assert len(cut.told) == 200
    server.broken_after = 10_000
    (rest,) = read(server, NOW, state=cut.state)
    assert len(rest.told) == 98


def test_edits_are_one_story() -> None:
    first = post(1)
    server = Server([first])
    (before,) = read(server, NOW)
    edited = post(
        2, text="Post 1, edited", edit_history_tweet_ids=[first["id"], snowflake(NOW - timedelta(hours=1), 2)]
    )
    server.posts.append(edited)
    (after,) = read(server, NOW, state=before.state)
    assert titles(after) == ["Post 1, edited"]
    assert after.told[0].document.id == before.told[0].document.id == post_id(first["id"])
    # Both versions are still found: the old one says that it was edited, and is not told again.
    first["edit_history_tweet_ids"] = edited["edit_history_tweet_ids"]
    (daily,) = read(server, NOW + timedelta(days=1), state=after.state)
    assert titles(daily) == ["Post 1, edited"]


def test_deletions_are_found_by_the_daily_look() -> None:
    server = Server([post(number) for number in range(10)])
    (first,) = read(server, NOW)
    server.deleted = {server.posts[3]["id"]}
    (later, after) = read(server, NOW + timedelta(days=1), NOW + timedelta(days=2), state=first.state)
    assert gone(later) == {post_id(server.posts[3]["id"])}
    assert gone(after) == set()
    lookups = [one["ids"].split(",") for one in server.asked if one["path"] == "/2/tweets"]
    assert [len(ids) for ids in lookups] == [10, 9]
    server.asked.clear()
    (off,) = read(server, NOW, recheck=False)
    read(server, NOW + timedelta(days=1), state=off.state, recheck=False)
    assert {one["path"] for one in server.asked} == {"/2/tweets/search/recent"}


def test_the_look_takes_at_most_half_a_budget(capsys: Any) -> None:
    server, budget = Server([post(number) for number in range(60)]), Budget(1000, 99, 0.005)
    (first,) = read(server, NOW, budget=budget)
    assert len(first.told) == 60
    small = Budget(40, 99, 0.005)
    (later,) = read(server, NOW + timedelta(days=1), state=first.state, budget=small)
    assert [len(one["ids"].split(",")) for one in server.asked if one["path"] == "/2/tweets"] == [20]
    read(server, NOW + timedelta(days=2), state=later.state, budget=small)
    assert "recheck_late" in capsys.readouterr().out


def test_reposts_are_left_out_and_a_week_is_the_reach(capsys: Any) -> None:
    server = Server([post(1, referenced_tweets=[{"type": "retweeted", "id": "1"}]), post(2)])
    (first,) = read(server, NOW)
    assert titles(first) == ["Post 2 on $TSLA"]
    read(server, NOW + timedelta(days=8), state=first.state, recheck=False)
    assert "since_id" not in server.asked[-1]
    assert "gap" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "kind", "wait"),
    [
        ({"status": 429, "headers": {"x-rate-limit-reset": str(int(NOW.timestamp()) + 90)}}, FetchError, None),
        ({"status": 429, "headers": {"Retry-After": "60"}}, FetchError, 60),
        ({"status": 429}, FetchError, None),
        ({"status": 401, "text": TOKEN}, FetchError, None),
        ({"status": 200, "text": "<html>", "content_type": "text/html"}, ParseError, None),
        ({"status": 200, "text": "[]", "content_type": "application/json"}, ParseError, None),
        ({"status": 200, "text": "{}", "content_type": "application/json"}, ParseError, None),
        ({"status": 200, "text": '{"data": [null], "meta": {}}', "content_type": "application/json"}, ParseError, None),
    ],
)
def test_what_is_no_answer(answer: dict[str, Any], kind: type[IngestError], wait: float | None) -> None:
    server = Server([])
    server.answer = answer
    (error,) = read(server, NOW)
    assert isinstance(error, kind)
    assert "canary" not in f"{error!r}{error}"
    if wait is not None:
        assert isinstance(error, FetchError)
        assert error.retry_after == wait


def test_a_limit_that_is_used_up() -> None:
    server = Server([post(1)])
    server.headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(NOW.timestamp()) + 90)}
    (polled,) = read(server, NOW)
    assert polled.wait == 90


def test_the_sources_of_a_token_share_the_budget_of_the_settings() -> None:
    assert budget_of("canary-a", 100, 1.0, 0.005) is budget_of("canary-a", 100, 1.0, 0.005)
    assert budget_of("canary-a", 100, 1.0, 0.005) is not budget_of("canary-b", 100, 1.0, 0.005)


def test_off_without_a_token() -> None:
    config = Search(name="x", query="$TSLA")
    assert "twitter_bearer_token" in (config.off(IngestSettings()) or "")
    settings = IngestSettings(twitter_bearer_token=TOKEN)
    assert config.off(settings) is None
    assert "canary" not in f"{settings!r}{settings}{config!r}"


def captured_pages() -> list[dict[str, Any]]:
    """Every captured answer of the v2 API that holds posts."""
    pages = []
    for path in sorted((CAPTURED / "social" / "twitter").glob("*.yaml")):
        for one in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["interactions"]:
            body = one["response"]["body"].get("string") or b""
            body = body.encode() if isinstance(body, str) else body
            found = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
            if isinstance(found.get("data"), list) and "text" in found["data"][0]:
                pages.append(found)
    return pages


@needs("social/twitter")
def test_captured_answers() -> None:
    pages = captured_pages()
    assert len(pages) >= 10
    now = datetime(2022, 10, 8, tzinfo=UTC)
    seen = 0
    for page in pages:
        page.setdefault("meta", {"result_count": len(page["data"])}).pop("next_token", None)
        server = Server([])
        server.answer = {"text": json.dumps(page), "content_type": "application/json"}
        first, again = read(server, now, now, recheck=False)
        assert first.entries == len({one["id"] for one in page["data"]})
        assert [one.document.id for one in first.told] == [one.document.id for one in again.told]
        assert not [one for one in titles(first) if re.search(r"@(?!user)\w", one)]
        seen += len(first.told)
    assert seen >= 50
