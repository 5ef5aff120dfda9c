"""Between Faust and the pipeline: what is assigned, what was taken, what may be committed.

Faust consumes, balances partitions over workers and carries raw bytes. It acknowledges nothing: the topic is declared
with `acks=False`, and the offsets of the assigned partitions are committed here, from the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from riskwire import metrics
from riskwire.errors import StorageError
from riskwire.log import get_logger
from stream.worker.batch import Taken
from stream.worker.ledger import Ledger, Place
from stream.worker.pipeline import Pipeline

_log = get_logger("stream")

#: Seconds between two commits: what a crash repeats at most.
COMMIT_SECONDS = 1.0
#: Seconds to finish what is in hand when the worker stops.
DRAIN_SECONDS = 20.0
#: Seconds one commit may take; then it is said again with the next.
_COMMIT_PATIENCE = 15.0
#: The same while the group waits for us to let partitions go.
_REVOKED_PATIENCE = 3.0


class OffsetsSkipped(StorageError):
    """Messages that are on the topic were not handed out. The worker must start again from the committed offset."""


class Taking:
    """One worker's hold on the documents topic. `first_behind` asks Kafka for the first offset at or behind one."""

    def __init__(
        self,
        app: Any,
        topic: str,
        ledger: Ledger,
        pipeline: Pipeline,
        first_behind: Callable[[Place, int], int | None],
    ) -> None:
        self._app, self._topic, self._ledger, self._pipeline = app, topic, ledger, pipeline
        self._first_behind = first_behind
        self._commit_lock = asyncio.Lock()
        self.stopping = False

    async def take(self, message: Any) -> None:
        """Hand one message to the pipeline. Raises OffsetsSkipped."""
        place = Place(message.topic, message.partition)
        # Where the group stands is known by the first message: Faust has asked before it let it through.
        committed = self._app.consumer._committed_offset.get(message.tp)
        missing = self._ledger.gap(place, message.generation_id, message.offset, committed)
        if missing is not None:
            # Transactions and retention leave holes, which is well; a client that drops messages is not.
            first = await asyncio.to_thread(self._first_behind, place, missing)
            if first != message.offset:
                raise OffsetsSkipped(
                    f"offset {message.offset} came for {missing}", about=f"{place.topic} {place.partition}"
                )
        ticket = self._ledger.took(place, message.generation_id, message.offset)
        if ticket is not None:
            await self._pipeline.feed(Taken(ticket, message.key, message.value))

    def assigned(self, places: Iterable[Any]) -> None:
        """Partitions are ours."""
        for tp in places:
            if tp.topic == self._topic:
                self._ledger.assigned(Place(tp.topic, tp.partition), self._app.consumer_generation_id)
        _log.info("assigned", partitions=self.partitions())

    def partitions(self) -> list[int]:
        """Those that are ours, sorted."""
        return sorted(place.partition for place in self._ledger.places())

    async def revoked(self, places: Iterable[Any]) -> None:
        """Partitions go to another worker: say first how far we are, so that it repeats less."""
        await self.commit(_REVOKED_PATIENCE)
        self._ledger.revoked(Place(tp.topic, tp.partition) for tp in places)

    async def commit(self, patience: float = _COMMIT_PATIENCE) -> None:
        """Tell Kafka how far the ledger is. A commit that fails is said again with the next."""
        async with self._commit_lock:
            offsets = self._ledger.committable()
            if not offsets:
                return
            consumer = self._app.consumer
            try:
                async with asyncio.timeout(patience):
                    stored = await consumer._commit(
                        {consumer._new_topicpartition(*place): offset for place, offset in offsets.items()}
                    )
            except TimeoutError:
                _log.warning("Kafka does not take the offsets; trying again")
                return
            if stored:
                self._ledger.committed(offsets)
                for place, offset in offsets.items():
                    metrics.committed.labels(str(place.partition)).set(offset)

    async def commit_often(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self.commit()

    async def drain(self, running: asyncio.Task[None] | None) -> None:
        """Finish what is in hand, commit it, and be done."""
        self.stopping = True
        self._pipeline.close()
        if running is not None:
            await asyncio.wait({running}, timeout=DRAIN_SECONDS)
        await self.commit()
        _log.info("drained", left=self._ledger.in_hand)
