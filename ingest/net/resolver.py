"""Host names → addresses, each look-up in a thread of its own.

asyncio's own way uses the shared thread pool: on a machine without the internet a few names that hang there would hold
up everything else that runs in it, the log included, and the end of the program, which waits for its threads.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_AT_ONCE = 16


class DaemonResolver(AbstractResolver):
    """`socket.getaddrinfo` under a time limit in seconds, at most 16 at once."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError, also when it took too long."""
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout):
                    found = await _getaddrinfo(host, port, family)
            except TimeoutError:
                raise OSError(f"looking up {host} took more than {self._timeout:g} s") from None
        return [
            ResolveResult(
                hostname=host,
                host=sockaddr[0],
                port=sockaddr[1],
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _type, proto, _name, sockaddr in found
        ]

    async def close(self) -> None:
        """Nothing is held: a look-up still under way ends with its thread."""


async def _getaddrinfo(host: str, port: int, family: int) -> list[Any]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(found: list[Any] | None, error: OSError | None) -> None:
        if answer.done():  # the time limit came first
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found or [])

    def look_up() -> None:
        found: list[Any] | None = None
        error: OSError | None = None
        try:
            found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except OSError as failure:
            error = failure
        except UnicodeError:  # a name that IDNA can't write, such as one with a label of 64 characters
            error = OSError(f"{host!r} is no host name")
        try:
            loop.call_soon_threadsafe(settle, found, error)
        except RuntimeError:
            return  # the loop has ended; nobody waits

    threading.Thread(target=look_up, name="dns", daemon=True).start()
    return await answer
