"""The fetcher against real local servers: limits, manners, and addresses that nothing may reach."""

import asyncio
import gzip
import socket
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

import ingest.net.http
from ingest.net.http import Fetched, Fetcher
from riskwire.errors import AddressRefused, FetchError, TooLarge
from riskwire.net import is_public
from riskwire.settings import IngestSettings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def settings(**fields: Any) -> IngestSettings:
    return IngestSettings(**({"allow_private_addresses": True, "timeout": 5} | fields))


@asynccontextmanager
async def serving(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    try:
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def fetch(handler: Handler, path: str = "/feed", config: IngestSettings | None = None, **more: Any) -> Fetched:
    async def run() -> Fetched:
        async with serving(handler) as base, Fetcher(config or settings()) as fetcher:
            return await fetcher.get(base + path, **more)

    return asyncio.run(run())


def failing(handler: Handler, **more: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(handler, **more)
    return caught.value


def answering(body: bytes = b"<rss/>", status: int = 200, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return handler


def test_what_is_fetched() -> None:
    seen: dict[str, str] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(request.headers)
        return web.Response(
            body=b"<rss/>",
            headers={"ETag": '"1"', "Last-Modified": "Sun, 08 Mar 2026 22:16:00 GMT", "Cache-Control": "max-age=600",
                     "Content-Type": "application/rss+xml; charset=utf-8"},
        )  # fmt: skip

    found = fetch(handler, config=settings(contact="Jo Doe\r\nX: y jo@example.org"))
    assert (found.body, found.etag, found.fresh) == (b"<rss/>", '"1"', 600)
    assert found.last_modified == "Sun, 08 Mar 2026 22:16:00 GMT"
    assert found.content_type == "application/rss+xml; charset=utf-8"
    assert seen["User-Agent"].startswith("Riskwire/")
    assert "jo@example.org" in seen["User-Agent"]
    assert "X" not in seen


def test_conditional_get() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["If-Modified-Since"] == "Sun, 08 Mar 2026 22:16:00 GMT"
        return web.Response(status=304 if request.headers.get("If-None-Match") == '"1"' else 200)

    found = fetch(handler, etag='"1"', last_modified="Sun, 08 Mar 2026 22:16:00 GMT")
    assert found.not_modified
    assert failing(answering(status=304)).status == 304  # nobody asked for that


@pytest.mark.parametrize(
    ("status", "says"), [(404, "404"), (410, "gone"), (403, "refused"), (401, "refused"), (500, "500"), (204, "204")]
)
def test_other_statuses(status: int, says: str) -> None:
    error = failing(answering(status=status))
    assert (error.status, error.retry_after) == (status, None)
    assert says in str(error)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(status: int) -> None:
    assert failing(answering(status=status, Retry_After="120")).retry_after == 120
    dated = failing(answering(status=status, Retry_After="Wed, 01 Jan 2200 00:00:00 GMT"))
    assert dated.retry_after == 86_400
    assert failing(answering(status=status)).retry_after is None


def test_redirects_are_followed_a_few_times() -> None:
    async def handler(request: web.Request) -> web.Response:
        left = int(request.path.strip("/"))
        if left == 0:
            return web.Response(body=b"there")
        raise web.HTTPFound(f"/{left - 1}")

    async def stubborn(request: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently("/again")

    assert fetch(handler, "/5").body == b"there"
    assert fetch(handler, "/5").url.endswith("/0")
    with pytest.raises(FetchError, match="more than 5"):
        fetch(handler, "/6")
    with pytest.raises(FetchError, match="more than 5"):
        fetch(stubborn)
    assert failing(answering(status=302)).status == 302  # without a Location


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/", "gopher://x/"])
def test_redirects_never_leave_http(target: str) -> None:
    error = failing(answering(status=302, Location=target), config=settings(allow_local_files=True))
    assert isinstance(error, AddressRefused)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "raw"])
def test_compressed(encoding: str) -> None:
    text = b"<rss>" + b"words " * 1000
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(text), "x-gzip": gzip.compress(text) + b"trailing", "deflate": zlib.compress(text),
        "raw": raw.compress(text) + raw.flush(),
    }[encoding]  # fmt: skip
    name = "deflate" if encoding == "raw" else encoding
    assert fetch(answering(packed, Content_Encoding=name)).body == text


def test_wrongly_compressed() -> None:
    assert "wrongly" in str(failing(answering(b"not gzip at all", Content_Encoding="gzip")))
    assert "br" in str(failing(answering(b"x", Content_Encoding="br")))


def test_the_cap_counts_after_decompression() -> None:
    config = settings(max_bytes=100_000)
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    started = time.perf_counter()
    for handler in (
        answering(bomb, Content_Encoding="gzip"),
        answering(zlib.compress(b"\0" * 50_000_000), Content_Encoding="deflate"),
        answering(b"x" * 100_001),
    ):
        assert isinstance(failing(handler, config=config), TooLarge)
    assert time.perf_counter() - started < 5
    assert len(fetch(answering(b"x" * 100_000), config=config).body) == 100_000


def test_a_gigabyte_in_a_megabyte_takes_no_memory() -> None:
    """At the default cap of 15 MiB, however much is behind it."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()
    assert len(bomb) < 1_100_000

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    before, most = resident(), 0

    async def run() -> None:
        nonlocal most
        async with serving(answering(bomb, Content_Encoding="gzip")) as base, Fetcher(settings()) as fetcher:
            asking = asyncio.ensure_future(fetcher.get(base + "/feed"))
            while not asking.done():
                most = max(most, resident())
                await asyncio.sleep(0.001)
            with pytest.raises(TooLarge):
                await asking

    asyncio.run(run())
    assert most - before < 200 * 1024 * 1024


def test_hanging_servers_are_left() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(600):
            await response.write(b"x")
            await asyncio.sleep(0.1)
        return response

    for handler in (silent, dripping):
        started = time.perf_counter()
        error = failing(handler, config=settings(timeout=0.5))
        assert "0.5 s" in str(error)
        assert time.perf_counter() - started < 3


def raw_server(answer: bytes) -> FetchError:
    """Fetch from a server that sends these bytes and closes."""

    async def run() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, Fetcher(settings()) as fetcher:
            await fetcher.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    with pytest.raises(FetchError) as caught:
        asyncio.run(run())
    return caught.value


@pytest.mark.parametrize(
    "answer",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut off",
     b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"],
)  # fmt: skip
def test_servers_that_speak_no_http(answer: bytes) -> None:
    raw_server(answer)


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match="could not be connected to"):
        asyncio.run(get(f"http://127.0.0.1:{port}/", settings()))
    with pytest.raises(FetchError, match="host name could not be looked up"):
        asyncio.run(get("http://no-such-host.invalid/", settings()))
    with pytest.raises(FetchError):
        asyncio.run(get(f"http://{'a' * 64}.example/", settings()))


async def get(url: str, config: IngestSettings, resolver: AbstractResolver | None = None) -> Fetched:
    async with Fetcher(config, resolver=resolver) as fetcher:
        return await fetcher.get(url)


# -- addresses


class Counting:
    """A listening socket that counts who comes."""

    def __init__(self) -> None:
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
        writer.close()


class Names(AbstractResolver):
    """A resolver that answers as told, one answer a question; the last again and again."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in answer.split()
        ]

    async def close(self) -> None:
        pass


