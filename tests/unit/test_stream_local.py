"""The processor, on the in-memory ports: the order of its steps, failures, poison, stopping."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from riskwire import wire
from riskwire.clock import SystemClock
from riskwire.errors import ModelError, StorageError, StorageFull
from riskwire.ports import SearchQuery
from riskwire.settings import StreamSettings
from riskwire.testing import KeywordScorer, MemoryIndex, MemoryLog, UpperCaseLinker, a_document
from stream import local
from stream.local import Processor

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Steps:
    """Log, index and scored stream that write down what is called, and fail as told."""

    def __init__(self):
        self.log, self.index = MemoryLog(), MemoryIndex()
        self.calls, self.failures = [], {}
        self.dead_letters = self.log.dead_letters

    def fail(self, step, times, error=None):
        self.failures[step] = [error or StorageError("it fails")] * times

    def _step(self, name, work, *given):
        if self.failures.get(name):
            self.calls.append(f"{name} failed")
            raise self.failures[name].pop()
        self.calls.append(name)
        return work(*given)

    def append(self, documents):
        return self.log.append(documents)

    def read(self, limit):
        entries = self.log.read(limit)
        return self._step("read", lambda: entries) if entries else []

    def ack(self, through):
        self._step("ack", self.log.ack, through)

    def dead_letter(self, failed):
        self._step("dead letter", self.log.dead_letter, failed)

    def depth(self):
        return self.log.depth()

    def held(self, ids):
        return self.index.held(ids)

    def put(self, stories):
        return self._step("put", self.index.put, stories)

    def publish(self, stories):
        self._step("publish", self.index.publish, stories)


@pytest.fixture
def steps(monkeypatch):
    monkeypatch.setattr(local, "BACKOFF_FIRST", 0.01)
    return Steps()


@pytest.fixture
def processor(steps):
    made = []

    def make(scorer=None, **options):
        settings = StreamSettings(batch_size=options.pop("batch_size", 4), poll_interval=options.pop("poll", 0.01))
        made.append(
            Processor(
                steps, steps, steps, scorer or KeywordScorer(), UpperCaseLinker(), SystemClock(), settings, **options
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


async def until(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.005)


def test_a_batch_is_published_then_indexed_then_acknowledged(steps, processor):
    steps.append([a_document(n) for n in range(6)])
    told = []
    assert asyncio.run(processor().drain(told.append)) == 6
    assert told == [4, 2]
    assert steps.calls == ["read", "publish", "put", "ack"] * 2
    assert steps.index.count(SearchQuery()) == 6
    assert steps.depth() == 0


def test_poison_is_put_aside_with_its_reason_and_never_indexed(steps, processor):
    steps.append([a_document(1)])
    for value in (
        b"no json",
        b'{"schema_version":99}',
        b"[]",
        wire.encode(a_document(3)).replace(b'"test"', b"7"),
        b"\xff",
    ):
        steps.log.append_raw("poison", value)
    steps.append([a_document(2)])
    asyncio.run(processor(batch_size=100).drain())
    assert steps.calls == ["read", "dead letter", "publish", "put", "ack"]
    assert steps.index.count(SearchQuery()) == 2
    assert [letter.stage for letter in steps.dead_letters] == ["stream"] * 5
    assert "schema version 99" in steps.dead_letters[1].error_message
    assert all(letter.error_type == "WireError" and letter.value_size for letter in steps.dead_letters)
    assert steps.depth() == 0


def test_a_batch_of_nothing_but_poison_is_acknowledged(steps, processor):
    steps.log.append_raw("poison", b"x" * 100_000)
    asyncio.run(processor().drain())
    assert steps.calls == ["read", "dead letter", "ack"]
    assert (len(steps.dead_letters[0].value), steps.dead_letters[0].value_size) == (65536, 100_000)


def test_what_the_index_holds_is_not_scored_again(steps, processor):
    scorer = KeywordScorer()
    steps.append([a_document(1), a_document(2)])
    entries = steps.log.read(10)
    asyncio.run(processor(scorer).drain())
    for entry in entries:  # as after a crash before the ack
        steps.log.append_raw(entry.key, entry.value)
    steps.append([a_document(1, revision=2)])
    asyncio.run(processor(scorer).drain())
    assert scorer.calls == [2, 1]
    assert steps.index.end() == 3
    assert steps.index.get(a_document(1).id).revision == 2


@pytest.mark.parametrize("step", ["read", "publish", "put", "ack"])
def test_a_failing_storage_is_tried_again_and_nothing_is_lost(steps, processor, step):
    steps.append([a_document(n) for n in range(3)])
    steps.fail(step, 3, StorageFull("no space left"))
    asyncio.run(processor().drain())
    assert steps.calls.count(f"{step} failed") == 3
    assert [call for call in steps.calls if "failed" not in call] == ["read", "publish", "put", "ack"]
    assert (steps.index.count(SearchQuery()), steps.depth()) == (3, 0)


def test_drain_gives_up_at_last_and_says_so_with_nothing_acknowledged(steps, processor):
    steps.append([a_document(1)])
    steps.fail("put", 100)
    with pytest.raises(StorageError, match="it fails"):
        asyncio.run(processor().drain())
    assert steps.depth() == 1
    steps.failures.clear()
    asyncio.run(processor().drain())
    assert (steps.index.count(SearchQuery()), steps.depth()) == (1, 0)


def test_run_waits_for_a_failing_storage_as_long_as_it_takes_and_can_be_stopped(steps, processor):
    steps.append([a_document(1)])
    steps.fail("put", 10_000)

    async def story():
        stop, worker = asyncio.Event(), processor()
        running = asyncio.create_task(worker.run(stop))
        await until(lambda: steps.calls.count("put failed") > 3)
        assert worker.last_error is not None
        stop.set()
        await asyncio.wait_for(running, 2)

    asyncio.run(story())
    assert steps.depth() == 1
    assert "ack" not in steps.calls


def test_a_drain_can_be_stopped_while_the_storage_fails(steps, processor, monkeypatch):
    monkeypatch.setattr(local, "DRAIN_TRIES", 10_000)
    steps.append([a_document(1)])
    steps.fail("publish", 10_000)

    async def story():
        stop = asyncio.Event()
        draining = asyncio.create_task(processor().drain(stop=stop))
        await until(lambda: "publish failed" in steps.calls)
        stop.set()
        return await asyncio.wait_for(draining, 2)

    assert asyncio.run(story()) == 0
    assert steps.depth() == 1


def test_a_depth_that_can_not_be_read_stops_nothing(steps, processor):
    def depth():
        raise StorageError("busy")

    steps.depth = depth
    steps.append([a_document(1)])
    assert asyncio.run(processor().drain()) == 1


def test_stop_finishes_the_batch_in_hand(steps, processor):
    class Slow(KeywordScorer):
        def score(self, texts):
            time.sleep(0.2)
            return super().score(texts)

    async def story():
        stop = asyncio.Event()
        running = asyncio.create_task(processor(Slow()).run(stop))
        await until(lambda: "read" in steps.calls)
        stop.set()
        await running

    steps.append([a_document(n) for n in range(8)])
    asyncio.run(story())
    assert (steps.index.count(SearchQuery()), steps.depth()) == (4, 4)


def test_new_documents_are_taken_at_once_when_it_is_told(steps, processor):
    async def story():
        stop, worker, batches = (
            asyncio.Event(),
            processor(poll=30, on_batch=lambda stories: batches.append(len(stories))),
            [],
        )
        running = asyncio.create_task(worker.run(stop))
        await asyncio.sleep(0.05)
        steps.append([a_document(1)])
        started = time.monotonic()
        worker.notify()
        await until(lambda: batches)
        assert time.monotonic() - started < 1
        stop.set()
        await asyncio.wait_for(running, 2)
        assert batches == [1]

    asyncio.run(story())


def test_the_event_loop_is_never_blocked_by_the_model(steps, processor):
    class Slow(KeywordScorer):
        def score(self, texts):
            time.sleep(0.3)
            return super().score(texts)

    async def story():
        longest, last, done = 0.0, time.monotonic(), asyncio.create_task(processor(Slow()).drain())
        while not done.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return longest

    steps.append([a_document(1)])
    assert asyncio.run(story()) < 0.2


def test_a_model_that_can_not_be_used_ends_it_with_nothing_acknowledged(steps, processor):
    class Gone(KeywordScorer):
        def score(self, texts):
            raise ModelError("a file is missing")

    steps.append([a_document(1)])
    with pytest.raises(ModelError):
        asyncio.run(processor(Gone()).run(asyncio.Event()))
    assert steps.depth() == 1


def test_a_story_that_can_not_be_written_is_a_dead_letter_and_the_others_go_on(processor):
    worker = processor()
    stories, failed = worker._writable(
        [
            local.ScoredDocument(id=f"{n}", source="s", seen_at=NOW, event_time=NOW, status="unscored", text=text)
            for n, text in enumerate(["fine", "\ud800"])
        ]
    )
    assert [story.id for story in stories] == ["0"]
    assert [letter.key for letter in failed] == ["1"]


def test_it_runs_again_in_another_loop(steps, processor):
    async def story(worker, number):
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        await asyncio.sleep(0.03)
        steps.append([a_document(number)])
        worker.notify()
        await until(lambda: steps.index.get(a_document(number).id))
        stop.set()
        await running

    worker = processor()
    worker.notify()  # before it runs: nobody to wake
    for number in (1, 2):
        asyncio.run(story(worker, number))
