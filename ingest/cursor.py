"""The cursor of a source that has one: a record as JSON text in its state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from ingest.base import Told
from riskwire.ports import SourceState

C = TypeVar("C", bound=msgspec.Struct)


def read_cursor(state: SourceState, kind: type[C]) -> C:
    """What was kept; an empty one, where there is none or it can't be read (of another version, say)."""
    try:
        return msgspec.json.decode(state.cursor or "{}", type=kind)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return kind()


def with_cursor(state: SourceState, cursor: msgspec.Struct, told: Sequence[Told]) -> SourceState:
    """The state with this cursor, and with the time of the newest story told."""
    return msgspec.structs.replace(
        state,
        cursor=msgspec.json.encode(cursor).decode(),
        newest_at=max((one.document.event_time for one in told), default=state.newest_at),
    )