def reached(*urls: str, resolver: AbstractResolver | None = None, redirect_from: str | None = None) -> list[Any]:
    """Fetch each; every one must be refused. `{port}` is that of a socket on 127.0.0.1, ::1 and 127.0.0.2's answer."""

    async def run() -> list[Any]:
        counting = Counting()
        server = await asyncio.start_server(counting, ["127.0.0.1", "::1"], 0)
        port = server.sockets[0].getsockname()[1]
        outcomes: list[Any] = []
        async with server, Fetcher(IngestSettings(timeout=3), resolver=resolver) as fetcher:
            for url in urls:
                try:
                    outcomes.append(await fetcher.get(url.format(port=port)))
                except FetchError as error:
                    outcomes.append(error)
        assert counting.connections == 0
        return outcomes

    return asyncio.run(run())


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://0.0.0.0:{port}/",
     "http://[::]:{port}/", "http://localhost:{port}/", "http://localhost.:{port}/", "http://LOCALHOST:{port}/",
     "http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://127.1:{port}/", "http://0177.0.0.1:{port}/",
     "http://127.0.0.1.:{port}/", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://10.0.0.1/",
     "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::7f00:1]:{port}/", "https://127.0.0.1:{port}/"],
)  # fmt: skip
def test_private_addresses_are_never_connected_to(url: str) -> None:
    (error,) = reached(url)
    # A spelling that the system does not even take for an address is as good.
    assert isinstance(error, FetchError)
    if "could not" not in str(error):
        assert isinstance(error, AddressRefused)
        assert "--allow-private-addresses" in str(error)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "gopher://127.0.0.1:{port}/", "http://a@127.0.0.1:{port}/", "x:y"])
