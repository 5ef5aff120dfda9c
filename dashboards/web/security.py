"""Who may ask, and what a browser may do with the answer. Everything fails closed.

- Host check: a page of another origin can't reach us under a name of its own (DNS rebinding).
- A bind beyond the loopback without a token is refused at start.
- Headers: nothing but our own files runs; no other page may frame us or read us (no CORS header at all).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.web.responses import error_response
from riskwire import metrics
from riskwire.errors import ConfigError
from riskwire.settings import WebSettings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False  # a name may lead anywhere, and an empty host is every address


def check_bind(settings: WebSettings) -> None:
    """Raises ConfigError when the page would be open to the network without a token."""
    if not is_loopback(settings.host) and settings.token is None:
        raise ConfigError(
            f"would be open to the network without a token (host {settings.host or 'is empty'})",
            about="web.token",
            hint="Set RISKWIRE_WEB__TOKEN to at least 16 characters, or listen on 127.0.0.1.",
        )


def host_name(header: str) -> str | None:
    """The name in a Host header, lower case, without port, brackets and final dot; None when it is not one name."""
    name = header.strip().lower()
    if name.startswith("["):
        name, bracket, rest = name[1:].partition("]")
        if not bracket or (rest and not _is_port(rest)):
            return None
    elif ":" in name:
        name, _, port = name.partition(":")
        if not _is_port(f":{port}"):
            return None
    name = name.rstrip(".")
    return name if name and all(c.isalnum() or c in "-._:" for c in name) else None


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and (text[1:].isdecimal() or text == ":")


class HostCheck:
    """Answers only to names that are known to be ours: the loopback's, the configured ones, and the very address that
    the connection came in on (whoever typed an address used no name that could be rebound)."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self.app = app
        self.allowed = LOOPBACK | {name.strip("[]").rstrip(".").lower() for name in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        hosts = Headers(scope=scope).getlist("host")
        name = host_name(hosts[0]) if len(hosts) == 1 else None
        own = (scope.get("server") or ("",))[0]
        if name is not None and (name in self.allowed or name == own):
            await self.app(scope, receive, send)
            return
        hint = "If it is yours, add it to web.allowed_hosts."
        await error_response(421, "this host name is not answered here", hint=hint)(scope, receive, send)


class SecureHeaders:
    """Puts the security headers on every answer; one that already has a policy of its own keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class CountRequests:
    """Counts every answer by route and status. `label` gives the route's pattern, so that ids make no new series."""

    def __init__(self, app: ASGIApp, label: Callable[[Scope], str]) -> None:
        self.app = app
        self.label = label

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.http_requests.labels(self.label(scope), str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counted if scope["type"] == "http" else send)


def unauthorised(message: str) -> Response:
    """401 for programs."""
    return error_response(
        401,
        message,
        hint="Send `Authorization: Bearer TOKEN` (web.token).",
        headers={"WWW-Authenticate": 'Bearer realm="riskwire"'},
    )
