"""Where a connection to Jetstream stands, and whether its host left something out before the first event."""

from __future__ import annotations

from datetime import datetime, timedelta

from ingest.social.bluesky.jetstream import Payload, Position, moment
from riskwire import metrics
from riskwire.log import get_logger

#: A first event so much later than the place asked for was not the next one: the host left out what was between.
_JUMP = timedelta(minutes=5)
_NOTICES = ("OutdatedCursor", "FutureCursor")
_log = get_logger("ingest")


class Place:
    """One connection's. A gap is logged, counted (`StreamGap`), and stays in the position (`lost`)."""

    """Where a connection stands, and whether it left something out between the place asked for and its first event."""

    def __init__(self, source: str, host: str, resumed: Position) -> None:
        self._source, self._host, self._resumed = source, host, resumed
        self._seq = resumed.seq if resumed.host == host else None
        self._at: str | None = None
        self._clamped = False
        self._lost, self._first = resumed.lost, True

    def told(self, name: str) -> None:
        """A notice of the host about the cursor."""
        self._clamped = self._clamped or name in _NOTICES
        if name not in _NOTICES:
            metrics.feed_errors.labels(self._source, "UnknownEvent").inc()

    def move(self, event: Payload) -> None:
        """This event was handled."""
        if event.seq is None:
            return
        self._seq, self._at = event.seq, event.at
        if self._first:
            self._first = False
            self._look_for_gap(moment(event.at))

    def position(self) -> Position:
        """Up to here."""
        at = moment(self._at) or self._resumed.at
        return Position(self._host if self._seq is not None else self._resumed.host, self._seq, at, self._lost)

    def _look_for_gap(self, first: datetime | None) -> None:
        asked = self._resumed.at
        jumped = asked is not None and first is not None and first - asked > _JUMP
        if self._clamped or jumped:
            self._lost += 1
            metrics.feed_errors.labels(self._source, "StreamGap").inc()
            _log.warning("stream_gap", source=self._source, host=self._host, since=str(asked), until=str(first))
