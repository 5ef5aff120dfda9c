"""The web application: routes, and the order in which a request passes the checks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from html import escape
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dashboards.web import api, openapi, plain, responses, score
from dashboards.web.auth import DemandToken, Sessions, login_endpoint
from dashboards.web.events import HEARTBEAT_SECONDS, events
from dashboards.web.health import Health
from dashboards.web.hub import Hub
from dashboards.web.responses import BadParameter
from dashboards.web.security import CountRequests, HostCheck, SecureHeaders, check_bind
from dashboards.web.together import Together
from riskwire.errors import RiskwireError
from riskwire.ports import AlertStore, Index, ScoredStream, Scorer, SourceStates
from riskwire.settings import WebSettings

__all__ = ["Health", "create_app"]

_STATIC = Path(__file__).parent / "static"


def create_app(
    *,
    index: Index,
    scored: ScoredStream,
    alerts: AlertStore,
    sources: SourceStates,
    settings: WebSettings,
    health: Callable[[], Health],
    scorer: Scorer | None = None,
    extra_routes: Sequence[BaseRoute] = (),
    demo: bool = False,
    heartbeat: float = HEARTBEAT_SECONDS,
) -> Starlette:
    """The page and its API over these ports.

    `health` and every port are called in threads. With a `scorer`, POST /api/v1/score scores texts. `extra_routes` come
    first and check their callers themselves (a signed webhook): they are not asked for the token, but their Host is
    checked. `app.state.hub.close()` ends the event streams (`dashboards.web.server` does so when it stops).

    Raises ConfigError where the page would be open to the network without a token.
    """
    routes: list[BaseRoute] = [
        *extra_routes,
        Route("/", _page(demo), methods=["GET"]),
        Route("/plain", plain.page, methods=["GET"]),
        Route("/api/v1/stories", api.stories, methods=["GET"]),
        Route("/api/v1/stories/{id}", api.story, methods=["GET"]),
        Route("/api/v1/panels", api.panels, methods=["GET"]),
        Route("/api/v1/panels/{name}", api.panel, methods=["GET"]),
        Route("/api/v1/alerts", api.alerts, methods=["GET"]),
        Route("/api/v1/sources", api.sources, methods=["GET"]),
        Route("/api/v1/events", events, methods=["GET"]),
        Mount("/static", _Static(directory=_STATIC), name="static"),
    ]
    app = _app(routes, settings, health, scorer, own=tuple(extra_routes))
    state = app.state
    state.index, state.alerts, state.sources, state.demo = index, alerts, sources, demo
    state.hub, state.streams, state.heartbeat = Hub(scored, alerts), 0, heartbeat
    return app


def create_model_app(scorer: Scorer, settings: WebSettings, health: Callable[[], Health]) -> Starlette:
    """The model alone: POST /api/v1/score, its OpenAPI document, /healthz and /metrics. Raises ConfigError as above."""
    return _app([], settings, health, scorer)


def _app(
    routes: Sequence[BaseRoute],
    settings: WebSettings,
    health: Callable[[], Health],
    scorer: Scorer | None,
    own: tuple[BaseRoute, ...] = (),
) -> Starlette:
    """These routes and those that every server has, behind the checks. `own` routes check their callers themselves."""
    check_bind(settings)
    token = settings.token.get_secret_value() if settings.token is not None else None
    sessions = Sessions(token) if token else None
    routes = [
        *routes,
        Route("/healthz", api.healthz, methods=["GET"]),
        Route("/metrics", api.prometheus, methods=["GET"]),
    ]
    if scorer is not None:
        routes.append(Route(score.PATH, score.score, methods=["POST"]))
        routes.append(Route(openapi.PATH, openapi.openapi, methods=["GET"]))
    if sessions is not None:
        routes.append(Route("/login", login_endpoint(sessions), methods=["POST"]))
    names = {getattr(one, "endpoint", getattr(one, "app", None)): getattr(one, "path", "-") for one in routes}

    def label(scope: Scope) -> str:
        return names.get(scope.get("endpoint"), "-")

    middleware = [
        Middleware(CountRequests, label),
        Middleware(SecureHeaders),
        Middleware(HostCheck, (settings.host, *settings.allowed_hosts)),
        *([Middleware(DemandToken, sessions, own)] if sessions is not None else []),
        Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5),
    ]
    app = Starlette(
        routes=routes,
        middleware=middleware,
        lifespan=_lifespan,
        exception_handlers={
            BadParameter: responses.on_bad_parameter,
            HTTPException: responses.on_http_exception,
            RiskwireError: responses.on_riskwire_error,
            Exception: responses.on_failure,
        },
    )
    app.state.health, app.state.has_token, app.state.hub = health, sessions is not None, None
    if scorer is not None:
        app.state.together = Together(scorer)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    if app.state.hub is not None:
        app.state.hub.close()


def _page(demo: bool) -> Callable[[Request], Response]:
    html = (files("dashboards.web") / "templates" / "index.html").read_text(encoding="utf-8")
    html = html.replace("{{demo}}", escape("yes" if demo else ""))

    def page(_request: Request) -> Response:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    return page


class _Static(StaticFiles):
    """Our own files. `no-cache` asks the browser to check each time (a 304), so that an update shows at once."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response
