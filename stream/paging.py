"""The opaque `next` of a page: the place of its last story, so that what comes in meanwhile shifts nothing. Pure."""

from __future__ import annotations

import base64
import binascii

from riskwire.errors import UsageError


def page_token(event_micros: int, document_id: str) -> str:
    """The token behind this story."""
    return base64.urlsafe_b64encode(f"{event_micros} {document_id}".encode()).decode("ascii")


def read_token(token: str) -> tuple[int, str]:
    """Its event time in microseconds, and its id. Raises UsageError for anything else than a token of ours."""
    try:
        micros, _, document_id = base64.urlsafe_b64decode(token.encode()).decode().partition(" ")
        position = int(micros)
    except (ValueError, binascii.Error):
        position, document_id = 0, ""
    if not document_id or not -(2**63) <= position < 2**63:
        raise UsageError("is no page of this search", about="after", hint="Start again without it.")
    return position, document_id
