"""The small shapes that every source has: a configuration, and an Ingestor (asked again and again) or a Streamer.

How a source joins is told in `ingest.kinds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

import msgspec
from pydantic import SecretStr

from riskwire.ports import SourceState
from riskwire.settings import IngestSettings
from riskwire.types import Document

if TYPE_CHECKING:
    from ingest.formats.parse import ParserPool
    from ingest.net.http import Fetcher

#: `Polled.said` knows ids and hashes by their first digits, so that a feed of hundreds of entries keeps a small state.
SAID_DIGITS = 16


class SourceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every `[[table]]` of a feeds file. `interval` is in seconds; `enabled = false`: only listed."""

    table: ClassVar[str] = ""

    name: str
    interval: float | None = None
    enabled: bool = True

    @property
    def address(self) -> str:
        """Where it is, for listings."""
        return ""

    def check(self) -> None:
        """Raise ValueError `field: message` for what the types alone don't show. Name and interval are checked."""

    def off(self, settings: IngestSettings) -> str | None:
        """Why it is not polled with these settings (no credentials, no contact), in words for people; None: it is."""
        return None


class Context(msgspec.Struct, frozen=True):
    """What a source is made with. The fetcher is shared: it keeps addresses safe, hosts unhurried, bodies small."""

    fetcher: Fetcher
    parser: ParserPool
    author_key: bytes
    run_id: str
    settings: IngestSettings

    def secret(self, name: str) -> str | None:
        """The text of a secret setting of `[ingest]`; None when it is not set."""
        value = getattr(self.settings, name)
        return (value.get_secret_value() or None) if isinstance(value, SecretStr) else None


class Told(msgspec.Struct, frozen=True):
    """A story as a source tells it. `link` is canonical, and None where it does not stand for this one story."""

    document: Document
    link: str | None = None


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says was deleted: one story by its id, or by its publisher and canonical link where the source
    names it so; or by `author` (a pseudonym) everything of a person.

    What is not known is passed over; what is known gets one more revision, without text.
    """

    document_id: str | None = None
    author: str | None = None
    publisher: str = ""
    link: str | None = None


class Polled(msgspec.Struct, frozen=True, kw_only=True):
    """What one poll brought. `state` carries the validators and the cursor to be saved once the stories are on the log.

    `said` is what this source said of each id (its content hash) at the poll before, both cut to SAID_DIGITS. In
    seconds: how long the answer stays `fresh` in the caches before it, and how long the source demands to `wait`.
    """

    outcome: Literal["ok", "not_modified"]
    state: SourceState
    told: tuple[Told, ...] = ()
    gone: tuple[Gone, ...] = ()
    entries: int = 0
    said: Mapping[str, str] = {}
    fresh: float | None = None
    wait: float | None = None


class Ingestor(Protocol):
    """One source that is asked."""

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


#: Hands a batch over; returns once its stories are on the log and its state is saved.
Emit = Callable[[Polled], Awaitable[None]]


@runtime_checkable
class Streamer(Protocol):
    """One source that holds a connection open and is told."""

    @property
    def name(self) -> str:
        """Its configured name, unique."""
        ...

    @property
    def url(self) -> str:
        """What it listens to; another URL under the same name starts from nothing."""
        ...

    @property
    def silence(self) -> float | None:
        """Seconds without a call of `emit` after which the connection is taken for dead; None: never."""
        ...

    async def run(self, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        """One connection, from where `state` stands: until it ends, or `stop` is set (return soon then).

        Raises IngestError when it fails. The loop calls it again, after a pause, with the state emitted last: what the
        gap took is for the source to fetch. `emit` batches of a second or a few hundred stories, and one without
        stories (`outcome="not_modified"`) as a sign of life, well within `silence`; never one batch beside another.
        """
        ...


class Kind(msgspec.Struct, frozen=True):
    """How a source is configured, and made: what a source's module offers as `KIND`."""

    config: type[SourceConfig]
    make: Callable[[Any, Context], Ingestor | Streamer]
