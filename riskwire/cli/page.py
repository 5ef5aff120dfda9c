"""The page and the API as a part of the running program."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from dashboards.web.server import Server, build_server
from riskwire.cli.supervise import Part
from riskwire.errors import StorageBusy, UsageError
from riskwire.settings import WebSettings

if TYPE_CHECKING:
    from models.inference import OnnxScorer
    from models.registry.reload import FollowingScorer


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


def model_in_words(scorer: OnnxScorer | FollowingScorer) -> str:
    """What /healthz says of the model; why what was promoted does not score, too."""
    said = f"{scorer.model.name} {scorer.model.version} on {scorer.provider}"
    wrong = getattr(scorer, "last_error", "")
    return f"{said}; what was promoted can't be used: {wrong}" if wrong else said
