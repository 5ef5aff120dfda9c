"""Slack and the webhook against real servers on this machine: one behaves as Slack documents, one checks signatures."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from alerts.notifiers.slack import SlackNotifier
from alerts.notifiers.webhook import WebhookNotifier
from alerts.receivers import Receiver
from alerts.rules import NotifyPolicy
from riskwire import wire
from riskwire.clock import ManualClock
from riskwire.errors import NotifyError, NotifyRetry
from riskwire.testing import MemoryIndex
from riskwire.types import Alert, Evidence, Notification

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "webhook-secret-of-the-test"
HOSTILE = "<!channel> <https://evil|AAPL>"


class SlackServer:
    """An incoming webhook as Slack documents it: `ok`, error words, one message a second, 429 with Retry-After."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.script: list[str] = []
        self.limit = 0.0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        now = time.monotonic()
        if request.match_info["token"] != "right":
            return web.Response(status=404, text="no_service")
        if self.script:
            step = self.script.pop(0)
            if step == "hang":
                await asyncio.sleep(1)
                return web.Response(text="ok")
            if step == "accept and die":
                self.messages.append(await request.json())
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            status, _, text = step.partition(" ")
            headers = {"Retry-After": "1"} if status == "429" else {}
            return web.Response(status=int(status), text=text, headers=headers)
        if self.times and now - self.times[-1] < self.limit:
            return web.Response(status=429, headers={"Retry-After": "1"}, text="rate_limited")
        try:
            message = await request.json()
            assert request.content_type == "application/json"
            assert isinstance(message["text"], str)
            assert 0 < len(message["blocks"]) <= 50
            for block in message["blocks"]:
                assert block["type"] in ("section", "context", "divider", "header")
                if block["type"] == "section":
                    assert 0 < len(block["text"]["text"]) <= 3000
        except (AssertionError, KeyError, json.JSONDecodeError):
            return web.Response(status=400, text="invalid_payload")
        self.times.append(now)
        self.messages.append(message)
        return web.Response(text="ok")


def served(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]], path: str, act: Callable[[str], Awaitable[None]]
) -> None:
    async def run() -> None:
        app = web.Application()
        app.router.add_post(path, handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with asyncio.timeout(30):
                await act(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    asyncio.run(run())


def alert(symbol: str = "ACME", title: str = "It falls") -> Alert:
    return Alert(
        rule="fall", labels={"rule": "fall", "symbol": symbol}, severity="critical", status="firing", starts_at=T0,
        updated_at=T0, fingerprint=f"fp-{symbol}", window=7200.0, annotations={"company": symbol, "summary": title},
        evidence=(Evidence(id="1", title=title, link="https://e.com/1", source="Wire", score=-0.9),),
    )  # fmt: skip


def notice(*alerts: Alert) -> Notification:
    return Notification(receiver="slack", group_key="g", alerts=alerts or (alert(),), reason="first", sent_at=T0)


def slack(url: str, token: str = "right", **options: Any) -> SlackNotifier:
    return SlackNotifier(SecretStr(f"{url}/services/{token}"), allow_private_addresses=True, timeout=0.5, **options)


def through_slack(
    script: list[str], *alerts: Alert, limit: float = 0.0, **options: Any
) -> tuple[SlackServer, MemoryIndex]:
    """Offer one group an alert to a Receiver in front of the Slack server."""
    server, store = SlackServer(), MemoryIndex()
    server.script, server.limit = script, limit

    async def act(url: str) -> None:
        receiver = Receiver(
            slack(url, **options), store, ManualClock(T0), timeout=2.0, max_attempts=5, pause=lambda _: 0.01
        )
        task = asyncio.create_task(receiver.run())
        for one in alerts or (alert(),):
            receiver.offer(f"symbol={one.labels['symbol']}", NotifyPolicy(), [one])
        await receiver.settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    served(server.handle, "/services/{token}", act)
    return server, store


@pytest.mark.parametrize("step", ["429 rate_limited", "500 rollup_error", "503 down", "hang"])
def test_slack_has_a_bad_moment(step: str) -> None:
    server, store = through_slack([step], seconds_apart=0)
    assert len(server.messages) == len(store.notifications) == 1


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("400 invalid_payload", "invalid_payload"), ("403 action_prohibited", "administrator"),
        ("404 channel_not_found", "channel_not_found"), ("410 channel_is_archived", "channel_is_archived"),
        ("200 not ok", "not Slack’s"), ("200 ", "not Slack’s"), ("302 x", "302"),
    ],
)  # fmt: skip
def test_slack_refuses(step: str, reason: str) -> None:
    server = SlackServer()
    server.script = [step]

    async def act(url: str) -> None:
        with pytest.raises(NotifyError) as caught:
            await slack(url).notify(notice())
        assert not isinstance(caught.value, NotifyRetry)
        assert reason in str(caught.value)
        assert "services" not in str(caught.value)

    served(server.handle, "/services/{token}", act)


