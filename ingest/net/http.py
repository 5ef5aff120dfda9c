"""One conditional GET, politely and with every limit. What must not be fetched is refused before a byte is sent."""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from ingest.net.address import check_url
from ingest.net.files import read_local
from ingest.net.headers import fresh_for, retry_after, safe
from ingest.net.resolver import DaemonResolver
from ingest.net.robots import Robots
from ingest.net.unpack import unpacker
from riskwire import __version__
from riskwire.clock import Clock, SystemClock
from riskwire.errors import AddressRefused, FetchError, TooLarge
from riskwire.net import is_public
from riskwire.settings import IngestSettings

MAX_REDIRECTS = 5
_MOVED = {301, 302, 303, 307, 308}
_FOR_GOOD = {301, 308}
_CHUNK = 64 * 1024
_ROBOTS_SECONDS = 10.0
#: The addresses refused while one request looked for a connection; its socket factory knows nothing of the request.
_refused: ContextVar[list[str] | None] = ContextVar("ingest_refused", default=None)


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What one GET brought. `url` is the last of the redirects, `permanent` where those that are meant for good led.

    `fresh` is how many seconds the answer stays what it is, as far as the server says; `robots_until` is how long what
    robots.txt said on the way holds, where it was asked.
    """

    url: str
    status: int = 200
    body: bytes = b""
    not_modified: bool = False
    content_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    permanent: str | None = None
    fresh: float | None = None
    robots_until: datetime | None = None
    headers: dict[str, str] = {}


class _Moved(msgspec.Struct, frozen=True):
    status: int
    location: str


class Fetcher:
    """An HTTP client for sources. Use it as an async context manager; it is safe to share between tasks."""

    def __init__(
        self,
        settings: IngestSettings,
        *,
        clock: Clock | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._robots = Robots(self._clock)

    @property
    def user_agent(self) -> str:
        """`Riskwire/VERSION (+contact)`."""
        contact = "".join(c for c in self._settings.contact if c.isprintable()).strip()
        return f"Riskwire/{__version__}" + (f" (+{contact})" if contact else "")

    async def __aenter__(self) -> Fetcher:
        connector = aiohttp.TCPConnector(
            limit=self._settings.concurrency,
            limit_per_host=self._settings.per_host,
            resolver=self._resolver or DaemonResolver(self._settings.connect_timeout),
            socket_factory=self._make_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,  # done below, where it can be stopped at the cap
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.user_agent, "Accept-Encoding": "gzip, deflate"},
            timeout=aiohttp.ClientTimeout(
                total=self._settings.timeout, sock_connect=self._settings.connect_timeout, sock_read=None
            ),
            trust_env=False,  # a proxy of the environment would connect where we can't look
            max_line_size=16 * 1024,
            max_field_size=16 * 1024,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        accept: str = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5",
        headers: Mapping[str, str] | None = None,
        robots: bool = False,
        robots_known: bool = False,
    ) -> Fetched:
        """Fetch a URL; with validators, conditionally. `file:` only where the settings allow it.

        `headers` may hold credentials: they are sent to this URL's host alone, and not along with a redirect.
        With `robots`, each host on the way is asked first whether it wants programs there (`ingest.net.robots`), unless
        `ingest.ignore_robots` is set; not this URL's own when that is `robots_known`.

        Raises AddressRefused (nothing was connected to), TooLarge, or FetchError with status and Retry-After.
        """
        parts = check_url(url, schemes=("http", "https", "file"))
        if parts.scheme == "file":
            return await self._local(url, etag)
        wanted = {"Accept": accept}
        if etag and safe(etag):
            wanted["If-None-Match"] = etag
        if last_modified and safe(last_modified):
            wanted["If-Modified-Since"] = last_modified
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._follow(
                    url, wanted, headers or {},
                    robots=robots and not self._settings.ignore_robots, known=robots_known,
                )  # fmt: skip
        except TimeoutError:
            raise FetchError(f"did not answer in full within {self._settings.timeout:g} s", about=url) from None

    async def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        """Send a form (for access tokens). Redirects are not followed. Raises as `get` does."""
        check_url(url)
        wanted = {"Accept": "application/json", **(headers or {})}
        try:
            async with asyncio.timeout(self._settings.timeout):
                answer = await self._one(url, wanted, form)
        except TimeoutError:
            raise FetchError(f"did not answer in full within {self._settings.timeout:g} s", about=url) from None
        if isinstance(answer, _Moved):
            raise FetchError("redirects what is sent to it", about=url)
        return answer

    async def _local(self, url: str, etag: str | None) -> Fetched:
        if not self._settings.allow_local_files:
            raise AddressRefused("local files are not read", about=url, hint="Allow them with --allow-local-files.")
        found = await asyncio.to_thread(read_local, url, self._settings.max_bytes, etag)
        return Fetched(
            url=url, status=304 if found.body is None else 200, body=found.body or b"", etag=found.tag,
            not_modified=found.body is None,
        )  # fmt: skip

    async def _follow(
        self, url: str, wanted: Mapping[str, str], private: Mapping[str, str], *, robots: bool, known: bool = False
    ) -> Fetched:
        here, permanent, forever = url, None, True
        until: list[datetime] = []
        for _ in range(MAX_REDIRECTS + 1):
            check_url(here)
            if robots and not (known and here == url):
                until.append(await self._robots.check(here, self._get_robots))
            answer = await self._one(here, {**wanted, **private} if here == url else wanted)
            if isinstance(answer, Fetched):
                return msgspec.structs.replace(answer, permanent=permanent, robots_until=min(until, default=None))
            here = urljoin(here, answer.location)
            forever = forever and answer.status in _FOR_GOOD
            permanent = here if forever else permanent
        raise FetchError(f"was redirected more than {MAX_REDIRECTS} times", about=url)

    async def _get_robots(self, url: str) -> Fetched:
        async with asyncio.timeout(min(self._settings.timeout / 2, _ROBOTS_SECONDS)):
            return await self._follow(url, {"Accept": "text/plain, */*;q=0.5"}, {}, robots=False)

    async def _one(
        self, url: str, wanted: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> Fetched | _Moved:
        """What is there, or the address it moved to."""
        assert self._session is not None, "use the Fetcher as an async context manager"
        refused: list[str] = []
        token = _refused.set(refused)
        try:
            async with self._session.request(
                "GET" if form is None else "POST", url, headers=wanted, data=form, allow_redirects=False
            ) as response:
                conditional = "If-None-Match" in wanted or "If-Modified-Since" in wanted
                return await self._read(url, response, conditional=conditional)
        except aiohttp.ClientError as error:
            if refused:
                raise AddressRefused(
                    f"leads to {refused[0]}, which is a private or local address",
                    about=url,
                    hint="Allow it with --allow-private-addresses.",
                ) from None
            raise _connection_error(url, error) from None
        except (ValueError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise FetchError("could not be fetched", about=url) from error
        finally:
            _refused.reset(token)

    async def _read(self, url: str, response: aiohttp.ClientResponse, *, conditional: bool) -> Fetched | _Moved:
        headers = {name.lower(): value for name, value in response.headers.items()}
        now = self._clock.now()
        if response.status in _MOVED and "location" in headers:
            return _Moved(response.status, headers["location"])
        if response.status == 304 and conditional:
            return _fetched(url, response.status, headers, now)
        if response.status != 200:
            raise _status_error(url, response.status, headers, now)
        body = await self._body(url, response, headers)
        return msgspec.structs.replace(_fetched(url, 200, headers, now), body=body)

    async def _body(self, url: str, response: aiohttp.ClientResponse, headers: Mapping[str, str]) -> bytes:
        cap = self._settings.max_bytes
        unpack = unpacker(headers.get("content-encoding", ""), url)
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            pending = chunk
            while pending:
                # One byte more than the cap is enough to know; a bomb is never unpacked beyond it.
                try:
                    piece, pending = unpack(pending, cap + 1 - len(body))
                except zlib.error as error:
                    raise FetchError("is compressed wrongly", about=url) from error
                body += piece
                if len(body) > cap:
                    raise TooLarge(f"is larger than {cap:,} bytes", about=url, hint="The limit is ingest.max_bytes.")
        return bytes(body)

    def _make_socket(self, info: Any) -> socket.socket:
        family, kind, proto, _name, address = info
        if not self._settings.allow_private_addresses and not is_public(str(address[0])):
            refused = _refused.get()
            if refused is not None:
                refused.append(str(address[0]))
            raise OSError(f"{address[0]} is a private or local address")
        return socket.socket(family=family, type=kind, proto=proto)


def _fetched(url: str, status: int, headers: dict[str, str], now: datetime) -> Fetched:
    return Fetched(
        url=url,
        status=status,
        not_modified=status == 304,
        content_type=headers.get("content-type"),
        etag=safe(headers.get("etag")),
        last_modified=safe(headers.get("last-modified")),
        fresh=fresh_for(headers, now),
        headers=headers,
    )


def _connection_error(url: str, error: aiohttp.ClientError) -> FetchError:
    """In words for people; the library's own only where there are no better ones."""
    hint = ""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        message, hint = "its host name could not be looked up", "Is this machine on the internet?"
    elif isinstance(error, aiohttp.ClientConnectorCertificateError):
        message = "has no certificate that is trusted"
    elif isinstance(error, aiohttp.ServerTimeoutError):
        message = "could not be connected to in time"
    elif isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or str(error.os_error)
        message = f"could not be connected to ({reason[:200]})"
    elif isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        message = "broke off before all was there"
    else:
        message = f"could not be fetched ({type(error).__name__}: {str(error)[:200]})"
    return FetchError(message, about=url, hint=hint)


def _status_error(url: str, status: int, headers: Mapping[str, str], now: datetime) -> FetchError:
    wait = retry_after(headers, now) if status in (429, 503) else None
    if status == 410:
        message, hint = "is gone for good (410)", "Remove it from the feeds file."
    elif "challenge" in headers.get("cf-mitigated", ""):
        message, hint = f"answers programs with a challenge page ({status})", "Its owner does not want to be polled."
    elif status in (401, 403):
        message, hint = f"refused us ({status})", "Some publishers want ingest.contact, or no programs at all."
    elif status == 429:
        message, hint = "asks us to come less often (429)", ""
    elif status == 404:
        message, hint = "is not there (404)", "Look for its new address."
    else:
        message, hint = f"answered with status {status}", ""
    return FetchError(message, about=url, hint=hint, status=status, retry_after=wait)
