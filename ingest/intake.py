"""The one door to the log: what is known is looked up, decided and appended, a group of polls at a time.

Two sources may tell one story at the same moment: in a group each is decided with what those before it decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from ingest.base import Gone, Told
from ingest.change import Decision, decide
from ingest.commit import GroupCommit
from ingest.documents.language import with_language
from riskwire import metrics
from riskwire.clock import Clock, SystemClock
from riskwire.errors import StorageError
from riskwire.identity import REMOVED, canonical_link
from riskwire.ports import DocumentLog, KnownStories, KnownStory
from riskwire.types import Document

#: Polls in one transaction at most.
_GROUP = 128
_NOTHING = Decision((), (), 0, ())


class _Batch(msgspec.Struct, frozen=True):
    """What one poll told."""

    told: Sequence[Told]
    said: Mapping[str, str] | None
    gone: Sequence[Gone]
    source: str


class Intake:
    """Takes told stories. One for all sources of a process, the webhook included."""

    def __init__(self, log: DocumentLog, known: KnownStories, clock: Clock | None = None) -> None:
        self._log = log
        self._known = known
        self._clock = clock or SystemClock()
        self._commit: GroupCommit[_Batch, Decision] = GroupCommit(self._take, most=_GROUP)

    async def take(
        self,
        told: Sequence[Told],
        said: Mapping[str, str] | None = None,
        gone: Sequence[Gone] = (),
        *,
        source: str = "",
    ) -> Decision:
        """Put what is new, corrected or removed on the log; durable when it returns. `source` is who says so.

        Raises StorageError: then nothing of it was accepted, and the same call may be made again. A cancellation waits
        until the log has answered: nobody may close it while it writes.
        """
        if not told and not gone:
            return _NOTHING
        decision = await self._commit.put(_Batch(told, said, gone, source))
        for document in (*decision.new, *decision.corrected):
            metrics.documents.labels(document.source, "accepted").inc()
        if decision.unchanged:
            metrics.documents.labels(told[0].document.source, "duplicate").inc(decision.unchanged)
        return decision

    def _take(self, batches: Sequence[_Batch]) -> list[Decision | Exception]:
        try:
            return list(self._decide_and_append(batches))
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - one poll's story could not be written: the others get through
            if len(batches) == 1:
                return [error]
        return [self._take([batch])[0] for batch in batches]

    def _decide_and_append(self, batches: Sequence[_Batch]) -> list[Decision]:
        memory = _Memory(self._known, batches)
        decisions: list[Decision] = []
        accepted: list[Document] = []
        now = self._clock.now()
        for batch in batches:
            decision = _with_languages(decide(batch.told, memory.by_id, memory.by_link, batch.said))
            memory.add(decision)
            removed = memory.remove(batch, now)
            decisions.append(msgspec.structs.replace(decision, removed=tuple(removed)))
            accepted += [*decision.new, *decision.corrected, *removed]
        if accepted:
            self._log.append(accepted)
        return decisions


def _with_languages(decision: Decision) -> Decision:
    """Here, not where stories are told: most of those are known, and need no language any more."""
    return msgspec.structs.replace(
        decision,
        new=tuple(map(with_language, decision.new)),
        corrected=tuple(map(with_language, decision.corrected)),
    )


class _Memory:
    """What is known of the stories of a group, and what the group itself has added to it."""

    def __init__(self, known: KnownStories, batches: Sequence[_Batch]) -> None:
        told = [one for batch in batches for one in batch.told]
        gone = [one for batch in batches for one in batch.gone]
        ids = {one.document.id for one in told} | {one.document_id for one in gone if one.document_id}
        self.by_id = dict(known.by_id(sorted(ids)))
        self.by_link: dict[tuple[str, str], KnownStory] = {}
        self._by_author = {one.author: known.by_author(one.author) for one in gone if one.author}
        self._authors: dict[str, list[str]] = {}
        links: dict[str, set[str]] = {}
        for one in told:
            if one.link is not None and one.document.id not in self.by_id:
                links.setdefault(one.document.publisher, set()).add(one.link)
        for away in gone:
            if away.link is not None:
                links.setdefault(away.publisher, set()).add(away.link)
        for publisher, wanted in links.items():
            for link, story in known.by_link(publisher, sorted(wanted)).items():
                self.by_link[publisher, link] = story

    def add(self, decision: Decision) -> None:
        """These are known from now on."""
        for document in (*decision.new, *decision.corrected):
            link = canonical_link(document.link)
            story = KnownStory(document.id, document.revision, document.content_hash, link)
            self.by_id[document.id] = story
            if link is not None:
                self.by_link[document.publisher, link] = story
            for author in document.authors if document.source_type == "social" else ():
                self._authors.setdefault(author, []).append(document.id)

    def remove(self, batch: _Batch, now: datetime) -> list[Document]:
        """The last revision of everything that this batch says is gone, and that is known."""
        stories: dict[str, KnownStory] = {}
        for one in batch.gone:
            if one.document_id in self.by_id:
                stories[one.document_id] = self.by_id[one.document_id]
            if one.link and (linked := self.by_link.get((one.publisher, one.link))) is not None:
                stories[linked.id] = self.by_id.get(linked.id, linked)
            if one.author:
                for story in self._by_author[one.author]:
                    stories[story.id] = self.by_id.get(story.id, story)
                for document_id in self._authors.get(one.author, ()):
                    stories[document_id] = self.by_id[document_id]
        removed = []
        for story in stories.values():
            if story.content_hash != REMOVED:
                revision = story.revision + 1
                self.by_id[story.id] = KnownStory(story.id, revision, REMOVED, story.link)
                removed.append(_removal(story.id, revision, batch.source, now))
        return removed


def _removal(document_id: str, revision: int, source: str, now: datetime) -> Document:
    """What goes on the log. Publisher, times and place are those of the story, which the processor has."""
    return Document(
        id=document_id,
        revision=revision,
        source=source,
        source_type="social",
        seen_at=now,
        event_time=now,
        content_hash=REMOVED,
        removed=True,
    )
