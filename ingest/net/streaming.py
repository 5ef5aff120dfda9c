"""Connections that are held open: WebSocket frames and server-sent events, with the limits that a fetch has.

The address is checked where the socket is made, redirects are not followed, a message has a largest size, and a
connection on which nothing arrives ends with an error: some servers accept it and then say nothing (`silence`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import msgspec

from ingest.net.address import check_url
from ingest.net.headers import retry_after
from ingest.net.resolver import DaemonResolver
from riskwire.errors import AddressRefused, FetchError, TooLarge
from riskwire.net import AddressGuard
from riskwire.settings import IngestSettings

#: The largest message, in bytes. A post has a few kilobytes.
MAX_MESSAGE = 1024 * 1024
_CLOSED = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED}


class Refused(FetchError):
    """The server answered, but not with a stream. `reason` is the name of the error that its answer holds, if any."""

    reason: str = ""


class Event(msgspec.Struct, frozen=True):
    """One server-sent event; a heartbeat (a comment) has the name "" and no data."""

    name: str
    data: str = ""


class _Answer(msgspec.Struct, frozen=True):
    error: str = ""


_answer = msgspec.json.Decoder(_Answer)


class _Silence:
    """How long nothing has come, at most `most` seconds. Only what was waited here counts: to store a batch may take
    long, and is not the server's silence.
    """

    def __init__(self, url: str, most: float) -> None:
        self._url, self._most, self._waited = url, most, 0.0

    def lasted(self, seconds: float) -> None:
        """So much longer. Raises FetchError: too long."""
        self._waited += seconds
        if self._waited >= self._most:
            raise FetchError(f"sent nothing for {self._most:g} s", about=self._url) from None

    def ended(self) -> None:
        """Something came."""
        self._waited = 0.0


class Socket:
    """An open WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, url: str, silence: float) -> None:
        self._socket, self._url, self._silence = socket, url, _Silence(url, silence)

    async def receive(self, within: float) -> bytes | None:
        """The next message; None when so many seconds bring none.

        Raises FetchError when the stream has ended, or nothing has come for as long as `silence`.
        """
        started = time.monotonic()
        try:
            message = await self._socket.receive(within)
        except TimeoutError:
            self._silence.lasted(min(time.monotonic() - started, within))
            return None
        except (aiohttp.ClientError, OSError) as error:
            raise _broken(self._url, error) from None
        self._silence.ended()
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data).encode()
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        if self._socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            raise TooLarge(f"sent a message larger than {MAX_MESSAGE:,} bytes", about=self._url)
        if message.type in _CLOSED:
            raise FetchError("ended the stream", about=self._url)
        raise FetchError("broke the stream off", about=self._url)


class EventReader:
    """Server-sent events as they come."""

    def __init__(self, content: aiohttp.StreamReader, url: str, silence: float) -> None:
        self._content, self._url, self._silence = content, url, _Silence(url, silence)
        self._held = b""
        self._lines: deque[bytes] = deque()
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    async def receive(self, within: float) -> Event | None:
        """The next event or heartbeat; None when so many seconds bring none.

        Raises FetchError when the stream has ended, or nothing has come for as long as `silence`.
        """
        started = time.monotonic()
        while True:
            while self._lines:
                if (event := self._line(self._lines.popleft())) is not None:
                    return event
            try:
                async with asyncio.timeout(max(started + within - time.monotonic(), 0)):
                    chunk = await self._content.readany()
            except TimeoutError:
                self._silence.lasted(min(time.monotonic() - started, within))
                return None
            except (aiohttp.ClientError, OSError) as error:
                raise _broken(self._url, error) from None
            if not chunk:
                raise FetchError("ended the stream", about=self._url)
            self._silence.ended()
            *ended, self._held = (self._held + chunk).split(b"\n")
            self._lines.extend(ended)
            if len(self._held) > MAX_MESSAGE:
                raise TooLarge(f"sent a line larger than {MAX_MESSAGE:,} bytes", about=self._url)

    def _line(self, raw: bytes) -> Event | None:
        line = raw.removesuffix(b"\r").decode("utf-8", "replace")
        if line.startswith(":"):
            return Event("")
        if not line:
            event = Event(self._name or "message", "\n".join(self._data)) if self._data else None
            self._name, self._data, self._size = "", [], 0
            return event
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        self._size += len(value)
        if self._size > MAX_MESSAGE:
            raise TooLarge(f"sent an event larger than {MAX_MESSAGE:,} bytes", about=self._url)
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        return None


