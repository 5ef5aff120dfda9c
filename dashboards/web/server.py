"""The application on a socket: a uvicorn server that stops at once, even while event streams are open."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette

from dashboards.web.security import check_bind
from riskwire.settings import WebSettings


class Server(uvicorn.Server):
    """uvicorn waits for open answers before it tells the application to stop, and an event stream never ends by
    itself: so the streams are ended first."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams, then stop as uvicorn does."""
        app = self.config.app
        assert isinstance(app, Starlette)
        if app.state.hub is not None:
            app.state.hub.close()
        await super().shutdown(sockets)


def build_server(app: Starlette, settings: WebSettings) -> Server:
    """A server for `app` on `settings.host:port`. Raises ConfigError where the page would be open to the network."""
    check_bind(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=3,
        # Slow readers can't hold the program: a request's header must fit here.
        h11_max_incomplete_event_size=16 * 1024,
    )
    return Server(config)
