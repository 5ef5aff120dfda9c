"""The one door to the log: what is known is looked up, decided and appended under one lock.

Two sources may tell one story at the same moment; without the lock both would be its first revision, and one be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from ingest.base import Told
from ingest.change import Decision, decide
from riskwire import metrics
from riskwire.ports import DocumentLog, KnownStories, KnownStory

T = TypeVar("T")


class Intake:
    """Takes told stories. One for all sources of a process, the webhook included."""

    def __init__(self, log: DocumentLog, known: KnownStories) -> None:
        self._log = log
        self._known = known
        self._lock = asyncio.Lock()

    async def take(self, told: Sequence[Told], said: Mapping[str, str] | None = None) -> Decision:
        """Put what is new or corrected on the log; durable when it returns.

        Raises StorageError: then nothing of it was accepted, and the same call may be made again. A cancellation waits
        until the log has answered: nobody may close it while it writes.
        """
        if not told:
            return Decision((), (), 0, ())
        return await _to_the_end(self._take(told, said))

    async def _take(self, told: Sequence[Told], said: Mapping[str, str] | None) -> Decision:
        async with self._lock:
            decision = await asyncio.to_thread(self._decide_and_append, told, said)
        for document in (*decision.new, *decision.corrected):
            metrics.documents.labels(document.source, "accepted").inc()
        if decision.unchanged:
            metrics.documents.labels(told[0].document.source, "duplicate").inc(decision.unchanged)
        return decision

    def _decide_and_append(self, told: Sequence[Told], said: Mapping[str, str] | None) -> Decision:
        by_id = self._known.by_id([one.document.id for one in told])
        links: dict[str, set[str]] = {}
        for one in told:
            if one.link is not None and one.document.id not in by_id:
                links.setdefault(one.document.publisher, set()).add(one.link)
        by_link: dict[tuple[str, str], KnownStory] = {}
        for publisher, wanted in links.items():
            for link, story in self._known.by_link(publisher, sorted(wanted)).items():
                by_link[publisher, link] = story
        decision = decide(told, by_id, by_link, said)
        accepted = [*decision.new, *decision.corrected]
        if accepted:
            self._log.append(accepted)
        return decision


async def _to_the_end(work: Awaitable[T]) -> T:
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: the caller is being cancelled, and what was not accepted comes again
        raise
