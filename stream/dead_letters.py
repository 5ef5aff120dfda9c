"""Dead letters: what came and could not be processed, with its reason. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime

from riskwire.types import FailedMessage

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


def _utf8(text: str) -> str:
    # An error quotes what it failed on, and that may be just what can't be written.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
