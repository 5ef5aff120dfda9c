"""`/healthz` and `/metrics` of a worker, on the loopback alone; and how late its event loop is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from riskwire import metrics

_HOST = "127.0.0.1"
_REQUEST_SECONDS = 5.0


async def serve(port: int, health: Callable[[], tuple[bool, dict[str, str]]]) -> asyncio.Server:
    """Answer on this port (0: a free one). `health` says whether all is well, and of what parts that is made."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                path = (await reader.readuntil(b"\r\n")).split(b" ")[1:2]
                status, kind, body = _page(path[0] if path else b"", health)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # who asks like that gets no answer
        finally:
            writer.close()

    return await asyncio.start_server(answer, _HOST, port)


def _page(path: bytes, health: Callable[[], tuple[bool, dict[str, str]]]) -> tuple[str, str, bytes]:
    if path == b"/healthz":
        well, parts = health()
        return "200 OK" if well else "503 Service Unavailable", "application/json", json.dumps(parts).encode()
    if path == b"/metrics":
        return "200 OK", "text/plain; version=0.0.4", metrics.render()
    return "404 Not Found", "text/plain", b"/healthz or /metrics\n"


async def measure_lag(every: float = 0.05) -> None:
    """For ever: by how much a sleep of this loop is late, as a histogram."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(every)
        metrics.loop_lag.observe(max(time.perf_counter() - before - every, 0.0))