@asynccontextmanager
async def websocket(
    url: str, settings: IngestSettings, *, user_agent: str, silence: float, protocols: tuple[str, ...] = ()
) -> AsyncIterator[Socket]:
    """An open WebSocket on a `ws:` or `wss:` URL. Raises AddressRefused, Refused (with its status), FetchError."""
    check_url(url, schemes=("ws", "wss"))
    shown = _shown(url)
    async with _session(settings, user_agent) as (session, guard):
        try:
            async with asyncio.timeout(settings.timeout):
                socket = await session.ws_connect(
                    url,
                    protocols=protocols,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                    # A peer that is gone answers no ping. A ping is no data: servers that only send allow it.
                    heartbeat=silence / 2,
                    max_msg_size=MAX_MESSAGE,
                    compress=0,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise FetchError("opens no stream", about=shown, status=error.status) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(shown, error, guard) from None
        try:
            yield Socket(socket, shown, silence)
        finally:
            await socket.close()


@asynccontextmanager
async def events(
    url: str, settings: IngestSettings, *, user_agent: str, silence: float, token: str | None = None
) -> AsyncIterator[EventReader]:
    """The server-sent events of an `http:` or `https:` URL; `token` is sent as a bearer's.

    Raises AddressRefused, Refused, and while it is read FetchError when it ends or falls silent.
    """
    check_url(url)
    shown = _shown(url)
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity", "Cache-Control": "no-store"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with _session(settings, user_agent) as (session, guard):
        try:
            async with asyncio.timeout(settings.timeout):
                response = await session.get(url, headers=headers, allow_redirects=False)
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(shown, error, guard) from None
        try:
            if response.content_type != "text/event-stream":
                raise Refused(f"answers with {response.content_type}, not with a stream of events", about=shown)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise Refused("compresses a stream that was asked for plain", about=shown)
            yield EventReader(response.content, shown, silence)
        finally:
            response.close()


@asynccontextmanager
async def _session(
    settings: IngestSettings, user_agent: str
) -> AsyncIterator[tuple[aiohttp.ClientSession, AddressGuard]]:
    guard = AddressGuard(allow_private=settings.allow_private_addresses)
    async with aiohttp.ClientSession(
        connector=guard.connector(resolver=DaemonResolver(settings.connect_timeout)),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout),
        trust_env=False,
        raise_for_status=_refuse,  # sees the answer of a refused handshake, whose body says why
    ) as session:
        yield session, guard


async def _refuse(response: aiohttp.ClientResponse) -> None:
    if response.status in (101, 200):
        return
    try:
        async with asyncio.timeout(5):
            body = await response.content.read(4096)
        reason = _answer.decode(body).error
    except (TimeoutError, aiohttp.ClientError, msgspec.MsgspecError, UnicodeDecodeError):
        reason = ""
    named = f": {reason}" if reason.isidentifier() else ""
    headers = {name.lower(): value for name, value in response.headers.items()}
    response.close()
    raise _refused(_shown(str(response.url)), response.status, named.removeprefix(": "), headers)


def _refused(shown: str, status: int, reason: str, headers: Mapping[str, str]) -> Refused:
    hint = {
        401: "Its token is missing, expired, or lacks the right to read.",
        403: "Its owner does not want this program here, or the token lacks a right.",
        404: "Is the address right?",
    }.get(status, "")
    error = Refused(
        f"opens no stream ({status}{f' {reason}' if reason else ''})",
        about=shown,
        hint=hint,
        status=status,
        retry_after=retry_after(headers, datetime.now(UTC)) if status in (429, 503) else None,
    )
    error.reason = reason
    return error


def _unreachable(shown: str, error: Exception, guard: AddressGuard) -> FetchError:
    if guard.refused:
        return AddressRefused(
            f"leads to {guard.refused}, which is a private or local address",
            about=shown,
            hint="Allow it with --allow-private-addresses.",
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FetchError("its host name could not be looked up", about=shown, hint="Is this machine on the internet?")
    if isinstance(error, TimeoutError):
        return FetchError("could not be connected to in time", about=shown)
    return FetchError(f"could not be connected to ({type(error).__name__})", about=shown)


def _broken(shown: str, error: Exception) -> FetchError:
    # Without the library's text: it may quote the request, and that holds the token.
    return FetchError(f"broke the stream off ({type(error).__name__})", about=shown)


def _shown(url: str) -> str:
    """The URL for people: without its query, where a cursor makes it another at every connection."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
