"""The small shape that every polled source has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from riskwire.ports import SourceState
from riskwire.types import Document

#: `Polled.said` knows ids and hashes by their first digits, so that a feed of hundreds of entries keeps a small state.
SAID_DIGITS = 16


class Told(msgspec.Struct, frozen=True):
    """A story as a source tells it. `link` is canonical, and None where it does not stand for this one story."""

    document: Document
    link: str | None = None


class Polled(msgspec.Struct, frozen=True, kw_only=True):
    """What one poll brought. `state` carries the validators and the cursor to be saved once the stories are on the log.

    `said` is what this source said of each id (its content hash) at the poll before, both cut to SAID_DIGITS; `wait`
    how many seconds the source wants to be left alone, if it said so.
    """

    outcome: Literal["ok", "not_modified"]
    state: SourceState
    told: tuple[Told, ...] = ()
    entries: int = 0
    said: Mapping[str, str] = {}
    wait: float | None = None


class Ingestor(Protocol):
    """One source."""

    @property
    def name(self) -> str:
        """Its configured name, unique."""
        ...

    @property
    def url(self) -> str:
        """Where it is polled; another URL under the same name starts from nothing."""
        ...

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if not the configuration's."""
        ...

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """Ask once, from where `state` stands. Changes nothing. Raises IngestError: this source failed this time."""
        ...
