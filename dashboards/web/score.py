"""`POST /api/v1/score`: the running model as a service. `{"texts": […]}` → `{"model": …, "rows": […]}`."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dashboards.web.responses import error_response, json_response
from riskwire.types import MAX_SCORED_CHARS

MAX_TEXTS = 64
_MAX_BODY = 512 * 1024


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    texts: list[str]


async def score(request: Request) -> Response:
    """One row a text, in order. Texts are cut where stories are."""
    # A form of another page can't send this type without asking first, and nobody answers such a question.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return error_response(415, "send JSON", hint="Content-Type: application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return error_response(413, f"the body is larger than {_MAX_BODY // 1024} KiB")
    try:
        texts = msgspec.json.decode(bytes(body), type=_Question).texts
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return error_response(400, f'must be {{"texts": ["…"]}}: {error}', parameter="texts")
    if not 1 <= len(texts) <= MAX_TEXTS:
        return error_response(400, f"send 1 to {MAX_TEXTS} texts", parameter="texts")
    scorer = request.app.state.scorer
    scores = await asyncio.to_thread(scorer.score, [text[:MAX_SCORED_CHARS] for text in texts])
    return json_response({"model": scorer.model, "rows": scores})
