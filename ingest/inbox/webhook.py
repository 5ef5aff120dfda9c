"""`POST /api/v1/stories`: signed JSON stories, onto the log before the answer.

The sender signs `timestamp.body` with HMAC-SHA256 and the shared secret (`ingest.webhook_secret`):

    Riskwire-Timestamp: 1764000000
    Riskwire-Signature: v1=<hex>

Nothing of the body is parsed before the signature holds. A signature that led to an answer 202 is not taken again,
not after a restart either.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ingest.base import Told
from ingest.inbox.signatures import FILE, Signatures
from ingest.inbox.story import Story, tell
from ingest.intake import Intake
from riskwire.clock import Clock
from riskwire.errors import StorageError
from riskwire.log import get_logger

PATH = "/api/v1/stories"
MAX_BODY = 1024 * 1024
MAX_STORIES = 1_000
MAX_DEPTH = 8
#: A signature is good for this many seconds, to both sides.
WINDOW = 300
_VERSION = "v1="
# Strings are passed over, one without an end up to the end: each byte is looked at once.
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z|\\\Z)|[\[\]{}]', re.DOTALL)
_log = get_logger("ingest")


_decoder = msgspec.json.Decoder(Story | list[Story])


class Refused(Exception):
    """The request is answered with this status and sentence."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def sign(secret: str, timestamp: int | str, body: bytes) -> str:
    """The value of `Riskwire-Signature` for this body; `timestamp` is in seconds since 1970."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return _VERSION + digest


def stories_endpoint(
    secret: str | None,
    intake: Intake,
    clock: Clock,
    run_id: str,
    *,
    folder: Path | None = None,
    author_key: bytes | None = None,
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint for `PATH` (POST). Without a secret it answers 404 and says how to switch it on.

    In `folder` the signatures that were used outlive a restart; `author_key` stands for the authors of social stories,
    who are left out without it.
    """
    seen = Signatures(folder / FILE if folder is not None and secret else None, lifetime=2 * WINDOW)

    async def endpoint(request: Request) -> Response:
        try:
            return await _answer(request, secret, seen, intake, clock, run_id, author_key)
        except Refused as refused:
            _log.warning("webhook_refused", status=refused.status, reason=str(refused))
            return JSONResponse({"error": str(refused)}, status_code=refused.status, headers=refused.headers)

    return endpoint


async def _answer(
    request: Request,
    secret: str | None,
    seen: Signatures,
    intake: Intake,
    clock: Clock,
    run_id: str,
    author_key: bytes | None,
) -> Response:
    if not secret:
        raise Refused(404, "The webhook is off. Set ingest.webhook_secret to switch it on.")
    body = await _body(request)
    now = clock.now()
    signature = _checked_signature(request, secret, body, now)
    try:
        fresh = seen.claim(signature, now.timestamp())
    except StorageError as error:
        raise _unstored(error) from None
    if not fresh:
        raise Refused(401, "This signature was used already. Sign each request anew.")
    try:
        told = await asyncio.to_thread(_read, body, now, run_id, author_key)
        decision = await intake.take(told)
    except StorageError as error:
        seen.release(signature)
        raise _unstored(error) from None
    except BaseException:
        seen.release(signature)
        raise
    return JSONResponse(
        {
            "accepted": len(decision.new) + len(decision.corrected),
            "new": len(decision.new),
            "corrected": len(decision.corrected),
            "duplicates": decision.unchanged,
            "ids": list(decision.ids),
        },
        status_code=202,
    )


def _unstored(error: StorageError) -> Refused:
    _log.error("webhook_storage_failed", error=str(error))
    return Refused(503, "The stories could not be stored. Send them again.", {"Retry-After": "5"})


async def _body(request: Request) -> bytes:
    too_large = Refused(413, f"The body is larger than {MAX_BODY:,} bytes.")
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > MAX_BODY:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(30):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise too_large
    except TimeoutError:
        raise Refused(408, "The body took too long to arrive.") from None
    except ClientDisconnect:
        raise Refused(400, "The body did not arrive in full.") from None
    return bytes(body)


def _checked_signature(request: Request, secret: str, body: bytes, now: datetime) -> str:
    stamp = request.headers.get("riskwire-timestamp", "")
    signature = request.headers.get("riskwire-signature", "")
    if not stamp or not signature:
        raise Refused(401, "The headers Riskwire-Timestamp and Riskwire-Signature are needed.")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Refused(401, "Riskwire-Timestamp must be whole seconds since 1970.")
    # Compared as bytes: compare_digest refuses text beyond ASCII.
    if not hmac.compare_digest(sign(secret, stamp, body).encode(), signature.encode("utf-8", "replace")):
        raise Refused(401, "The signature does not fit the body, the timestamp and the secret.")
    if abs(now.timestamp() - int(stamp)) > WINDOW:
        raise Refused(401, f"The timestamp is more than {WINDOW} s away from our clock.")
    return signature


def _read(body: bytes, now: datetime, run_id: str, author_key: bytes | None) -> list[Told]:
    told = []
    for index, story in enumerate(_stories(body)):
        try:
            told.append(tell(story, now, run_id, "webhook", author_key))
        except ValueError as error:
            raise Refused(422, f"{error} - at `$[{index}]`") from None
    return told


def _stories(body: bytes) -> list[Story]:
    depth = 0
    for match in _BRACKETS.finditer(body):
        mark = match.group()
        depth += mark in (b"{", b"[")
        depth -= mark in (b"}", b"]")
        if depth > MAX_DEPTH:
            raise Refused(422, f"The JSON is nested deeper than {MAX_DEPTH}.")
    try:
        found = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refused(422, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"The body is no JSON: {error}") from None
    stories = found if isinstance(found, list) else [found]
    if not 1 <= len(stories) <= MAX_STORIES:
        raise Refused(422, f"Send one story, or a list of 1 to {MAX_STORIES}.")
    return stories
