"""Records → Kafka messages: JSON by `riskwire.wire`, CloudEvents headers in binary mode. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from riskwire import wire
from riskwire.types import Alert, Document, FailedMessage

Headers = list[tuple[str, bytes]]


class Event(msgspec.Struct, frozen=True):
    """A message that is ready to be sent. `time` is in milliseconds since 1970."""

    key: bytes
    value: bytes
    headers: Headers
    time: int


def document_event(document: Document, value: bytes | None = None) -> Event:
    """A Document or ScoredDocument. Give its JSON where it is at hand (the spool keeps it). Raises WireError."""
    return Event(
        key=document.id.encode(),
        value=wire.encode(document) if value is None else value,
        headers=_headers(document, f"{document.id}@{document.revision}", document.source, document.seen_at),
        time=_millis(document.seen_at),
    )


def alert_event(alert: Alert) -> Event:
    """One state of an alert."""
    identity = f"{alert.fingerprint}@{alert.starts_at.isoformat()}#{alert.transition}"
    return Event(
        key=alert.fingerprint.encode(),
        value=wire.encode(alert),
        headers=_headers(alert, identity, f"rules/{alert.rule}", alert.updated_at),
        time=_millis(alert.updated_at),
    )


def failed_event(failed: FailedMessage) -> Event:
    """A dead letter."""
    return Event(
        key=(failed.key or "").encode(),
        value=wire.encode(failed),
        headers=_headers(failed, f"{failed.stage}:{failed.value_sha256}", failed.stage, failed.failed_at),
        time=_millis(failed.failed_at),
    )


def _headers(record: msgspec.Struct, identity: str, source: str, time: datetime) -> Headers:
    name, version = wire.WIRE_TYPES[type(record)]
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.encode()),
        ("ce_type", f"{name}.v{version}".encode()),
        ("ce_source", f"riskwire/{source}".encode("utf-8", "backslashreplace")),
        ("ce_time", time.isoformat().replace("+00:00", "Z").encode()),
        ("content-type", b"application/json"),
    ]


def seen_at(headers: Sequence[tuple[str, bytes]]) -> datetime | None:
    """When a message's story was seen, by its headers; None for what is none of ours."""
    for name, value in headers:
        if name == "ce_time":
            try:
                then = datetime.fromisoformat(value.decode())
            except ValueError:
                return None
            return then if then.tzinfo is not None else None
    return None


def _millis(time: datetime) -> int:
    return max(int(time.timestamp() * 1000), 0)
