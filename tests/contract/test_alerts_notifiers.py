"""One list of what receivers do, for every notifier: taken, tried again, or given up. And no secret ever leaks."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult
from pydantic import SecretStr

from alerts.notifiers.slack import SlackNotifier
from alerts.notifiers.smtp import SmtpNotifier
from alerts.notifiers.webhook import WebhookNotifier
from riskwire.errors import NotifyError, NotifyRetry
from riskwire.ports import Notifier
from riskwire.settings import EmailSettings
from riskwire.types import Alert, Notification

Outcome = Literal["taken", "retry", "give up"]
CANARY = "canary-7f3a-do-not-leak"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
NOTICE = Notification(
    receiver="r",
    group_key="rule=fall,symbol=ACME",
    alerts=(
        Alert(
            rule="fall", labels={"symbol": "ACME"}, status="firing", starts_at=T0, updated_at=T0, fingerprint="f",
        ),
    ),
    reason="first",
    sent_at=T0,
)  # fmt: skip

HTTP: list[tuple[str, Outcome]] = [
    ("200", "taken"),
    *((str(status), "give up") for status in (301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 415, 422, 451)),
    *((str(status), "retry") for status in (408, 425, 429, 500, 502, 503, 504)),
    ("hangs", "retry"),
    ("drops the connection", "retry"),
    ("dies after accept", "retry"),
    ("is no HTTP", "retry"),
    ("endless headers", "retry"),
]
SMTP_ANSWERS: list[tuple[str, Outcome]] = [
    ("250", "taken"),
    *((str(code), "retry") for code in (421, 450, 451, 452)),
    *((str(code), "give up") for code in (550, 552, 554)),
    ("hangs", "retry"),
    ("drops the connection", "retry"),
]


def webhook(port: int) -> Notifier:
    url = SecretStr(f"http://127.0.0.1:{port}/hook?key={CANARY}")
    return WebhookNotifier(url, SecretStr(CANARY), timeout=0.5, allow_private_addresses=True)


def slack(port: int) -> Notifier:
    url = SecretStr(f"http://127.0.0.1:{port}/services/{CANARY}")
    return SlackNotifier(url, timeout=0.5, allow_private_addresses=True, seconds_apart=0)


def email(port: int) -> Notifier:
    settings = EmailSettings(
        host="127.0.0.1", port=port, security="none", sender="a@example.com", recipients=("b@example.com",),
        username="user", password=SecretStr(CANARY),
    )  # fmt: skip
    return SmtpNotifier(settings, timeout=0.5)


@asynccontextmanager
async def http_receiver(behaviour: str) -> AsyncIterator[int]:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.text()
        assert body
        if behaviour.isdecimal():
            headers = {"Location": "/elsewhere"} if behaviour.startswith("3") else {}
            # It echoes what it should not: nothing of it may end up in a log.
            text = "ok" if behaviour == "200" else f"{request.url} {CANARY}"
            return web.Response(status=int(behaviour), text=text, headers=headers)
        if behaviour == "hangs":
            await asyncio.sleep(2)
        assert request.transport is not None
        if behaviour == "is no HTTP":
            request.transport.write(b"220 smtp.example.com\r\n" * 10)
        if behaviour == "endless headers":
            request.transport.write(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n")
        request.transport.close() if behaviour != "dies after accept" else request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    if behaviour == "drops the connection":
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]
        await runner.cleanup()
        return
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Mailbox:
    """aiosmtpd's handler: answers DATA as told."""

    def __init__(self, behaviour: str) -> None:
        self.behaviour = behaviour
        self.messages: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.behaviour == "hangs":
            await asyncio.sleep(2)
        if self.behaviour == "250":
            self.messages.append(envelope.content)
            return "250 taken"
        return f"{self.behaviour} no, {CANARY}"


@asynccontextmanager
async def smtp_receiver(behaviour: str) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    if behaviour == "drops the connection":
        server: asyncio.Server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    else:
        handler = Mailbox(behaviour)
        server = await loop.create_server(
            lambda: SMTP(
                handler,
                hostname="127.0.0.1",
                auth_require_tls=False,
                authenticator=lambda *_: AuthResult(success=True),
                loop=loop,
            ),
            "127.0.0.1",
            0,
        )
    async with server:
        yield server.sockets[0].getsockname()[1]


