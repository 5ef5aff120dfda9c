"""`POST /api/v1/score`: the running model as a service. `{"texts": […]}` → `{"model": …, "rows": […]}`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dashboards.web.responses import error_response, json_response
from dashboards.web.together import Full, Row, Together
from riskwire.types import MAX_SCORED_CHARS, ModelRef

PATH = "/api/v1/score"
MAX_TEXTS = 64
MAX_BODY = 512 * 1024


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked."""

    texts: list[str]


class Answer(msgspec.Struct, frozen=True):
    """One row a text, in order, all of one model."""

    model: ModelRef
    rows: list[Row]


async def score(request: Request) -> Response:
    """One row a text, in order. Texts are cut where stories are."""
    # A form of another page can't send this type without asking first, and nobody answers such a question.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return error_response(415, "send JSON", hint="Content-Type: application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return error_response(413, f"the body is larger than {MAX_BODY // 1024} KiB")
    try:
        texts = msgspec.json.decode(bytes(body), type=Question).texts
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return error_response(400, f'must be {{"texts": ["…"]}}: {error}', parameter="texts")
    if not 1 <= len(texts) <= MAX_TEXTS:
        return error_response(400, f"send 1 to {MAX_TEXTS} texts", parameter="texts")
    together: Together = request.app.state.together
    try:
        model, rows = await together.score([text[:MAX_SCORED_CHARS] for text in texts])
    except Full:
        return error_response(
            429, "too many texts wait to be scored", hint="Send it again.", headers={"Retry-After": "1"}
        )
    return json_response(Answer(model, rows))
