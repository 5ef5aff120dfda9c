"""The pipeline on the fakes that ship: what overlapping stages must not change, and what an index refuses."""

import asyncio
import time

import pytest

from riskwire import wire
from riskwire.clock import SystemClock
from riskwire.identity import REMOVED
from riskwire.ports import IndexResult, Refused
from riskwire.settings import StreamSettings
from riskwire.testing import KeywordScorer, MemoryIndex, MemoryLog, UpperCaseLinker, a_document
from riskwire.types import Document
from stream.local import Processor
from stream.worker.batch import Taken
from stream.worker.ledger import Ledger, Place
from stream.worker.pipeline import Pipeline

HERE = Place("documents", 0)


class Slow(MemoryIndex):
    """Takes its time, as a loaded server does; refuses some."""

    def __init__(self, seconds=0.0, refused=()):
        super().__init__()
        self._seconds, self._refused = seconds, set(refused)

    def put(self, documents):
        time.sleep(self._seconds)
        result = super().put([one for one in documents if one.id not in self._refused])
        refused = [Refused(one.id, one.revision, "no such field") for one in documents if one.id in self._refused]
        return IndexResult(result.indexed, result.superseded, tuple(refused))


class Letters:
    def __init__(self):
        self.kept = []

    def keep(self, failed):
        self.kept += failed


def process(index, documents):
    """Each a batch of its own; the letters, and what may be committed."""

    async def run():
        ledger, letters = Ledger(), Letters()
        ledger.assigned(HERE, 1)
        ledger.gap(HERE, 1, 0, 0)
        pipeline = Pipeline(
            ledger=ledger,
            index=index,
            scored=index,
            letters=letters,
            scorer=KeywordScorer(),
            linker=UpperCaseLinker(),
            clock=SystemClock(),
            settings=StreamSettings(batch_size=1),
            batch_tokens=1_000,
        )
        running = asyncio.create_task(pipeline.run())
        for offset, document in enumerate(documents):
            await pipeline.feed(Taken(ledger.took(HERE, 1, offset), document.id.encode(), wire.encode(document)))
        pipeline.close()
        await running
        return letters.kept, ledger.committable()

    return asyncio.run(run())


def removal(document):
    """As ingest tells it: of the story it says no more than the id."""
    return Document(
        id=document.id,
        revision=document.revision + 1,
        source="who says so",
        source_type="social",
        seen_at=document.seen_at,
        event_time=document.seen_at,
        content_hash=REMOVED,
        removed=True,
    )


def test_a_removal_behind_a_story_that_is_under_way_is_of_that_story():
    index, story = Slow(0.2), a_document(1, title="Acme profit rises", publisher="p.example")
    letters, committable = process(index, [story, removal(story), a_document(2, title="Beta profit falls")])
    (left,) = index.revisions(story.id)
    assert (left.status, left.revision, left.title) == ("removed", 2, "")
    assert (left.source, left.publisher, left.source_type) == (story.source, "p.example", "news")
    assert committable == {HERE: 3}
    assert letters == []


@pytest.mark.parametrize("setting", ["one machine", "cluster"])
def test_what_the_index_refuses_is_with_the_dead_letters_and_the_rest_goes_on(setting):
    documents = [a_document(n, title=f"Acme{n} profit rises") for n in range(3)]
    index = Slow(refused=[documents[1].id])
    if setting == "cluster":
        letters, committable = process(index, documents)
        assert committable == {HERE: 3}
    else:
        log = MemoryLog()
        log.append(documents)
        with Processor(
            log, index, index, KeywordScorer(), UpperCaseLinker(), SystemClock(), StreamSettings()
        ) as processor:
            assert asyncio.run(processor.drain()) == 3
        assert log.depth() == 0
        letters = log.dead_letters
    (letter,) = letters
    assert (letter.key, letter.stage) == (documents[1].id, "index")
    assert "no such field" in letter.error_message
    assert wire.decode(letter.value, Document) == documents[1]
    assert index.held([one.id for one in documents]).keys() == {documents[0].id, documents[2].id}