CASES = [
    *(("webhook", webhook, http_receiver, behaviour, outcome) for behaviour, outcome in HTTP),
    *(("slack", slack, http_receiver, behaviour, outcome) for behaviour, outcome in HTTP),
    *(("email", email, smtp_receiver, behaviour, outcome) for behaviour, outcome in SMTP_ANSWERS),
]


@pytest.mark.parametrize(
    ("make", "receiver", "behaviour", "outcome"),
    [case[1:] for case in CASES],
    ids=[f"{case[0]}-{case[3]}".replace(" ", "-") for case in CASES],
)
def test_what_receivers_do(
    make: Callable[[int], Notifier],
    receiver: Callable[[str], Any],
    behaviour: str,
    outcome: Outcome,
    capfd: pytest.CaptureFixture[str],
) -> None:
    error = asyncio.run(_tell(make, receiver, behaviour))
    if outcome == "taken":
        assert error is None
    else:
        assert isinstance(error, NotifyError), "it was not taken, and nobody would know"
        assert isinstance(error, NotifyRetry) == (outcome == "retry"), str(error)
        assert str(error), "it says why"
        _assert_no_secret(error)
    out, err = capfd.readouterr()
    assert CANARY not in out + err


@pytest.mark.parametrize("make", [webhook, slack, email])
def test_nobody_listens(make: Callable[[int], Notifier], unused_port: int) -> None:
    error = asyncio.run(_attempt(make(unused_port).notify(NOTICE)))
    assert isinstance(error, NotifyRetry)
    _assert_no_secret(error)


@pytest.mark.parametrize("make", [webhook, slack, email])
def test_a_notifier_shows_no_secret(make: Callable[[int], Notifier]) -> None:
    notifier = make(1)
    assert CANARY not in repr(notifier) + str(notifier) + repr(vars(notifier))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://0.0.0.0:{port}/",
     "http://2130706433:{port}/", "http://0x7f.1:{port}/"],
)  # fmt: skip
def test_private_addresses_are_refused_where_they_are_connected_to(url: str) -> None:
    async def run() -> tuple[Exception | None, int]:
        connections = 0

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            writer.close()

        async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            notifier = WebhookNotifier(SecretStr(url.format(port=port)), SecretStr(CANARY), timeout=2)
            error = await _attempt(notifier.notify(NOTICE))
            await asyncio.sleep(0.02)
            return error, connections

    error, connections = asyncio.run(run())
    assert isinstance(error, NotifyError)
    assert not isinstance(error, NotifyRetry)
    assert "allow_private_addresses" in str(error) or "is no URL" in str(error)
    assert connections == 0


@pytest.mark.parametrize("value", ["7", "Thu, 01 Jan 2099 00:00:00 GMT", "soon", "-1", "9" * 400])
def test_retry_after(value: str) -> None:
    async def run() -> Exception | None:
        async def handle(_request: web.Request) -> web.Response:
            return web.Response(status=429, headers={"Retry-After": value})

        app = web.Application()
        app.router.add_post("/", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            url = SecretStr(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            return await _attempt(WebhookNotifier(url, SecretStr("x"), allow_private_addresses=True).notify(NOTICE))
        finally:
            await runner.cleanup()

    error = asyncio.run(run())
    assert isinstance(error, NotifyRetry)
    if value == "7":
        assert error.retry_after == 7
    elif "2099" in value:
        assert error.retry_after is not None
        assert error.retry_after > 1e6
    elif value in ("soon", "-1"):
        assert error.retry_after is None


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _tell(make: Callable[[int], Notifier], receiver: Callable[[str], Any], behaviour: str) -> Exception | None:
    async with receiver(behaviour) as port:
        return await _attempt(make(port).notify(NOTICE))


async def _attempt(call: Awaitable[None]) -> Exception | None:
    try:
        await call
    except Exception as error:
        return error
    return None


def _assert_no_secret(error: BaseException) -> None:
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(error) + repr(vars(error))
    assert CANARY not in shown


def test_every_notifier_is_under_this_contract() -> None:
    files = {path.stem for path in (Path(__file__).parents[2] / "alerts" / "notifiers").glob("*.py")}
    assert files == {"__init__", "base", "http", "console", "file", "webhook", "slack", "smtp"}
