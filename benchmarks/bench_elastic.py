"""Writing to Elasticsearch and asking it, on the servers that are running (`make services`) or that this starts.

put       our `put` (bodies made and written, every item judged) against a bare `helpers.bulk` over ready dictionaries
          with default settings, on the same stories in the same run
search    milliseconds of what the page asks, at STORIES stories

    STORIES=100000 .venv/bin/python benchmarks/bench_elastic.py
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from elasticsearch import Elasticsearch, helpers

from riskwire.ports import SearchQuery
from riskwire.settings import ElasticsearchSettings
from riskwire.testing import a_story, sentiment_of
from riskwire.types import EntityMention, ScoredDocument
from riskwire.wire import to_builtins
from stream.elastic import schema
from stream.elastic.mapping import KINDS
from stream.elastic.storage import ElasticStorage

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "tests" / "support"))

from cluster import server_folder  # noqa: E402
from services import FOLDER, Services  # noqa: E402

STORIES = int(os.environ.get("STORIES", "20000"))
BATCH = 1_000
START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = (
    "profit",
    "warning",
    "raises",
    "outlook",
    "cuts",
    "jobs",
    "wins",
    "order",
    "sues",
    "recall",
    "probe",
    "quarter",
)


def stories(first: int, count: int) -> list[ScoredDocument]:
    """About 1.2 KB of JSON each, with a company or two in most."""
    chance = random.Random(first)
    made = []
    for number in range(first, first + count):
        sign = chance.choice((-1, 0, 1))
        symbols = [f"S{int(chance.paretovariate(0.6)) % 3000}" for _ in range(chance.choice((0, 1, 1, 2)))]
        mentions = tuple(
            EntityMention(
                entity_group="ORG",
                text=f"Company {symbol}",
                start=0,
                end=12,
                confidence=0.9,
                symbol=symbol,
                relevance=1.0,
                sentiment=sentiment_of(sign),
            )
            for symbol in symbols
        )
        then = START + timedelta(seconds=number * 7)
        made.append(
            a_story(
                number,
                source=f"feed {number % 40}",
                title=" ".join(chance.choices(WORDS, k=9)),
                summary=" ".join(chance.choices(WORDS, k=30)),
                seen_at=then,
                event_time=then,
                sentiment=sentiment_of(sign),
                entities=mentions,
                symbols=tuple(sorted(set(symbols))),
            )
        )
    return made


def timed(count: int, work: Callable[[], object]) -> float:
    """Stories a second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def bare(client: Elasticsearch, index: str, rows: list[dict[str, object]]) -> None:
    """What a program without guarantees does."""
    helpers.bulk(client, ({"_index": index, "_id": row["id"], "_source": row} for row in rows))


def milliseconds(work: Callable[[datetime], object], end: datetime, times: int = 30) -> tuple[float, float]:
    """Median and 95th percentile. Each call ends a second earlier, so that no answer comes from a cache."""
    taken = []
    for number in range(times):
        started = time.perf_counter()
        work(end - timedelta(seconds=number))
        taken.append(1_000 * (time.perf_counter() - started))
    return statistics.median(taken), sorted(taken)[int(0.95 * times)]


@contextlib.contextmanager
def servers() -> Iterator[str]:
    """The address of a server."""
    running = Services(FOLDER)
    if running.elasticsearch.is_up():
        yield running.elasticsearch.url
        return
    with server_folder() as folder:
        started = Services(folder)
        started.elasticsearch.start()
        try:
            started.elasticsearch.wait()
            yield started.elasticsearch.url
        finally:
            started.elasticsearch.stop()


def main() -> None:
    """Measure, print, tidy up."""
    with servers() as url:
        settings = ElasticsearchSettings(url=url, prefix="bench")
        with ElasticStorage(settings, patience=120) as storage:
            with contextlib.suppress(Exception):
                clean(storage)
            schema.init(storage.client, settings)
            # The bare loop writes into an index of the same mapping, without the aliases' guard.
            schema.create(storage.client, KINDS[0], settings, "bench-stories-v0")
            try:
                measure(storage)
            finally:
                clean(storage)


def measure(storage: ElasticStorage) -> None:
    """The figures."""
    ratios = []
    for turn in range(3):  # in turns, so that a busy moment of the machine hits both
        some = stories(turn * BATCH * 4, BATCH * 4)
        rows = [to_builtins(story) for story in some]
        theirs = timed(len(rows), lambda rows=rows: bare(storage.client, "bench-stories-v0", rows))
        ours = timed(len(some), lambda some=some: storage.index.put(some))
        ratios.append(ours / theirs)
        print(f"put: {ours:,.0f} stories/s, bare helpers.bulk {theirs:,.0f}, ratio {ours / theirs:.2f}")
    print(f"put: ratio {statistics.median(ratios):.2f} (ours over bare; at least 0.75 is wanted)")
    done = 3 * BATCH * 4
    while done < STORIES:
        storage.index.put(stories(done, min(5 * BATCH, STORIES - done)))
        done += 5 * BATCH
    storage.client.indices.refresh(index="bench-stories")
    end = START + timedelta(seconds=STORIES * 7)
    index = storage.index
    page = index.search(SearchQuery()).next
    for name, work in {
        "newest page": lambda end: index.search(SearchQuery(until=end)),
        "next page": lambda end: index.search(SearchQuery(until=end, after=page)),
        "two words": lambda end: index.search(SearchQuery(text="profit warning", until=end)),
        "phrase": lambda end: index.search(SearchQuery(text='"profit warning"', until=end)),
        "rare company": lambda end: index.search(SearchQuery(symbol="S2900", until=end)),
        "frequent company, negative": lambda end: index.search(SearchQuery(symbol="S1", label="negative", until=end)),
        "count": lambda end: index.count(SearchQuery(text="profit", until=end)),
        "timeline, a day by hours": lambda end: index.sentiment_timeline(end - timedelta(days=1), end, 3600),
        "timeline of a company, a week": lambda end: index.sentiment_timeline(end - timedelta(days=7), end, 3600, "S1"),
        "movers, a day": lambda end: index.movers(end - timedelta(days=1), end),
        "sources": lambda end: index.sources(),
        "held, 256 ids": lambda end: index.held([f"{n:032x}" for n in range(256)]),
    }.items():
        median, high = milliseconds(work, end)
        print(f"search at {STORIES:,}: {name}: {median:.1f} ms, p95 {high:.1f} ms")
    size = schema.status(storage.client, "bench")[0].bytes
    print(f"size: {size / max(STORIES, done):,.0f} bytes a story on disk")


def clean(storage: ElasticStorage) -> None:
    """Delete what this made."""
    names = list(storage.client.indices.get(index="bench-*", features="aliases"))
    if names:
        storage.client.indices.delete(index=",".join(names))


if __name__ == "__main__":
    main()
