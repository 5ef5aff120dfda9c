"""Hacker News by its documented API, played by a local server: the walk, nulls, changes, deletions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from replay import gone, polls, serve, titles

from ingest.social.hackernews import MAX_WALK, PARALLEL, TRIES, Front, HackerNewsIngestor, item_id
from riskwire import wire
from riskwire.errors import FetchError, IngestError, ParseError
from riskwire.ports import SourceState

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)


def story(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number, "type": "story", "by": "jo_hacker", "time": int(NOW.timestamp()) - 60, "title": f"Story {number}",
        "score": 1, "descendants": 0,
    } | fields  # fmt: skip


class Server:
    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.items = {one["id"]: one for one in items}
        self.updates: list[int] = []
        self.asked: list[int] = []
        self.busy = self.busiest = 0
        self.answer: dict[str, Any] | None = None
        self.highest: int | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if self.answer is not None:
            return web.Response(**self.answer)
        if request.path == "/v0/maxitem.json":
            return web.json_response(self.highest or max(self.items))
        if request.path == "/v0/updates.json":
            return web.json_response({"items": self.updates, "profiles": ["jo_hacker"]})
        number = int(request.path.removeprefix("/v0/item/").removesuffix(".json"))
        self.asked.append(number)
        return web.json_response(self.items.get(number))


def read(server: Server, *times: datetime, state: SourceState | None = None, **config: Any) -> Any:
    async def scenario(base: str, context: Any) -> Any:
        source = HackerNewsIngestor(Front(name="h", **config), context, api=base)
        return await polls(source, list(times), state)

    return serve(server, scenario, per_host=16)


def minutes(*numbers: int) -> list[datetime]:
    return [NOW + timedelta(minutes=number) for number in numbers]


def test_a_story() -> None:
    server = Server([story(8, text="<p>See &#x2F; @ann</p>", score=12, descendants=3)])
    (polled,) = read(server, NOW)
    document = polled.told[0].document
    assert (document.title, document.summary, document.publisher) == ("Story 8", "See / @user", "hackernews")
    assert document.engagement == {"score": 12, "comments": 3}
    assert document.link == "https://news.ycombinator.com/item?id=8"
    assert "jo_hacker" not in wire.encode(document).decode()


def test_the_walk_is_bounded_and_misses_nothing() -> None:
    server = Server([story(number) for number in range(1, 101)])
    (first,) = read(server, NOW)
    assert len(first.told) == 50
    server.items |= {number: story(number) for number in range(101, 801)}
    found = read(server, *minutes(5, 10, 15, 20), state=first.state)
    assert [len(one.told) for one in found] == [MAX_WALK, MAX_WALK, 100, 0]
    assert sorted(set(server.asked)) == list(range(51, 801))
    assert len(server.asked) == 750  # each once


def test_null_items_are_asked_for_again_and_then_given_up(capsys: Any) -> None:
    server = Server([story(1), story(3)])
    server.items[5] = story(5)
    first, second = read(server, *minutes(0, 5))
    assert titles(first) == ["Story 1", "Story 3", "Story 5"]
    server.items[2] = story(2)
    (third,) = read(server, *minutes(10), state=second.state)
    assert titles(third) == ["Story 2"]
    found = read(server, *minutes(*range(15, 15 + 5 * TRIES, 5)), state=third.state)
    assert server.asked.count(4) == TRIES
    assert all(not one.told for one in found)
    assert "items_missing" in capsys.readouterr().out


def test_edits_and_deletions_by_the_list_of_changes() -> None:
    server = Server([story(number) for number in range(1, 10)])
    (first,) = read(server, NOW)
    server.items[3] = story(3, title="Story 3, edited")
    server.items[4] = {"id": 4, "type": "story", "deleted": True, "time": 1}
    server.items[5] = story(5, dead=True)
    server.updates = [3, 4, 5, 99_999]
    (second,) = read(server, *minutes(5), state=first.state)
    assert titles(second) == ["Story 3, edited"]
    assert gone(second) == {item_id(4), item_id(5)}


def test_deletions_that_fell_between_two_polls_are_found_by_the_daily_look() -> None:
    server = Server([story(number) for number in range(1, 10)])
    (first,) = read(server, NOW)
    server.items[4] = {"id": 4, "deleted": True}
    (soon, later, after) = read(server, *minutes(5, 24 * 60, 48 * 60), state=first.state)
    assert [gone(one) for one in (soon, later, after)] == [set(), {item_id(4)}, set()]


def test_what_is_chosen() -> None:
    items = [
        story(1, title="Tesla recalls cars"), story(2, title="A text editor", text="made at Tesla"),
        story(3, title="Teslacoil"), story(4, type="comment", title="", text="Tesla again"), story(5, type="poll"),
        story(6, type="job", title="Tesla (YC) is hiring", score=1),
    ]  # fmt: skip
    (stories,) = read(Server(items), NOW, keywords=("tesla",))
    assert titles(stories) == ["Tesla recalls cars", "A text editor", "Tesla (YC) is hiring"]
    (comments,) = read(Server(items), NOW, keywords=("tesla",), comments=True)
    assert "Tesla again" in titles(comments)


def test_a_least_score_is_seen_when_it_is_reached() -> None:
    server = Server([story(1), story(2)])
    (first,) = read(server, NOW, min_score=10)
    assert titles(first) == []
    server.items[1]["score"] = 11
    server.updates = [1, 2]
    (second,) = read(server, *minutes(5), state=first.state, min_score=10)
    assert titles(second) == ["Story 1"]


def test_at_most_five_at_once() -> None:
    class Slow(Server):
        async def __call__(self, request: web.Request) -> web.StreamResponse:
            import asyncio

            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
            await asyncio.sleep(0.01)
            self.busy -= 1
            return await super().__call__(request)

    server = Slow([story(number) for number in range(1, 51)])
    read(server, NOW)
    assert server.busiest == PARALLEL


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 503}, FetchError),
        ({"status": 200, "text": "<html>", "content_type": "text/html"}, ParseError),
        ({"status": 200, "text": "null", "content_type": "application/json"}, ParseError),
        ({"status": 200, "text": '"x"', "content_type": "application/json"}, ParseError),
    ],
)
def test_what_is_no_answer(answer: dict[str, Any], kind: type[IngestError]) -> None:
    server = Server([story(1)])
    server.answer = answer
    (error,) = read(server, NOW)
    assert isinstance(error, kind)


def test_dates_that_no_item_has() -> None:
    (polled,) = read(Server([story(1, time=0), story(2, time=10**15), story(3, time=None)]), NOW)
    assert all(one.document.event_time == NOW for one in polled.told)
