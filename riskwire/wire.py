"""Records ⇄ JSON bytes. The wire name and version stand here, never a Python path, so that moving a module changes
nothing on the log. Times are RFC 3339 in UTC with a `Z`."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from riskwire.errors import WireError
from riskwire.types import Alert, Document, FailedMessage, Notification, ScoredDocument

R = TypeVar("R", bound=msgspec.Struct)

#: Wire name and schema version of each record; the CloudEvents `type` is `name.vVERSION`.
WIRE_TYPES: dict[type[msgspec.Struct], tuple[str, int]] = {
    Document: ("riskwire.document", 1),
    ScoredDocument: ("riskwire.scored", 1),
    Alert: ("riskwire.alert", 1),
    Notification: ("riskwire.notification", 1),
    FailedMessage: ("riskwire.failed", 1),
}

_encoder = msgspec.json.Encoder()
_decoders = {kind: msgspec.json.Decoder(kind) for kind in WIRE_TYPES}


class _Envelope(msgspec.Struct):
    schema_version: int = 1


_envelope = msgspec.json.Decoder(_Envelope)


def encode(record: msgspec.Struct) -> bytes:
    """The record as JSON, with `schema_version` first.

    Raises WireError for text that can't be UTF-8 (a lone surrogate) and for a type that does not travel.
    """
    try:
        _, version = WIRE_TYPES[type(record)]
    except KeyError:
        raise WireError("is no record that travels", about=type(record).__name__) from None
    try:
        body = _encoder.encode(record)
    except (UnicodeEncodeError, msgspec.MsgspecError) as error:
        raise WireError("can't be written as JSON", about=WIRE_TYPES[type(record)][0]) from error
    return b'{"schema_version":%d,%s' % (version, body[1:])


def decode(data: bytes, kind: type[R]) -> R:
    """The record in these bytes. Unknown fields are ignored.

    Raises WireError when it is not valid JSON, a field is wrong, or the schema version is newer than this program.
    """
    name, known = WIRE_TYPES[kind]
    try:
        version = _envelope.decode(data).schema_version
        if version != known:
            raise WireError(
                f"schema version {version}; this program reads {known}", about=name, hint="Update riskwire."
            )
        record: R = _decoders[kind].decode(data)  # type: ignore[assignment]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("can't be read", about=name) from error
    return record


def to_builtins(record: msgspec.Struct) -> dict[str, object]:
    """The record as JSON-ready dictionaries and strings: what rows on stdout, the API and the index hold."""
    row: dict[str, object] = msgspec.to_builtins(record)
    return row


def from_builtins(row: object, kind: type[R]) -> R:
    """The reverse of `to_builtins`. Raises WireError."""
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        raise WireError("can't be read", about=WIRE_TYPES[kind][0]) from error
