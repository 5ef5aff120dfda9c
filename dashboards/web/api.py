"""The API's answers. Every call of a port runs in a thread: the event loop never waits for a disk."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dashboards.panels import load_panels
from dashboards.panels.queries import QUERIES
from dashboards.web import params
from dashboards.web.responses import BadParameter, json_response
from dashboards.web.rows import alert_row, source_rows, story_row
from riskwire import metrics


async def stories(request: Request) -> Response:
    """GET /api/v1/stories → {rows, next}, newest first."""
    query = params.search_query(request.query_params)
    page = await asyncio.to_thread(request.app.state.index.search, query)
    return json_response({"rows": [story_row(document) for document in page.documents], "next": page.next})


async def story(request: Request) -> Response:
    """GET /api/v1/stories/{id} → the story, with its earlier revisions, oldest first."""
    params.only(request.query_params, ())
    index = request.app.state.index
    document_id = request.path_params["id"]
    document = await asyncio.to_thread(index.get, document_id)
    if document is None:
        raise HTTPException(404, "there is no such story")
    revisions = await asyncio.to_thread(index.revisions, document_id)
    earlier = [story_row(one) for one in revisions if one.revision < document.revision]
    return json_response(story_row(document, whole=True) | {"revisions": earlier})


async def panels(request: Request) -> Response:
    """GET /api/v1/panels → {rows}: name, title and description of each."""
    params.only(request.query_params, ())
    rows = [
        {"name": one.name, "title": one.title, "description": one.description, "query": one.query}
        for one in load_panels().values()
    ]
    return json_response({"rows": rows})


async def panel(request: Request) -> Response:
    """GET /api/v1/panels/{name} → the specification and the rows of its query."""
    params.only(request.query_params, ("since", "until", "symbol"))
    one = load_panels().get(request.path_params["name"])
    if one is None:
        raise HTTPException(404, f"there is no such panel; there are {', '.join(load_panels())}")
    since, until = params.period(request.query_params)
    # `until` is exclusive, and a story of this very second belongs to now.
    until = until or datetime.now(UTC) + timedelta(seconds=1)
    if since is not None and since >= until:
        raise BadParameter("since", "must not lie in the future")
    symbol = params.symbol(request.query_params)
    found = await asyncio.to_thread(QUERIES[one.query], request.app.state.index, since, until, symbol)
    return json_response(
        {
            "name": one.name,
            "title": one.title,
            "description": one.description,
            "empty": one.empty,
            "spec": one.spec,
            "rows": found.rows,
            "since": found.since,
            "until": found.until,
            "bucket_seconds": found.bucket_seconds,
            "minimum": found.minimum,
        }
    )


async def alerts(request: Request) -> Response:
    """GET /api/v1/alerts → {rows}: the newest state of each, newest first."""
    status, limit = params.alert_query(request.query_params)

    def ask() -> list[dict[str, object]]:
        return [alert_row(one) for one in request.app.state.alerts.list_alerts(status=status, limit=limit)]

    return json_response({"rows": await asyncio.to_thread(ask)})


async def sources(request: Request) -> Response:
    """GET /api/v1/sources → {rows}: each source's health, failing ones first."""
    params.only(request.query_params, ())
    states = await asyncio.to_thread(request.app.state.sources.all)
    counts = await asyncio.to_thread(request.app.state.index.sources)
    return json_response({"rows": source_rows(states, counts)})


async def healthz(request: Request) -> Response:
    """GET /healthz → 200 once stories can be scored, else 503. Who has no token, where one is set, gets no details."""
    health = await asyncio.to_thread(request.app.state.health)
    body: dict[str, object] = {"status": "ok" if health.ready else "starting"}
    if request.scope.get("authorised", True):
        body["parts"] = health.parts
    return json_response(body, 200 if health.ready else 503)


async def prometheus(_request: Request) -> Response:
    """GET /metrics, in Prometheus' text format."""
    text = await asyncio.to_thread(metrics.render)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8", headers={"Cache-Control": "no-store"})
