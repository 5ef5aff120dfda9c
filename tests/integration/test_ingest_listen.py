"""Streams: batches are taken as polls are; what breaks is made again; deletions reach the index."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import pytest

from ingest import kinds
from ingest.base import Context, Emit, Gone, Kind, Polled, SourceConfig, Streamer, Told
from ingest.feeds.list import Sources
from ingest.run import IngestLoop
from riskwire import wire
from riskwire.clock import ManualClock, SystemClock
from riskwire.errors import FetchError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings, StreamSettings
from riskwire.testing import KeywordScorer, MemoryIndex, MemoryLog, UpperCaseLinker, a_document
from riskwire.types import Document
from stream.local import Processor

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
Script = Callable[["Scripted", SourceState, Emit, asyncio.Event], Awaitable[None]]


class Config(SourceConfig, frozen=True, kw_only=True):
    """A stream that does what a test says."""

    table: ClassVar[str] = "scripted"


class Scripted:
    """A Streamer whose n-th connection does what the n-th script says."""

    name, url = "s", "wss://stream.example"

    def __init__(self, scripts: list[Script], silence: float | None = None) -> None:
        self.scripts = scripts
        self.silence = silence
        self.states: list[SourceState] = []

    async def run(self, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        self.states.append(state)
        script = self.scripts.pop(0) if self.scripts else idle
        await script(self, state, emit, stop)


async def idle(source: Scripted, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
    await stop.wait()


def telling(cursor: str, *documents: Document, gone: tuple[Gone, ...] = (), then: Exception | None = None) -> Script:
    async def script(source: Scripted, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        after = msgspec.structs.replace(state, cursor=cursor)
        await emit(Polled(outcome="ok", state=after, told=tuple(map(Told, documents)), gone=gone))
        if then is not None:
            raise then

    return script


def post(number: int, **fields: Any) -> Document:
    return a_document(number, **{"source": "s", "source_type": "social", "content_hash": f"hash-{number}", **fields})


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch, log: MemoryLog) -> Callable[..., MemoryLog]:
    monkeypatch.setattr("ingest.polling.outcome._RECONNECT", 0.02)
    monkeypatch.setattr("ingest.listen._LOOK", 0.02)
    monkeypatch.setattr("ingest.listen.random", type("Dice", (), {"random": staticmethod(lambda: -0.99)}))

    def run(source: Scripted, until: Callable[[], bool]) -> MemoryLog:
        def make(config: Config, context: Context) -> Streamer:
            assert isinstance(source, Streamer)
            return source

        monkeypatch.setattr(kinds, "kind", lambda table: Kind(Config, make))
        loop = IngestLoop(
            IngestSettings(), Sources((Config(name="s"),)), log, log, log, SystemClock(), "run", author_key=b"k"
        )

        async def scenario() -> None:
            stop = asyncio.Event()
            running = asyncio.ensure_future(loop.run(stop))
            async with asyncio.timeout(10):
                while not until():
                    await asyncio.sleep(0.01)
            stop.set()
            async with asyncio.timeout(3):
                await running

        asyncio.run(scenario())
        return log

    return run


def documents(log: MemoryLog) -> list[Document]:
    return [wire.decode(entry.value, Document) for entry in log.read(1000)]


def test_batches_are_on_the_log_before_their_cursor_is_saved(streamed: Any, log: MemoryLog) -> None:
    seen: list[tuple[int, str | None]] = []
    save = log.save

    def spy(state: SourceState) -> None:
        seen.append((log.depth(), state.cursor))
        save(state)

    log.save = spy  # type: ignore[method-assign]
    source = Scripted([telling("1", post(1)), telling("2", post(2), post(1))])
    streamed(source, lambda: len(source.states) >= 3)
    assert [document.id for document in documents(log)] == [post(1).id, post(2).id]
    assert (1, "1") in seen
    assert all(cursor is None or depth >= int(cursor) for depth, cursor in seen)
    # Each connection goes on from where the one before was.
    assert [state.cursor for state in source.states][:3] == [None, "1", "2"]


def test_a_broken_connection_is_made_again_later_each_time(streamed: Any, log: MemoryLog) -> None:
    broken = [telling("1", post(1), then=FetchError("broke off", about="s"))]

    async def refused(source: Scripted, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        raise FetchError("refused us (403)", about="s", status=403)

    async def wrong(source: Scripted, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        raise ZeroDivisionError

    source = Scripted([*broken, refused, wrong, telling("2", post(2))])
    streamed(source, lambda: log.depth() == 2)
    failures = [state.failures for state in source.states[:4]]
    assert failures == [0, 1, 2, 3]
    assert "ZeroDivisionError" in (source.states[3].last_error or "")
    state = log.load("s")
    assert state is not None
    assert (state.failures, state.last_error, state.cursor) == (0, None, "2")


def test_a_silent_connection_is_given_up(streamed: Any, log: MemoryLog) -> None:
    async def silent(source: Scripted, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        await asyncio.sleep(60)

    async def beating(source: Scripted, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        for _ in range(8):
            await emit(Polled(outcome="not_modified", state=state))
            await asyncio.sleep(0.1)
        await emit(Polled(outcome="ok", state=state, told=(Told(post(1)),)))
        await stop.wait()

    source = Scripted([silent, beating], silence=0.4)
    streamed(source, lambda: log.depth() == 1)
    assert len(source.states) == 2  # signs of life kept the second one
    assert "silent for more than 0.4 s" in (source.states[1].last_error or "")


def test_stop_ends_a_source_that_does_not_listen(
    streamed: Any, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.listen._GRACE", 0.1)

    async def deaf(source: Scripted, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        await emit(Polled(outcome="ok", state=state, told=(Told(post(1)),)))
        await asyncio.sleep(60)

    streamed(Scripted([deaf]), lambda: log.depth() == 1)


def process(log: MemoryLog, index: MemoryIndex) -> None:
    with Processor(
        log, index, index, KeywordScorer(), UpperCaseLinker(), ManualClock(NOW), StreamSettings()
    ) as processor:
        asyncio.run(processor.drain())


@pytest.mark.parametrize("indexed_first", [True, False])
def test_deletions_reach_the_index(streamed: Any, log: MemoryLog, indexed_first: bool) -> None:
    index = MemoryIndex()
    first = post(1, title="Secret profit rises", authors=("jo",), event_time=NOW)
    streamed(
        Scripted([telling("1", first, post(2, authors=("al",)), post(3, authors=("jo",)))]), lambda: log.depth() == 3
    )
    if indexed_first:
        process(log, index)
        assert index.get(first.id).status == "scored"  # type: ignore[union-attr]
    before = log.depth()
    gone = (Gone(document_id=first.id), Gone(document_id="f" * 32), Gone(author="nobody"))
    streamed(Scripted([telling("2", gone=gone)]), lambda: log.depth() == before + 1)
    process(log, index)
    story = index.get(first.id)
    assert story is not None
    assert (story.status, story.revision, story.title, story.text, story.authors) == ("removed", 2, "", "", ())
    assert (story.source, story.event_time, story.sentiment) == ("s", NOW, None)
    assert [one.revision for one in index.revisions(first.id)] == [2]
    # Who still tells it is not believed, and deleting it again changes nothing.
    again = [telling("3", first, gone=(Gone(document_id=first.id),)), telling("4", post(9))]
    streamed(Scripted(again), lambda: log.depth() == 1)
    assert [document.id for document in documents(log)] == [post(9).id]
    # The account goes: all that is left of it.
    streamed(Scripted([telling("5", gone=(Gone(author="jo"),))]), lambda: log.depth() == 2)
    process(log, index)
    assert index.get(post(3).id).status == "removed"  # type: ignore[union-attr]
    assert index.get(post(2).id).status != "removed"  # type: ignore[union-attr]


def test_told_and_deleted_at_once_leaves_no_text(streamed: Any, log: MemoryLog) -> None:
    index = MemoryIndex()
    document = post(1, title="Secret profit rises", authors=("jo",))
    streamed(Scripted([telling("1", document, gone=(Gone(author="jo"),))]), lambda: log.depth() == 2)
    process(log, index)
    story = index.get(document.id)
    assert story is not None
    assert (story.status, story.revision) == ("removed", 2)
    assert not any("Secret" in entry.document.title for entry in index.read(0, 100))
