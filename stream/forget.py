"""A person is forgotten, in the cluster setting.

Nothing here is one transaction, so it goes the way of every removal: one more revision of each story, without text,
onto the documents topic, behind what may still be under way there (the key is the story's id). The workers write it,
and purge the revisions before it. Then the alerts' evidence, and this process's own file.

Beyond it, and said so: Kafka's topics keep what was sent until their retention has passed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime

import msgspec

from ingest.base import Gone
from ingest.intake import Intake
from riskwire.clock import Clock
from riskwire.errors import StorageBusy
from riskwire.ports import DocumentLog, Forgotten, Index, KnownStories, PersonalData
from riskwire.removal import is_telling
from stream.elastic.alerts import ElasticAlertStore

#: Seconds between two looks whether the workers have come so far.
_PAUSE = 0.5


class ClusterPersonalData:
    """PersonalData. `own` is this process's file: run it on the data folder of `riskwire ingest`.

    `patience`: seconds that the workers may take.
    """

    def __init__(
        self,
        *,
        log: DocumentLog,
        known: KnownStories,
        own: PersonalData,
        index: Index,
        alerts: ElasticAlertStore,
        clock: Clock,
        patience: float = 120.0,
    ) -> None:
        self._log, self._known, self._own, self._index, self._alerts = log, known, own, index, alerts
        self._clock, self._patience = clock, patience

    def traces(self, authors: Sequence[str], ids: Sequence[str] = ()) -> Forgotten:
        """See PersonalData.traces. `scored` and `dead_letters` are 0: a topic gives nothing up."""
        return self._found(authors, ids)[0]

    def forget(self, authors: Sequence[str], now: datetime, ids: Sequence[str] = ()) -> Forgotten:
        """See PersonalData.forget. Raises StorageBusy when the workers have not come so far in time."""
        found, titles = self._found(authors, ids)
        intake = Intake(self._log, self._known, self._clock)
        gone = [Gone(author=author) for author in authors]
        if found.stories:
            asyncio.run(intake.take((), gone=gone, source="forget"))
        self._wait(found.ids)
        self._alerts.forget(found.ids, titles)
        return msgspec.structs.replace(found, scrubbed=self._own.forget(authors, now, found.ids).scrubbed)

    def _found(self, authors: Sequence[str], ids: Sequence[str]) -> tuple[Forgotten, set[str]]:
        theirs = {story.id for author in authors if author for story in self._known.by_author(author)}
        both = sorted(theirs | set(ids))
        pasts = {one: self._index.revisions(one) for one in both}
        titles = {story.title for past in pasts.values() for story in past if is_telling(story.title)}
        found = Forgotten(
            ids=tuple(both),
            stories=len(theirs),
            revisions=sum(max(len(past) - 1, 0) for past in pasts.values()),
            waiting=self._own.traces(authors, both).waiting,
            alerts=len(self._alerts.telling_of(both)),
        )
        return found, titles

    def _wait(self, ids: Sequence[str]) -> None:
        end = time.monotonic() + self._patience
        left = list(ids)
        while left := [one for one in left if not _is_removed(self._index, one)]:
            if time.monotonic() > end:
                raise StorageBusy(
                    f"{len(left)} removals wait on the documents topic",
                    about="riskwire stream",
                    hint="Start the workers, then run this again for the alerts.",
                )
            time.sleep(_PAUSE)


def _is_removed(index: Index, document_id: str) -> bool:
    story = index.get(document_id)
    return story is not None and story.status == "removed"
