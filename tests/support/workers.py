"""Real stream workers as processes, for the tests of the cluster: `python workers.py` is one, told by its environment.

It is `riskwire stream` with a scorer of a few words, which takes as long as it is told, and with the index of the test:
Elasticsearch, or an SQLite file that all share.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from program import RISKWIRE, wait_for
from riskwire import log, wire
from riskwire.errors import StorageError
from riskwire.ports import Index, SearchQuery
from riskwire.removal import emptied
from riskwire.settings import ElasticsearchSettings, KafkaSettings, Settings, StreamSettings
from riskwire.testing import KeywordScorer, UpperCaseLinker, a_document
from riskwire.types import Document, ScoredDocument
from stream.elastic import schema
from stream.elastic.storage import ElasticStorage
from stream.kafka.admin import Cluster, Lag, read_all, reader
from stream.kafka.dead_letters import DeadLetters, Letter
from stream.kafka.events import Event, document_event
from stream.kafka.producer import Publisher
from stream.topics import topics

ROOT = Path(__file__).parents[2]


class Slow(KeywordScorer):
    """Takes as long as a model, so that a kill finds a worker in every step."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def score(self, texts: Sequence[str]) -> Any:
        time.sleep(self._seconds)
        return super().score(texts)


class Bench:
    """One test's topics and index, and the workers on them."""

    def __init__(self, kafka: str, elasticsearch: str, name: str, folder: Path, **stream: Any) -> None:
        self.folder = folder
        self.settings = Settings(
            data=folder,
            kafka=KafkaSettings(bootstrap_servers=kafka, prefix=name, session_timeout=6),
            elasticsearch=ElasticsearchSettings(url=elasticsearch, prefix=name, refresh=0.2),
            stream=StreamSettings(**{"batch_size": 16, **stream}),
        )
        self.topics = topics(self.settings.kafka)
        self.cluster = Cluster(self.settings.kafka)
        self.cluster.init()
        self.publisher = Publisher(self.settings.kafka, "test", most_bytes=8 * 2**20)
        self.storage = ElasticStorage(self.settings.elasticsearch, refresh=True)
        schema.init(self.storage.client, self.settings.elasticsearch)
        self.index: Index = self.storage.index
        self.workers: list[Worker] = []

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the test's own topics and index is started with."""
        kafka, elasticsearch = self.settings.kafka, self.settings.elasticsearch
        return {key: value for key, value in os.environ.items() if not key.startswith("RISKWIRE_")} | {
            "RISKWIRE_DATA": str(self.folder),
            "RISKWIRE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "RISKWIRE_KAFKA__PREFIX": kafka.prefix,
            "RISKWIRE_KAFKA__SESSION_TIMEOUT": str(kafka.session_timeout),
            "RISKWIRE_ELASTICSEARCH__URL": elasticsearch.url,
            "RISKWIRE_ELASTICSEARCH__PREFIX": elasticsearch.prefix,
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`riskwire …`, to its end."""
        return subprocess.run(
            [RISKWIRE, *arguments], env=self.environment, capture_output=True, text=True, timeout=200, check=False
        )

    def put(self, documents: Sequence[Document]) -> None:
        """On the documents topic."""
        self.publisher.send(self.topics.documents.name, [document_event(one) for one in documents])

    def put_raw(self, key: str, value: bytes) -> None:
        """The same of bytes."""
        self.publisher.send(self.topics.documents.name, [Event(key.encode(), value, [], int(time.time() * 1000))])

    def messages(self) -> dict[tuple[int, int], tuple[str, int]]:
        """(partition, offset) → (id, revision) of everything on the documents topic."""
        name = self.topics.documents.name
        found = {}
        with reader(self.settings.kafka, "test") as consumer:
            for record in read_all(consumer, name):
                document = wire.decode(record.value, Document)
                found[record.partition, record.offset] = (document.id, document.revision)
        return found

    def lags(self) -> dict[int, Lag]:
        lags = self.cluster.lags(self.topics.documents.name, self.topics.workers)
        if not lags:
            raise StorageError("does not tell the topic's partitions", about="kafka")
        return lags

    def lag(self) -> int:
        return sum(one.waiting for one in self.lags().values())

    def indexed(self) -> int:
        """How many stories the index has. A search sees what was refreshed, late on a busy node: that comes first."""
        self.storage.client.indices.refresh(index=f"{self.settings.elasticsearch.prefix}-*")
        return self.index.count(SearchQuery())

    def letters(self) -> list[Letter]:
        return DeadLetters(self.settings.kafka, self.publisher).all()

    def start(self, *, seconds: float = 0.0, elasticsearch: str = "", **more: str) -> Worker:
        """One more worker. `seconds`: what a batch takes to score; `elasticsearch`: through this address (a proxy)."""
        worker = Worker(self, len(self.workers), seconds, elasticsearch, more)
        self.workers.append(worker)
        return worker

    def done(self, timeout: float, *workers: Worker) -> None:
        """Wait until nothing waits."""

        def is_done() -> bool:
            for worker in workers:
                assert worker.process.poll() is None, worker.said()
            try:
                return self.lag() == 0
            except StorageError:
                return False  # it was restarted

        wait_for(
            is_done, timeout, lambda: f"lag {self.lags()}\n" + "\n".join(one.said()[-2000:] for one in self.workers)
        )

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.publisher.close()
        self.storage.close()


class Worker:
    """A process."""

    def __init__(self, bench: Bench, number: int, seconds: float, elasticsearch: str, more: dict[str, str]) -> None:
        self.log = bench.folder / f"worker-{number}.log"
        settings = bench.settings
        environment = bench.environment | {
            "RISKWIRE_ELASTICSEARCH__URL": elasticsearch or settings.elasticsearch.url,
            "RISKWIRE_STREAM__BATCH_SIZE": str(settings.stream.batch_size),
            "RISKWIRE_STREAM__STUCK_AFTER": str(settings.stream.stuck_after),
            "TEST_SECONDS": str(seconds),
            "PYTHONPATH": str(ROOT / "tests" / "support"),
            **more,
        }
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, __file__], env=environment, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
            )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def events(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log with this event."""
        rows = [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]
        return [row for row in rows if row.get("event") == event]

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self, timeout: float = 40) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)


