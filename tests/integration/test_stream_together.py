"""Other processes beside a running one, and how soon a story can be found."""

import asyncio
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime

from riskwire import metrics
from riskwire.clock import SystemClock
from riskwire.ports import SearchQuery
from riskwire.settings import StreamSettings
from riskwire.testing import KeywordScorer, UpperCaseLinker, a_document
from stream.local import Processor
from stream.sqlite.storage import Storage

READER = """
import sys, time
from pathlib import Path
from riskwire.ports import SearchQuery
from stream.sqlite.storage import Storage
with Storage(Path(sys.argv[1])) as storage:
    print("ready", flush=True)
    seen, looks = 0, 0
    while seen < int(sys.argv[2]):
        page = storage.index.search(SearchQuery(text="story", limit=10_000))
        ids = [one.id for one in page.documents]
        assert len(ids) == len(set(ids)) and len(ids) >= seen, (len(ids), seen)
        seen, looks = len(ids), looks + 1
        # Stories, words and companies are of one moment.
        assert storage.index.count(SearchQuery(text="story")) <= storage.index.count(SearchQuery())
    print(looks, flush=True)
"""

WRITER = """
import sys
from pathlib import Path
from riskwire.testing import a_story
from stream.sqlite.storage import Storage
with Storage(Path(sys.argv[1])) as storage:
    print("ready", flush=True)
    for n in range(10_000, 10_000 + int(sys.argv[2])):
        storage.index.put([a_story(n)])
"""


def beside(program, path, how_many):
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, str(path), str(how_many)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n", child.stderr.read()
    return child


def test_a_reader_and_another_writer_beside_a_running_processor(tmp_path):
    path = tmp_path / "riskwire.db"
    with Storage(path, kind="live") as storage:
        reader, writer = beside(READER, path, 600), beside(WRITER, path, 200)
        settings = StreamSettings(batch_size=16)
        with Processor(
            storage.log, storage.index, storage.scored, KeywordScorer(), UpperCaseLinker(), SystemClock(), settings
        ) as processor:
            for start in range(0, 400, 20):
                storage.log.append([a_document(n) for n in range(start, start + 20)])
                asyncio.run(processor.drain())
        for child in (writer, reader):
            out, said = child.communicate(timeout=60)
            assert child.returncode == 0, said
        assert int(out) > 5
        assert storage.index.count(SearchQuery()) == 600


def test_a_story_is_found_within_a_second_at_twenty_a_second(tmp_path):
    async def story(storage, processor):
        stop = asyncio.Event()
        running = asyncio.create_task(processor.run(stop))
        for number in range(60):
            seen = datetime.now(UTC)
            await asyncio.to_thread(storage.log.append, [a_document(number, seen_at=seen)])
            processor.notify()
            await asyncio.sleep(0.05)
        while storage.index.count(SearchQuery()) < 60:
            await asyncio.sleep(0.01)
        stop.set()
        await running

    def observed():
        (metric,) = metrics.indexed_latency.collect()
        values = {sample.labels.get("le", sample.name): sample.value for sample in metric.samples}
        return values["+Inf"], values["1.0"]

    (count, within), started = observed(), time.monotonic()
    with Storage(tmp_path / "riskwire.db", kind="live") as storage:
        processor = Processor(
            storage.log,
            storage.index,
            storage.scored,
            KeywordScorer(),
            UpperCaseLinker(),
            SystemClock(),
            StreamSettings(),
        )
        with processor:
            asyncio.run(story(storage, processor))
        now, now_within = observed()
        assert now - count == 60
        assert now_within - within >= 59
        delays = [
            (one.scored_at - one.seen_at).total_seconds()
            for one in storage.index.search(SearchQuery(limit=60)).documents
        ]
        print(
            f"p50 {statistics.median(delays):.3f} s, max {max(delays):.3f} s, {time.monotonic() - started:.1f} s in all"
        )
