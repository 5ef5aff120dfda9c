"""One poller for every open event stream: it reads the scored stream and the alerts, and hands news to all readers.

It runs only while somebody reads. A reader that is too slow loses its buffer, not the server's memory: it is told how
many it missed, and asks for the list again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import Any, Literal

import msgspec

from dashboards.web.rows import alert_row, story_row
from riskwire.log import get_logger
from riskwire.ports import AlertStore, ScoredStream
from riskwire.types import Alert

#: The most events that wait for one reader.
BUFFER = 256
#: The most entries that are read again for a reader who comes back; beyond that the list is the shorter way.
MAX_REPLAY = 500
_BATCH = 200


class Event(msgspec.Struct, frozen=True):
    """Something to tell. `offset` is the scored stream's and becomes the event's id; None leaves the reader's alone."""

    kind: Literal["hello", "story", "alert", "reset", "hb"]
    data: dict[str, Any]
    offset: int | None = None


class Reader:
    """What waits for one open stream. Used on the event loop only."""

    def __init__(self, position: int, size: int = BUFFER) -> None:
        self.position = position  #: the stream's end when the reader joined; what follows comes by `put`
        self._size = size
        self._waiting: deque[Event] = deque()
        self._missed = 0
        self._wake = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add one. When too many wait, all become one `reset` that says how many."""
        if self._missed or len(self._waiting) >= self._size:
            self._missed += len(self._waiting) + 1
            self._waiting.clear()
        else:
            self._waiting.append(event)
        self.position = event.offset or self.position
        self._wake.set()

    async def take(self, within: float) -> list[Event]:
        """What waits, after at most `within` seconds; empty when nothing came."""
        if not self._waiting and not self._missed:
            try:
                await asyncio.wait_for(self._wake.wait(), within)
            except TimeoutError:
                return []
        self._wake.clear()
        taken = [reset(self._missed, self.position)] if self._missed else list(self._waiting)
        self._missed = 0
        self._waiting.clear()
        return taken

    def wake(self) -> None:
        """Let `take` return."""
        self._wake.set()


def reset(missed: int, position: int) -> Event:
    """Tell a reader that `missed` events will not come; it goes on from `position`."""
    return Event("reset", {"missed": missed}, position)


class Hub:
    """The poller and its readers."""

    def __init__(self, scored: ScoredStream, alerts: AlertStore, interval: float = 0.25, retry: float = 2.0) -> None:
        self._scored = scored
        self._alerts = alerts
        self._interval = interval
        self._retry = retry
        self._readers: set[Reader] = set()
        self._poller: asyncio.Task[None] | None = None
        self._joining = asyncio.Lock()
        self._position = 0
        self._known: dict[tuple[str, datetime], int] = {}
        self.closed = False

    async def join(self) -> Reader:
        """A new reader. From its `position` on, everything comes to it."""
        async with self._joining:  # two first readers must not set the position behind each other's back
            if not self._is_polling():
                self._position = await asyncio.to_thread(self._scored.end)
                self._known = {_key(alert): alert.transition for alert in await asyncio.to_thread(self._list_alerts)}
            reader = Reader(self._position)
            self._readers.add(reader)
            if not self._is_polling() and not self.closed:
                self._poller = asyncio.create_task(self._poll(), name="dashboard events")
        return reader

    def leave(self, reader: Reader) -> None:
        """The stream has ended."""
        self._readers.discard(reader)

    async def missed(self, after: int, end: int) -> list[Event]:
        """What a reader who had come to `after` has not seen yet, up to `end`, where it joined."""
        gap = end - after
        if gap == 0:
            return []
        if not 0 < gap <= MAX_REPLAY:  # too many, or another database than the one it knew
            return [reset(max(gap, 0), end)]
        events: list[Event] = []
        while after < end and (entries := await asyncio.to_thread(self._scored.read, after, _BATCH)):
            events += [_story(entry.offset, story_row(entry.document)) for entry in entries if entry.offset <= end]
            after = entries[-1].offset
        return events

    def close(self) -> None:
        """End every stream, soon. Called on the event loop, when the server stops."""
        self.closed = True
        for reader in self._readers:
            reader.wake()
        if self._poller is not None:
            self._poller.cancel()

    def _is_polling(self) -> bool:
        return self._poller is not None and not self._poller.done()

    async def _poll(self) -> None:
        while self._readers and not self.closed:
            try:
                await self._poll_stories()
                await self._poll_alerts()
            except Exception as error:  # noqa: BLE001 - whatever it was, the streams stay open and it is tried again
                get_logger("web").warning("events: the store does not answer", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(self._retry)
            await asyncio.sleep(self._interval)

    async def _poll_stories(self) -> None:
        more = True
        while more:
            entries = await asyncio.to_thread(self._scored.read, self._position, _BATCH)
            for entry in entries:
                self._position = entry.offset
                self._tell(_story(entry.offset, story_row(entry.document)))
            more = len(entries) == _BATCH

    async def _poll_alerts(self) -> None:
        for alert in reversed(await asyncio.to_thread(self._list_alerts)):
            if self._known.get(_key(alert)) != alert.transition:
                self._known[_key(alert)] = alert.transition
                self._tell(Event("alert", alert_row(alert)))

    def _tell(self, event: Event) -> None:
        for reader in self._readers:
            reader.put(event)

    def _list_alerts(self) -> list[Alert]:
        return self._alerts.list_alerts(limit=100)


def _key(alert: Alert) -> tuple[str, datetime]:
    return alert.fingerprint, alert.starts_at


def _story(offset: int, row: dict[str, Any]) -> Event:
    return Event("story", row, offset)
