"""JSON answers and errors, all in one shape: `{"error": …, "parameter": …, "hint": …}`."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from riskwire.errors import RiskwireError, StorageError, UsageError
from riskwire.log import get_logger, masked

_encoder = msgspec.json.Encoder()


class BadParameter(Exception):
    """A parameter of the request that can't be read: 400, naming it."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(f"{parameter}: {message}")
        self.parameter = parameter
        self.message = message


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Anything msgspec can write, never cached: what is shown is what is known now."""
    headers = {"Cache-Control": "no-store"} | (headers or {})
    return Response(_encoder.encode(content), status, headers, "application/json")


def error_response(
    status: int, message: str, *, parameter: str = "", hint: str = "", headers: dict[str, str] | None = None
) -> Response:
    """An error in words, secrets masked."""
    body = {"error": masked(message), "parameter": parameter, "hint": masked(hint)}
    return json_response({key: value for key, value in body.items() if value}, status, headers)


async def on_bad_parameter(_request: Request, error: Exception) -> Response:
    """400, naming the parameter."""
    assert isinstance(error, BadParameter)
    return error_response(400, str(error), parameter=error.parameter)


async def on_http_exception(_request: Request, error: Exception) -> Response:
    """404, 405 and the like, as JSON."""
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, error.detail, headers=dict(error.headers or {}))


async def on_riskwire_error(request: Request, error: Exception) -> Response:
    """Our own errors: a wrong call is 400; a store that does not answer is 503, to be asked again; the rest 500."""
    assert isinstance(error, RiskwireError)
    if isinstance(error, UsageError):
        return error_response(400, error.message, parameter=error.about, hint=error.hint)
    get_logger("web").warning("request failed", path=request.url.path, error=str(error))
    if isinstance(error, StorageError):
        return error_response(503, error.message, hint=error.hint, headers={"Retry-After": "2"})
    return error_response(500, error.message, hint=error.hint)


async def on_failure(request: Request, error: Exception) -> Response:
    """A mistake of ours: the log has the details, the answer has none."""
    get_logger("web").error("internal error", path=request.url.path, error=f"{type(error).__name__}: {error}")
    return error_response(
        500, "internal error", hint="The log says more.", headers={"X-Content-Type-Options": "nosniff"}
    )
