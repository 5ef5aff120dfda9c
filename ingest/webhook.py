"""`POST /api/v1/stories`: signed JSON stories, onto the log before the answer.

The sender signs `timestamp.body` with HMAC-SHA256 and the shared secret (`ingest.webhook_secret`):

    Riskwire-Timestamp: 1764000000
    Riskwire-Signature: v1=<hex>

Nothing of the body is parsed before the signature holds. A signature that led to an answer 202 is not taken again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ingest.base import Told
from ingest.dates import MISSING, ReadDate, judge
from ingest.documents import make_document
from ingest.intake import Intake
from ingest.text import html_to_text, safe_link
from riskwire.clock import Clock
from riskwire.errors import StorageError
from riskwire.identity import canonical_link, document_id, publisher_of
from riskwire.log import get_logger
from riskwire.types import SourceType

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


class Story(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One story as it is sent. `source` names the sender; the same source and guid (or link) is the same story."""

    source: str
    guid: str | None = None
    link: str | None = None
    title: str = ""
    summary: str = ""
    content: str = ""
    published_at: datetime | None = None
    language: str | None = None
    source_type: SourceType = "news"
    authors: list[str] = []
    tags: list[str] = []
    source_symbols: list[str] = []


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
    secret: str | None, intake: Intake, clock: Clock, run_id: str
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint for `PATH` (POST). Without a secret it answers 404 and says how to switch it on."""
    seen = Signatures()

    async def endpoint(request: Request) -> Response:
        try:
            return await _answer(request, secret, seen, intake, clock, run_id)
        except Refused as refused:
            _log.warning("webhook_refused", status=refused.status, reason=str(refused))
            return JSONResponse({"error": str(refused)}, status_code=refused.status, headers=refused.headers)

    return endpoint


class Signatures:
    """Those that were used, for as long as they would be good, and those that are being used now."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}

    def claim(self, signature: str, now: float) -> bool:
        """Take it; False when it is taken."""
        for old in [key for key, until in self._used.items() if until < now]:
            del self._used[old]
        if signature in self._used:
            return False
        self._used[signature] = now + 2 * WINDOW
        return True

    def release(self, signature: str) -> None:
        """Nothing came of it: the sender may try again with the same."""
        self._used.pop(signature, None)


async def _answer(
    request: Request, secret: str | None, seen: Signatures, intake: Intake, clock: Clock, run_id: str
) -> Response:
    if not secret:
        raise Refused(404, "The webhook is off. Set ingest.webhook_secret to switch it on.")
    body = await _body(request)
    now = clock.now()
    signature = _checked_signature(request, secret, body, now)
    if not seen.claim(signature, now.timestamp()):
        raise Refused(401, "This signature was used already. Sign each request anew.")
    try:
        told = await asyncio.to_thread(_read, body, now, run_id)
        decision = await intake.take(told)
    except StorageError as error:
        seen.release(signature)
        _log.error("webhook_storage_failed", error=str(error))
        raise Refused(503, "The stories could not be stored. Send them again.", {"Retry-After": "5"}) from None
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


def _read(body: bytes, now: datetime, run_id: str) -> list[Told]:
    return [_told(story, index, now, run_id) for index, story in enumerate(_stories(body))]


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


def _told(story: Story, index: int, now: datetime, run_id: str) -> Told:
    where = f" - at `$[{index}]`"
    title, summary, content = (html_to_text(text) for text in (story.title, story.summary, story.content))
    if not (title or summary or content):
        raise Refused(422, f"A story needs `title`, `summary` or `content`{where}")
    source = story.source.strip()
    if not source or len(source) > 100 or not source.isprintable():
        raise Refused(422, f"`source` must be 1 to 100 printable characters{where}")
    link = safe_link(story.link)
    if story.link and link is None:
        raise Refused(422, f"`link` must be an http or https address{where}")
    publisher = publisher_of(link, None)
    document = make_document(
        # Without a link there is no publisher: then two senders must not share their guids.
        document_id=document_id(
            publisher or f"webhook:{source}", guid=story.guid, link=link, title=title, content=f"{summary}\n{content}"
        ),
        source=source,
        publisher=publisher,
        origin="webhook",
        run_id=run_id,
        link=link,
        title=title,
        summary=summary,
        content=content,
        source_type=story.source_type,
        authors=[html_to_text(author) for author in story.authors],
        language=story.language,
        tags=[html_to_text(tag) for tag in story.tags],
        source_symbols=story.source_symbols,
        published=_published(story.published_at, now, where),
        seen_at=now,
    )
    return Told(document, canonical_link(link))


def _published(at: datetime | None, now: datetime, where: str) -> ReadDate:
    if at is None:
        return MISSING
    if at.tzinfo is None:
        raise Refused(422, f"`published_at` needs a zone, such as 2026-03-08T22:16:00Z{where}")
    try:
        return judge(at.astimezone(UTC), True, "second", now)
    except OverflowError:
        return MISSING
