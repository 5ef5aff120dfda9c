"""Dead letters: what came and could not be processed, with its reason. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from riskwire import wire
from riskwire.errors import StorageError
from riskwire.ports import Refused
from riskwire.types import Document, FailedMessage, ScoredDocument

#: How much of a value is kept; its size and hash say the rest.
KEPT_BYTES = 64 * 1024


def dead_letter(value: bytes, *, key: str | None, stage: str, error: Exception, failed_at: datetime) -> FailedMessage:
    """The record of a message that failed at `stage` with `error`."""
    return FailedMessage(
        key=None if key is None else _utf8(key),
        value=value[:KEPT_BYTES],
        value_size=len(value),
        value_sha256=hashlib.sha256(value).hexdigest(),
        stage=stage,
        error_type=type(error).__name__,
        error_message=_utf8(str(error)[:2000]),
        failed_at=failed_at,
    )


def refusals(stories: Sequence[ScoredDocument], refused: Sequence[Refused], now: datetime) -> list[FailedMessage]:
    """What the index will never take, as dead letters. Their values are documents, so that each can be tried again."""
    reasons = {(one.id, one.revision): one.reason for one in refused}
    letters = []
    for story in stories:
        if (reason := reasons.get((story.id, story.revision))) is not None:
            error = StorageError(reason, about="index")
            letters.append(
                dead_letter(wire.encode(document_of(story)), key=story.id, stage="index", error=error, failed_at=now)
            )
    return letters


def document_of(story: ScoredDocument) -> Document:
    """The document that was scored, without what was found in it."""
    return Document(**{name: getattr(story, name) for name in Document.__struct_fields__})


def _utf8(text: str) -> str:
    # An error quotes what it failed on, and that may be just what can't be written.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
