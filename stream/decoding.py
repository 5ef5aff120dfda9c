"""Bytes from the log → a Document that can be processed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from riskwire import wire
from riskwire.errors import WireError
from riskwire.types import Document, ScoredDocument

#: Revisions count from 1; the largest that every store can hold as an external version.
_MAX_REVISION = 2**53


class _Marked(msgspec.Struct):
    status: str | None = None


_status = msgspec.json.Decoder(_Marked)


def read_document(value: bytes) -> Document:
    """The document in these bytes; a ScoredDocument when they say that a story was removed.

    Raises WireError when they are none of this program's, and for what the types alone don't say: a revision that is
    none, a time without a zone (it could not be compared with any other), a NUL (which no text has, and which ends it
    early for whoever reads it in C).
    """
    document = wire.decode(value, Document)
    if b'"removed"' in value and _status.decode(value).status == "removed":
        document = wire.decode(value, ScoredDocument)
    if b"\\u0000" in value and _holds_nul(document):
        raise WireError("holds a NUL character", about="riskwire.document")
    if not document.id or not 1 <= document.revision <= _MAX_REVISION:
        raise WireError(f"id {document.id!r} and revision {document.revision} name no story", about="riskwire.document")
    for name in ("seen_at", "event_time", "published_at", "updated_at"):
        then = getattr(document, name)
        if then is not None and then.utcoffset() is None:
            raise WireError(f"{name} has no time zone", about="riskwire.document")
    return document


def _holds_nul(document: Document) -> bool:
    # By its parsed text: a text may speak of "\\u0000" and hold none.
    return any("\0" in text for text in _texts(msgspec.to_builtins(document)))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
