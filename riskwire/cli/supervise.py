"""Several long-running parts in one event loop: all run, or none does."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping

from starlette.applications import Starlette

from dashboards.web.server import Server, build_server
from riskwire.errors import StorageBusy, UsageError
from riskwire.log import get_logger
from riskwire.settings import WebSettings

log = get_logger("up")

Part = Callable[[asyncio.Event], Awaitable[None]]

#: Seconds the parts get to finish what they have in hand.
GRACE = 15.0


async def supervise(parts: Mapping[str, Part], stop: asyncio.Event) -> None:
    """Run every part until `stop` is set, SIGINT or SIGTERM comes, or one of them ends.

    A part that fails stops the others gracefully, and its exception is raised: half a program that looks healthy would
    be worse than one that its supervisor restarts.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks = {asyncio.create_task(_named(part, stop), name=name): name for name, part in parts.items()}
    waiter = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*tasks, waiter}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        waiter.cancel()
        # From here on a second Ctrl-C means it.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        _, unfinished = await asyncio.wait(tasks, timeout=GRACE)
        for task in unfinished:
            log.warning("part did not stop in time", part=tasks[task], seconds=GRACE)
            task.cancel()
        await asyncio.gather(*tasks, waiter, return_exceptions=True)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _named(part: Part, stop: asyncio.Event) -> None:
    await part(stop)


def bind(host: str, port: int) -> socket.socket:
    """The listening socket, bound before anything else starts. Raises StorageBusy or UsageError in plain words."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StorageBusy(
                f"port {port} is in use", about=f"{host}:{port}", hint="Stop the other program, or give another --port."
            ) from None
        raise UsageError(
            "can't listen on this address", about=f"{host}:{port}", hint="Try --host 127.0.0.1."
        ) from error
    listener.set_inheritable(False)
    return listener


class _Server(Server):
    """The page's server without uvicorn's own signal handlers: `supervise` has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def web_part(app: Starlette, settings: WebSettings, listener: socket.socket) -> Part:
    """The page and the API as a part, on a socket that is bound already."""

    async def serve(stop: asyncio.Event) -> None:
        server = _Server(build_server(app, settings).config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        await serving

    return serve