@contextmanager
def bench(kafka: Any, elasticsearch: Any, name: str, folder: Path, **stream: Any) -> Iterator[Bench]:
    made = Bench(kafka.bootstrap_servers, elasticsearch.url, name, folder, **stream)
    try:
        yield made
    finally:
        made.close()


def corrected(how_many: int, every: int) -> list[Document]:
    """So many stories, and a correction of every so-and-so-many-th behind its first telling; each tenth of the
    corrections is a removal."""
    first = [a_document(n, title=f"Acme{n} profit rises in quarter {n}") for n in range(how_many)]
    second = [
        a_document(n, revision=2, title=f"Acme{n} warns of losses in quarter {n}") for n in range(0, how_many, every)
    ]
    second = [
        emptied(ScoredDocument(**{**msgspec.structs.asdict(one), "status": "removed"})) if not n % 10 else one
        for n, one in enumerate(second)
    ]
    half = len(second) // 4
    return [*first[: how_many // 2], *second[:half], *first[how_many // 2 :], *second[half:]]


def run(change: Callable[[Settings], dict[str, Any]] | None = None) -> None:
    """Be a worker."""
    from riskwire.settings import load
    from stream.app import create_app
    from stream.worker.faust_app import run_worker

    settings = load()
    log.configure("info", "json")
    more = change(settings) if change is not None else {}
    scorer = Slow(float(os.environ.get("TEST_SECONDS", "0")))
    run_worker(create_app(settings, **({"scorer": scorer, "linker": UpperCaseLinker()} | more)))


if __name__ == "__main__":
    run()
