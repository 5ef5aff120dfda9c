"""What a stream brings, handed over in batches: within a second, or when there are many; and what it brought lately."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Generic, TypeVar

import msgspec

from ingest.base import Emit, Gone, Polled, Told
from riskwire.ports import SourceState

#: A batch is handed over when its first story has waited so many seconds, or there are so many.
_LINGER, _MOST = 1.0, 200
#: Seconds between two signs of life of a stream that brings nothing of interest.
_LIFE = 5.0
T = TypeVar("T")


class Recent(Generic[T]):
    """The last few thousand of something."""

    def __init__(self, most: int = 50_000) -> None:
        self._held: OrderedDict[T, None] = OrderedDict()
        self._most = most

    def add(self, one: T) -> bool:
        """Whether it is new."""
        if one in self._held:
            return False
        self._held[one] = None
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return True

    def __contains__(self, one: T) -> bool:
        return one in self._held


class Batches:
    """Collects for one connection. In a batch what is gone counts after what is told, whatever came first: so a story
    that comes behind its own or its author's deletion ends the batch before."""

    def __init__(self, emit: Emit, state: SourceState, seen: Recent[str]) -> None:
        """`seen` outlives the connection: the versions that were handed over."""
        self._emit = emit
        self._state = state
        self._seen = seen
        self._versions: set[str] = set()
        self._told: list[Told] = []
        self._gone: dict[Gone, None] = {}
        self._cursor = state.cursor
        self._since: float | None = None
        self._alive = time.monotonic()

    def has(self, version: str) -> bool:
        """Whether this very version was told before."""
        return version in self._versions or version in self._seen

    async def tell(self, told: Told, version: str) -> None:
        """A story, in a version that a source names."""
        document = told.document
        gone = [Gone(document_id=document.id), *(Gone(author=author) for author in document.authors)]
        if any(one in self._gone for one in gone):
            # Where the stream stands is not known here: the place of the batch before is kept, which repeats a little.
            await self._hand_over()
        self._told.append(told)
        self._versions.add(version)
        self._touch()

    def forget(self, gone: Gone) -> None:
        """A deletion."""
        self._gone[gone] = None
        self._touch()

    def due(self, alive: bool) -> bool:
        """Whether it is time to hand over what there is; with nothing, whether it is time for a sign of life."""
        now = time.monotonic()
        if self._since is not None:
            return len(self._told) >= _MOST or now - self._since >= _LINGER
        return alive and now - self._alive >= _LIFE

    async def flush(self, cursor: str | None) -> None:
        """Hand over what there is, up to this place."""
        self._cursor = cursor
        await self._hand_over()

    async def _hand_over(self) -> None:
        told, gone = tuple(self._told), tuple(self._gone)
        newest = max((one.document.event_time for one in told), default=self._state.newest_at)
        self._state = msgspec.structs.replace(self._state, cursor=self._cursor, newest_at=newest)
        await self._emit(
            Polled(
                outcome="ok" if told or gone else "not_modified",
                state=self._state,
                told=told,
                gone=gone,
                entries=len(told),
            )
        )
        # Only now: should it fail, the connection ends, and the same comes again from the place before.
        for version in self._versions:
            self._seen.add(version)
        self._versions, self._told, self._gone, self._since = set(), [], {}, None
        self._alive = time.monotonic()

    def _touch(self) -> None:
        if self._since is None:
            self._since = time.monotonic()
