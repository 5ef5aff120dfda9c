"""kill -9 at any moment loses nothing and doubles nothing: really done, on a real file.

The child that is killed is this file itself: `python test_stream_kill.py DATABASE HOW_MANY`.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from riskwire import wire
from riskwire.clock import SystemClock
from riskwire.ports import SearchQuery
from riskwire.settings import StreamSettings
from riskwire.testing import KeywordScorer, UpperCaseLinker, a_document
from riskwire.types import Document
from stream.local import Processor
from stream.sqlite.index import SqliteIndex
from stream.sqlite.storage import Storage

SOAK = bool(os.environ.get("RISKWIRE_SOAK"))
DOCUMENTS, KILLS = (10_000, 120) if SOAK else (2_000, 20)
POISON = [b"not json", b'{"schema_version":99}', b'{"schema_version":1,"id":7}', b"\xff\x00", b""]


REVISED = 5  # every fifth document comes again, corrected


def documents(how_many):
    """All that are to arrive, the corrections behind their originals."""
    first = [a_document(n, title=f"Acme{n} profit rises in quarter {n}") for n in range(how_many)]
    second = [
        a_document(n, revision=2, title=f"Acme{n} warns of losses in quarter {n}") for n in range(0, how_many, REVISED)
    ]
    return [*first[: how_many // 2], *second[: len(second) // 4], *first[how_many // 2 :], *second[len(second) // 4 :]]


class Slow(KeywordScorer):
    """Takes as long as a model: so a kill finds it in every step, and the work outlasts all kills."""

    def score(self, texts):
        time.sleep(0.02)
        return super().score(texts)


class SlowIndex(SqliteIndex):
    """Waits before it writes: so many a kill falls between the scored stream and the index."""

    def put(self, documents):
        time.sleep(0.02)
        return super().put(documents)


async def child(path, how_many):
    """Appends documents and processes them until all is done, or it is killed."""
    with Storage(Path(path), kind="live") as storage:
        settings = StreamSettings(batch_size=16, poll_interval=0.01)
        with Processor(
            storage.log, SlowIndex(storage.database), storage.scored, Slow(), UpperCaseLinker(), SystemClock(), settings
        ) as processor:
            stop = asyncio.Event()
            running = asyncio.create_task(processor.run(stop))
            arriving = documents(how_many)
            for start in range(0, len(arriving), 20):
                # As ingest does after a restart: everything is sent again, the log takes what it does not know.
                await asyncio.to_thread(storage.log.append, arriving[start : start + 20])
                processor.notify()
            while await asyncio.to_thread(storage.log.depth):
                await asyncio.sleep(0.01)
            stop.set()
            await running


def start(path):
    return subprocess.Popen(
        [sys.executable, "-W", "error", __file__, str(path), str(DOCUMENTS)],
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def indexed(storage):
    return storage.index.count(SearchQuery()) + len(storage.database.read("SELECT 1 FROM revisions"))


@pytest.mark.timeout(600)
def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path):
    path = tmp_path / "riskwire.db"
    chance = random.Random(20_261_124)
    arriving = documents(DOCUMENTS)
    with Storage(path, kind="live") as storage:
        with storage.database.write() as connection:
            for number, value in enumerate(POISON):
                connection.execute("INSERT INTO log (key, value) VALUES (?, ?)", (f"poison{number}", value))
        kills, halfway = 0, Counter()
        while kills < KILLS:
            before, child = indexed(storage), start(path)
            # It must have begun to work before it is killed, or the kill would prove nothing.
            while indexed(storage) == before and child.poll() is None:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.12))
            child.send_signal(signal.SIGKILL)
            _, said = child.communicate()
            assert child.returncode == -signal.SIGKILL, f"it ended before kill {kills + 1}: {said.decode()}"
            kills += 1
            halfway["waiting on the log"] += storage.log.depth() > 0
            published = {(one.document.id, one.document.revision) for one in storage.scored.read(0, 10**6)}
            # Promise 1: what the index holds has been published.
            rows = storage.database.read("SELECT id, revision FROM stories UNION SELECT id, revision FROM revisions")
            assert set(rows) <= published
            waiting = {
                (one.id, one.revision)
                for entry in storage.log.read(10**6)
                if not entry.key.startswith("poison")
                for one in [wire.decode(entry.value, Document)]
            }
            held = storage.index.held([identity for identity, _ in waiting])
            halfway["published, not indexed"] += any(
                held.get(one, 0) < revision for one, revision in published & waiting
            )
            halfway["indexed, not acknowledged"] += any(held.get(one, 0) >= revision for one, revision in waiting)
        last = start(path)
        _, said = last.communicate(timeout=300)
        assert last.returncode == 0, said.decode()

        wanted = {(one.id, one.revision): one for one in arriving}
        newest: dict[str, int] = {}
        for identity, revision in wanted:
            newest[identity] = max(revision, newest.get(identity, 0))
        stories = storage.index.search(SearchQuery(limit=10 * DOCUMENTS)).documents
        assert Counter(one.id for one in stories) == Counter(dict.fromkeys(newest, 1))  # none missing, none twice
        assert {one.id: one.revision for one in stories} == newest
        assert all(one.title == wanted[one.id, one.revision].title and one.status == "scored" for one in stories)
        for identity, revision in newest.items():
            assert [one.revision for one in storage.index.revisions(identity)] == list(range(1, revision + 1))
        published = Counter((one.document.id, one.document.revision) for one in storage.scored.read(0, 10**6))
        assert published.keys() == wanted.keys()
        assert storage.log.depth() == 0
        assert sorted(one.key for one in storage.log.dead_letters()) == [f"poison{n}" for n in range(len(POISON))]
        assert storage.database.check() == []
        # The search's own tables are in step, too.
        assert storage.index.count(SearchQuery(text="quarter")) == DOCUMENTS
        assert storage.index.count(SearchQuery(text="warns")) == sum(one.revision == 2 for one in arriving)
        # And the test bit: work was interrupted between the steps, and was done again.
        assert halfway["waiting on the log"] >= KILLS // 2, halfway
        assert sum(published.values()) > len(published), "no kill made it publish again"
        print(dict(halfway), "published again:", sum(published.values()) - len(published))


if __name__ == "__main__":
    asyncio.run(child(sys.argv[1], int(sys.argv[2])))