def test_a_webhook_that_was_removed_says_what_to_do() -> None:
    async def act(url: str) -> None:
        with pytest.raises(NotifyError, match=r"no_service.*make a new one"):
            await slack(url, "wrong-token").notify(notice())

    served(SlackServer().handle, "/services/{token}", act)


def test_a_server_that_dies_after_it_took_it_hears_it_again_and_misses_nothing() -> None:
    server, store = through_slack(["accept and die"], seconds_apart=0)
    assert len(server.messages) == 2
    assert len(store.notifications) == 1


def test_one_message_a_second() -> None:
    server, store = through_slack([], alert("A"), alert("B"), alert("C"), limit=0.95)
    assert len(server.messages) == len(store.notifications) == 3
    gaps = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    assert all(gap >= 0.95 for gap in gaps)


def test_a_hostile_headline_mentions_nobody() -> None:
    server, _ = through_slack([], alert(title=HOSTILE))
    body = json.dumps(server.messages[0])
    assert "<!channel>" not in body
    assert "<https://evil" not in body
    assert "&lt;!channel&gt;" in server.messages[0]["text"]
    assert "<https://e.com/1|&lt;!channel&gt; &lt;https://evil\\u00a6AAPL&gt;>" in body


class SigningReceiver:
    """Checks as our documentation tells receivers to: signature, age, keys that were seen."""

    def __init__(self) -> None:
        self.accepted: list[Notification] = []
        self.keys: list[str] = []
        self.fail = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        timestamp = request.headers["Riskwire-Timestamp"]
        version, _, signature = request.headers["Riskwire-Signature"].partition("=")
        wanted = hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        if version != "v1" or not hmac.compare_digest(signature, wanted):
            return web.Response(status=401)
        if abs(time.time() - int(timestamp)) > 300:
            return web.Response(status=401)
        self.keys.append(request.headers["Idempotency-Key"])
        if self.fail:
            self.fail -= 1
            return web.Response(status=500)
        self.accepted.append(wire.decode(body, Notification))
        return web.Response(status=204)


def test_the_receiver_can_verify_the_signature() -> None:
    server = SigningReceiver()

    async def act(url: str) -> None:
        right = WebhookNotifier(SecretStr(f"{url}/hook"), SecretStr(SECRET), allow_private_addresses=True)
        await right.notify(notice())
        wrong = WebhookNotifier(SecretStr(f"{url}/hook"), SecretStr("another"), allow_private_addresses=True)
        with pytest.raises(NotifyError, match="answered 401"):
            await wrong.notify(notice())

    served(server.handle, "/hook", act)
    assert server.accepted == [notice()]


def test_the_same_notice_has_the_same_key() -> None:
    server = SigningReceiver()
    server.fail = 1

    async def act(url: str) -> None:
        notifier = WebhookNotifier(SecretStr(f"{url}/hook"), SecretStr(SECRET), allow_private_addresses=True)
        with pytest.raises(NotifyRetry):
            await notifier.notify(notice())
        await notifier.notify(notice())
        await notifier.notify(notice(alert("OTHER")))

    served(server.handle, "/hook", act)
    first, again, other = server.keys
    assert first == again != other


def test_an_old_body_cannot_be_sent_again_with_a_new_time() -> None:
    """The timestamp is under the signature."""
    server = SigningReceiver()

    async def act(url: str) -> None:
        old = ManualClock(datetime.now(UTC) - timedelta(hours=1))
        notifier = WebhookNotifier(SecretStr(f"{url}/hook"), SecretStr(SECRET), allow_private_addresses=True, clock=old)
        with pytest.raises(NotifyError, match="401"):
            await notifier.notify(notice())

    served(server.handle, "/hook", act)
    assert server.accepted == []
