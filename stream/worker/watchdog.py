"""Exit when nothing moves: a supervisor's restart is the one recovery that always works.

Faust workers have been seen to die slowly: the process lives, heartbeats go on, and nothing is consumed. So this asks
Kafka itself, through a connection and in a thread of its own, how far the group has come; when messages wait and the
committed offset stands still for too long, the process ends, non-zero. Not while the storage is known to be away: then
standing still is what is wanted.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping

from riskwire import metrics
from riskwire.errors import StorageError
from riskwire.log import get_logger
from stream.kafka.admin import Lag

_log = get_logger("stream")


class Standstill:
    """How long each partition has stood still. Pure, given the time."""

    def __init__(self, stuck_after: float) -> None:
        self._stuck_after = stuck_after
        self._since: dict[int, tuple[int, float]] = {}

    def look(self, now: float, lags: Mapping[int, Lag], mine: set[int]) -> list[int]:
        """The partitions that have been stuck for too long: of `mine`, or of all where none is assigned."""
        stuck = []
        for partition, lag in lags.items():
            if (mine and partition not in mine) or not lag.waiting:
                self._since.pop(partition, None)
                continue
            committed, since = self._since.get(partition, (-1, now))
            if committed != lag.committed:
                committed, since = lag.committed, now
            self._since[partition] = (committed, since)
            if now - since >= self._stuck_after:
                stuck.append(partition)
        return stuck

    def forget(self) -> None:
        """Start counting anew: what was seen says nothing of now."""
        self._since.clear()


class Watchdog(threading.Thread):
    """The thread. `mine` and `excused` are called in it."""

    def __init__(
        self,
        *,
        lags: Callable[[], Mapping[int, Lag] | None],
        mine: Callable[[], set[int]],
        excused: Callable[[], bool],
        stuck_after: float,
        leave: Callable[[], None] = lambda: os._exit(1),
    ) -> None:
        super().__init__(name="riskwire-watchdog", daemon=True)
        self._lags, self._mine, self._excused, self._leave = lags, mine, excused, leave
        self._stuck_after = stuck_after
        self._ended = threading.Event()

    def run(self) -> None:
        """Look several times in the time that counts."""
        standstill = Standstill(self._stuck_after)
        while not self._ended.wait(self._stuck_after / 6):
            try:
                lags = self._lags()
            except StorageError:
                standstill.forget()  # Kafka is away; when it is back, everybody needs a moment
                continue
            if lags is None or self._excused():
                standstill.forget()
                continue
            metrics.queue_depth.set(sum(lag.waiting for lag in lags.values()))
            if stuck := standstill.look(time.monotonic(), lags, self._mine()):
                _log.error(
                    "documents wait and nothing was committed: leaving, to be started again",
                    partitions=stuck,
                    seconds=self._stuck_after,
                )
                self._leave()
                return

    def stop(self) -> None:
        """It may end."""
        self._ended.set()
