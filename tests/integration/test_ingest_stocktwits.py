"""A symbol's stream of StockTwits, replayed by a local server from captured answers and from invented ones."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from replay import CAPTURED, KEY, gone, needs, polls, serve, titles

from ingest.social.stocktwits import StocktwitsIngestor, Symbol, asked, written
from riskwire import wire
from riskwire.errors import FetchError, IngestError, ParseError
from riskwire.identity import document_id
from riskwire.ports import SourceState

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)


def message(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number, "body": f"Message {number} on $AAPL", "created_at": "2026-08-02T11:00:00Z",
        "user": {"id": 7, "username": "jo_trader", "followers": 1234, "ideas": 10},
        "symbols": [{"symbol": "AAPL"}], "entities": {"sentiment": None}, "likes": {"total": 4},
    } | fields  # fmt: skip


class Server:
    """Pages of 30, newest first, downwards by `max`."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.messages = messages
        self.requests = 0
        self.answer: dict[str, Any] | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        assert request.path == "/api/2/streams/symbol/AAPL.json"
        if self.answer is not None:
            return web.Response(**self.answer)
        highest = int(request.query.get("max", 10**12))
        newest = sorted((one for one in self.messages if one["id"] < highest), key=lambda one: -one["id"])
        return web.json_response({"response": {"status": 200}, "cursor": {"more": True}, "messages": newest[:30]})


def read(server: Server, *times: datetime, state: SourceState | None = None) -> Any:
    async def scenario(base: str, context: Any) -> Any:
        source = StocktwitsIngestor(Symbol(name="s", symbol="AAPL"), context.fetcher, KEY, "run", api=base)
        return await polls(source, list(times), state)

    return serve(server, scenario)


def test_a_message() -> None:
    server = Server([message(1, entities={"sentiment": {"basic": "Bearish"}}, body="@ann &amp; $aapl 🚀", symbols=[
        {"symbol": "AAPL"}, {"symbol": "BTC.X"}, {"symbol": "RELIANCE.NSE"}])])  # fmt: skip
    ((told,),) = [polled.told for polled in read(server, NOW)]
    document = told.document
    assert (document.title, document.tags) == ("@user & $aapl 🚀", ("Bearish",))
    assert document.source_symbols == ("AAPL", "BTC.X", "XNSE:RELIANCE")
    assert (document.engagement, document.author_reputation) == ({"likes": 4}, {"followers": 1200, "posts": 10})
    assert "jo_trader" not in wire.encode(document).decode()


def test_symbols() -> None:
    assert [asked(one) for one in ("$aapl", "RELIANCE.NS", "BTC-USD", "BTC.X", "BRK.B")] == [
        "AAPL", "RELIANCE", "BTC.X", "BTC.X", "BRK.B",
    ]  # fmt: skip
    assert written(["TCS.NS", "$spy", ""]) == ["XNSE:TCS", "SPY"]
    with pytest.raises(ValueError, match="symbol: "):
        Symbol(name="s", symbol="a b").check()


def test_a_gap_is_filled_downwards_and_one_too_large_is_said(capsys: Any) -> None:
    server = Server([message(number) for number in range(1, 40)])
    (first,) = read(server, NOW)
    assert len(first.told) == 30
    server.messages += [message(number) for number in range(40, 130)]
    (second,) = read(server, NOW, state=first.state)
    assert {f"Message {number} on $AAPL" for number in range(40, 130)} <= set(titles(second))
    assert "gap" not in capsys.readouterr().out
    server.messages += [message(number) for number in range(130, 400)]
    (third,) = read(server, NOW, state=second.state)
    assert (len(third.told), server.requests) == (150, 1 + 4 + 5)
    assert "gap" in capsys.readouterr().out


def test_what_is_missing_twice_is_gone() -> None:
    server = Server([message(number) for number in range(1, 20)])
    (first,) = read(server, NOW)
    server.messages = [one for one in server.messages if one["id"] != 7]
    second, third, fourth = read(server, *(NOW + timedelta(minutes=n) for n in (5, 10, 15)), state=first.state)
    assert [gone(one) for one in (second, third, fourth)] == [set(), {document_id("stocktwits", guid="7")}, set()]


def test_403_is_taken_for_a_no() -> None:
    server = Server([])
    server.answer = {"status": 403, "text": "<html>cf</html>", "content_type": "text/html"}
    (error,) = read(server, NOW)
    assert isinstance(error, FetchError)
    assert (error.status, error.retry_after, server.requests) == (403, 24 * 3600, 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 429, "headers": {"Retry-After": "60"}}, FetchError),
        ({"status": 200, "text": "<html>", "content_type": "text/html"}, ParseError),
        ({"status": 200, "text": "{}", "content_type": "application/json"}, ParseError),
        ({"status": 200, "text": '{"messages": [null]}', "content_type": "application/json"}, ParseError),
        ({"status": 200, "text": '{"messages": [{"body": "x"}]}', "content_type": "application/json"}, ParseError),
    ],
)
def test_what_is_no_answer(answer: dict[str, Any], kind: type[IngestError]) -> None:
    server = Server([])
    server.answer = answer
    (error,) = read(server, NOW)
    assert isinstance(error, kind)


@needs("social/stocktwits")
@pytest.mark.parametrize("name", ["symbol_AAPL_2020.json", "models_test.json"])
def test_captured_answers(name: str) -> None:
    body = (CAPTURED / "social" / "stocktwits" / name).read_text()
    captured = json.loads(body)["messages"]
    server = Server([])
    server.answer = {"text": body, "content_type": "application/json"}
    now = max(datetime.fromisoformat(one["created_at"]) for one in captured) + timedelta(minutes=1)
    first, again = read(server, now, now)
    assert len(first.told) == len(captured) == 30
    assert [one.document for one in first.told] == [one.document for one in again.told]
    moods = {
        (one["entities"]["sentiment"] or {}).get("basic")
        for one in captured
        if (one.get("entities") or {}).get("sentiment")
    }
    assert {tag for one in first.told for tag in one.document.tags} == moods
    assert all(one.document.source_symbols for one in first.told)
    assert all(one.document.published_quality == "stated" for one in first.told)
    sent = "".join(wire.encode(one.document).decode() for one in first.told)
    assert not [one["user"]["username"] for one in captured if f"@{one['user']['username']}" in sent]
