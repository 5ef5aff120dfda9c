"""`GET /api/v1/openapi.json`: the score service as an OpenAPI 3.1 document, for clients that are generated.

Its schemas come from the types that the service reads and writes, so that they can't differ.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dashboards.web import score
from dashboards.web.responses import json_response

PATH: Final = "/api/v1/openapi.json"


class Problem(msgspec.Struct, frozen=True):
    """Every error has this shape."""

    error: str
    parameter: str = ""
    hint: str = ""


def document(*, token: bool) -> dict[str, Any]:
    """The document. `token`: whether one is demanded."""
    types = (score.Question, score.Answer, Problem)
    place = "#/components/schemas/{name}"
    (question, answer, problem), schemas = msgspec.json.schema_components(types, ref_template=place)
    texts = schemas["Question"]["properties"]["texts"]
    texts |= {"minItems": 1, "maxItems": score.MAX_TEXTS}

    def refusal(status: int, why: str) -> tuple[str, Any]:
        return str(status), {"description": why, "content": {"application/json": {"schema": problem}}}

    refusals = [
        refusal(400, f"Not such a question, or not 1 to {score.MAX_TEXTS} texts."),
        *([refusal(401, "The token is missing or wrong.")] if token else []),
        refusal(413, f"The body is larger than {score.MAX_BODY // 1024} KiB."),
        refusal(415, "The body is not application/json."),
        refusal(429, "Too many texts wait. Send it again after Retry-After seconds."),
    ]
    operation = {
        "operationId": "score",
        "summary": "Sentiment of each text and of each company in it.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": question}}},
        "responses": {
            "200": {"description": "One row a text, in order.", "content": {"application/json": {"schema": answer}}},
            **dict(refusals),
        },
    }
    components: dict[str, Any] = {"schemas": schemas}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Riskwire: the model as a service", "version": version("riskwire")},
        "paths": {score.PATH: {"post": operation}},
        "components": components,
    }
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
    return found


async def openapi(request: Request) -> Response:
    """The document of this server."""
    return json_response(document(token=request.app.state.has_token))