def test_other_kinds_are_never_connected_to(url: str) -> None:
    assert isinstance(reached(url)[0], AddressRefused)


def test_names_that_lead_inside_are_refused() -> None:
    (error,) = reached("http://public.example:{port}/", resolver=Names("127.0.0.1"))
    assert isinstance(error, AddressRefused)
    assert "127.0.0.1" in str(error)


def test_names_that_change_their_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    # 127.0.0.2 plays the public address: it answers, and is let through.
    monkeypatch.setattr(ingest.net.http, "is_public", lambda ip: ip == "127.0.0.2" or is_public(ip))

    async def run() -> None:
        counting = Counting()
        async with serving(answering(b"public", Connection="close"), "127.0.0.2") as base:
            port = int(base.rpartition(":")[2])
            inside = await asyncio.start_server(counting, "127.0.0.1", port)
            async with inside, Fetcher(IngestSettings(timeout=3), resolver=Names("127.0.0.2", "127.0.0.1")) as fetcher:
                fetcher._session.connector._use_dns_cache = False  # type: ignore[union-attr]
                assert (await fetcher.get(f"http://rebind.example:{port}/")).body == b"public"
                with pytest.raises(AddressRefused):
                    await fetcher.get(f"http://rebind.example:{port}/")
        assert counting.connections == 0

    asyncio.run(run())


@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/x", "http://inside.example:{port}/x", "//[::1]:{port}/x"])
def test_redirects_to_the_inside_are_refused(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.setattr(ingest.net.http, "is_public", lambda ip: ip == "127.0.0.2" or is_public(ip))

    async def run() -> None:
        counting = Counting()
        inside = await asyncio.start_server(counting, ["127.0.0.1", "::1"], 0)
        port = inside.sockets[0].getsockname()[1]
        handler = answering(status=302, Location=target.format(port=port))
        fetcher = Fetcher(IngestSettings(timeout=3), resolver=Names("127.0.0.1"))
        async with inside, serving(handler, "127.0.0.2") as base, fetcher:
            with pytest.raises(AddressRefused):
                await fetcher.get(base + "/feed")
        assert counting.connections == 0

    asyncio.run(run())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(answering(b"direct")).body == b"direct"


# -- files


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a feed.xml"
    path.write_bytes(b"<rss/>")
    allowed = settings(allow_local_files=True, max_bytes=1024)

    async def read(url: str, config: IngestSettings, etag: str | None = None) -> Fetched:
        async with Fetcher(config) as fetcher:
            return await fetcher.get(url, etag=etag)

    found = asyncio.run(read(path.as_uri(), allowed))
    assert found.body == b"<rss/>"
    assert asyncio.run(read(path.as_uri(), allowed, found.etag)).not_modified
    with pytest.raises(AddressRefused, match="--allow-local-files"):
        asyncio.run(read(path.as_uri(), settings()))
    for url, kind in (
        (tmp_path.as_uri(), AddressRefused),
        ("file:///dev/zero", AddressRefused),
        ("file://elsewhere.example/etc/passwd", AddressRefused),
        ((tmp_path / "none.xml").as_uri(), FetchError),
    ):
        with pytest.raises(kind):
            asyncio.run(read(url, allowed))
    path.write_bytes(b"x" * 1025)
    with pytest.raises(TooLarge):
        asyncio.run(read(path.as_uri(), allowed))
