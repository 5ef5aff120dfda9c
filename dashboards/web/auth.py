"""The token: a Bearer header for programs, a login form and a session cookie for people.

The cookie holds an expiry and its HMAC under a key derived from the token, never the token: a new token ends every
session, a restart ends none.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Sequence
from html import escape
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.web.responses import error_response
from dashboards.web.security import CSP, unauthorised

COOKIE = "riskwire_session"
SESSION_SECONDS = 7 * 24 * 3600
#: A wrong token is answered late: guessing over the network gets nowhere.
WRONG_TOKEN_DELAY = 0.5
_MAX_FORM = 4096
#: Open without a token: they ask for it, or say nothing (`/healthz` is only ready or not then).
_OPEN = frozenset({("POST", "/login"), ("GET", "/healthz"), ("HEAD", "/healthz")})

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0;"
    "background:#0f1419;color:#e6e9ee}form{display:grid;gap:.75rem;width:min(20rem,88vw)}h1{font-size:1.25rem;margin:0}"
    "p{margin:0}input,button{font:inherit;padding:.55rem .7rem;border-radius:6px;border:1px solid #6b7280}"
    "input{background:#171d24;color:inherit}button{background:#92c5de;color:#0f1419;border:0;font-weight:600}"
    ":focus-visible{outline:3px solid #fdb863;outline-offset:2px}.wrong{color:#fdb863}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Riskwire: sign in</title>
<style>{style}</style></head><body><form method="post" action="/login"><h1>Riskwire</h1>{wrong}
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{next}"><button>Sign in</button>
<p><small>It is <code>web.token</code> of this installation.</small></p></form></body></html>"""


class Sessions:
    """Makes and checks what the cookie holds."""

    def __init__(self, token: str, clock: Callable[[], float] = time.time) -> None:
        self._token = token.encode()
        self._key = hmac.digest(self._token, b"riskwire-session-1", "sha256")
        self._clock = clock

    def is_token(self, candidate: str) -> bool:
        """In constant time."""
        return hmac.compare_digest(candidate.encode("utf-8", "surrogatepass"), self._token)

    def issue(self) -> str:
        """A new value for the cookie."""
        expires = str(int(self._clock()) + SESSION_SECONDS)
        return f"{expires}.{self._sign(expires)}"

    def is_session(self, value: str) -> bool:
        """Whether we made this value and it has not expired."""
        expires, _, signature = value.partition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(expires).encode()):
            return False
        return int(expires) > self._clock()

    def _sign(self, expires: str) -> str:
        return hmac.digest(self._key, expires.encode("utf-8", "replace"), "sha256").hex()


class DemandToken:
    """401 on every route without the token or a session. `own` routes check their callers themselves (signed posts)."""

    def __init__(self, app: ASGIApp, sessions: Sessions, own: Sequence[BaseRoute] = ()) -> None:
        self.app = app
        self.sessions = sessions
        self.own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        scope["authorised"] = self._is_authorised(request)
        is_open = (scope["method"], scope["path"]) in _OPEN or any(r.matches(scope)[0] is Match.FULL for r in self.own)
        if scope["authorised"] or is_open:
            await self.app(scope, receive, send)
            return
        if "authorization" in request.headers:
            await asyncio.sleep(WRONG_TOKEN_DELAY)
            await unauthorised("the token is wrong")(scope, receive, send)
        elif scope["path"] in ("/", "/plain") and "text/html" in request.headers.get("accept", ""):
            query = f"?{request.url.query}" if request.url.query else ""
            await login_page(scope["path"] + query, wrong=False)(scope, receive, send)
        else:
            await unauthorised("a token is needed")(scope, receive, send)

    def _is_authorised(self, request: Request) -> bool:
        scheme, _, candidate = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.sessions.is_token(candidate.strip()):
            return True
        return self.sessions.is_session(request.cookies.get(COOKIE, ""))


def login_page(target: str, *, wrong: bool) -> Response:
    """The form, with status 401. Its one style is allowed by its hash."""
    said = '<p class="wrong" role="alert">That is not the token.</p>' if wrong else ""
    policy = CSP.replace("style-src 'self'", f"style-src 'sha256-{_STYLE_HASH}'")
    return HTMLResponse(
        _PAGE.format(style=_STYLE, wrong=said, next=escape(target, quote=True)),
        401,
        {"Content-Security-Policy": policy, "Cache-Control": "no-store"},
    )


def login_endpoint(sessions: Sessions) -> Callable[[Request], Awaitable[Response]]:
    """POST /login: token → cookie, then on to where the reader wanted to go."""

    async def login(request: Request) -> Response:
        # `Origin` says nothing here: our own no-referrer policy turns it to "null".
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return error_response(403, "the form was sent from another page")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM:
                return error_response(413, "the form is too large")
        form = parse_qs(body.decode("utf-8", "replace"))
        target = _local(form.get("next", ["/"])[0])
        if not sessions.is_token(form.get("token", [""])[0]):
            await asyncio.sleep(WRONG_TOKEN_DELAY)
            return login_page(target, wrong=True)
        answer = RedirectResponse(target, 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE, sessions.issue(), SESSION_SECONDS, path="/", secure=secure, httponly=True, samesite="strict"
        )
        return answer

    return login


def _local(target: str) -> str:
    """Only a path of ours: `//elsewhere` and `/\\elsewhere` lead away."""
    parts = urlsplit(target.replace("\\", "/"))
    plain = parts.path in ("/", "/plain") and not parts.scheme and not parts.netloc
    return parts.path + (f"?{parts.query}" if parts.query else "") if plain else "/"
