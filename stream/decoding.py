"""Bytes from the log → a Document that can be processed. Pure."""

from __future__ import annotations

from riskwire import wire
from riskwire.errors import WireError
from riskwire.types import Document

#: Revisions count from 1; the largest that every store can hold as an external version.
_MAX_REVISION = 2**53


def read_document(value: bytes) -> Document:
    """The document in these bytes.

    Raises WireError when they are none of this program's, and for what the types alone don't say: a revision that is
    none, a time without a zone (it could not be compared with any other).
    """
    document = wire.decode(value, Document)
    if not document.id or not 1 <= document.revision <= _MAX_REVISION:
        raise WireError(f"id {document.id!r} and revision {document.revision} name no story", about="riskwire.document")
    for name in ("seen_at", "event_time", "published_at", "updated_at"):
        then = getattr(document, name)
        if then is not None and then.utcoffset() is None:
            raise WireError(f"{name} has no time zone", about="riskwire.document")
    return document
