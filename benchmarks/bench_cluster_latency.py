"""How soon a story of the documents topic is found, and warned of, at half of what the scorer can do.

Promises: on the topic → found by a search, p99 under 2 s; → at the receiver of its alert, under 3 s. A real `riskwire
stream` with the shipped model and a real `riskwire alerts run`, with a stand-in for Slack, on a real Kafka and
Elasticsearch, all with their default settings and on this machine, after as long a warming up. The scorer's capacity is
measured here, alone. Time counts from before a story is sent. Also printed: how late the worker's event loop woke.

`python benchmarks/bench_cluster_latency.py [--seconds N]`. Exit code 1: a promise is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench_worker import documents
from cluster_servers import ELASTICSEARCH, KAFKA, servers
from elasticsearch import Elasticsearch
from msgspec.structs import replace

from program import RISKWIRE, FeedServer, environment, free_port, wait_for
from riskwire.clock import SystemClock
from riskwire.settings import KafkaSettings
from riskwire.types import Document
from stream.kafka.events import document_event
from stream.kafka.producer import Publisher
from stream.topics import topics

FOUND_PROMISED, ALERT_PROMISED = 2.0, 3.0
#: Every so-many-th story is asked for; so many seconds between two that are warned of (a Slack channel
#: takes one notice a second, which is its limit and not ours).
SAMPLED, ALERT_EVERY = 5, 1.25
TICK = 0.02
#: Seconds between two looks at the index: each costs Elasticsearch what it would cost users, and adds to what is found.
LOOK = 0.1
BAD = "{} shares plunge after profit warning and bankruptcy fears"
RULES = """
rules:
  - {name: trouble, kind: threshold, aggregate: mean, below: -0.3, window: 2h, min_documents: 1, severity: critical}
notify: {group_wait: 0s}
"""


def capacity(stories: list[Document]) -> tuple[float, list[str]]:
    """Stories a second of the shipped scorer by itself; and companies, each of whose bad news is scored as bad."""
    from models.artefact import PRETRAINED
    from models.inference import load_scorer
    from models.symbols import SymbolLinker
    from stream.scoring import scored_text

    linker = SymbolLinker.default(())
    scorer = load_scorer(PRETRAINED, linker=linker)
    names = [name for symbol, name in linker.names.items() if re.fullmatch(r"[A-Z][a-z]{3,} [A-Z][a-z]+", name)]
    symbols: dict[str, str] = {}
    for name, score in zip(names, scorer.score([BAD.format(name) for name in names]), strict=True):
        for one in linker.link(BAD.format(name), score.entities):
            if one.symbol and one.sentiment.score < -0.5 and len(score.entities) == 1:
                symbols[one.symbol] = name
    texts = [scored_text(one) for one in stories]
    started = time.perf_counter()
    for start in range(0, len(texts), 64):
        scorer.score(texts[start : start + 64])
    return len(texts) / (time.perf_counter() - started), list(symbols.values())


class Watch(threading.Thread):
    """Looks for what was sent: in the index, and at the receiver."""

    def __init__(self, url: str, index: str, slack: FeedServer) -> None:
        super().__init__(daemon=True)
        self._client, self._index, self._slack = Elasticsearch(url), index, slack
        self.sent: dict[str, float] = {}  # id → when; those that are waited for
        self.named: dict[str, float] = {}  # company → when
        self.found: list[float] = []
        self.warned: list[float] = []
        self._read = 0

    def run(self) -> None:
        """For ever."""
        while True:
            if ids := list(self.sent)[:5_000]:
                query = {"ids": {"values": ids}}
                hits = self._client.search(index=self._index, query=query, source=False, size=len(ids))["hits"]["hits"]
                now = time.monotonic()
                self.found += [now - self.sent.pop(hit["_id"]) for hit in hits]
            posts = self._slack.posts[self._read :]
            self._read += len(posts)
            now = time.monotonic()
            for _, _, body in posts:
                said = json.dumps(json.loads(body), ensure_ascii=False)
                self.warned += [now - self.named.pop(name) for name in list(self.named) if name in said]
            time.sleep(LOOK)


@contextlib.contextmanager
def program(folder: Path, name: str, env: dict[str, str], *arguments: str) -> Iterator[Path]:
    """`riskwire …`, running; its log."""
    said = folder / f"{name}.log"
    with said.open("wb") as out:
        process = subprocess.Popen([RISKWIRE, *arguments], env=env, stdout=out, stderr=out, cwd=folder)
    try:
        yield said
        if process.poll() is not None:
            raise SystemExit(f"{name} ended: {said.read_text()[-2000:]}")
    finally:
        process.terminate()
        process.wait(60)


def feed(
    publisher: Publisher, topic: str, rate: float, stories: list[Document], names: list[str], watch: Watch
) -> None:
    """Send them at this rate, and among them bad news of a company now and then."""
    clock, start, sent, told = SystemClock(), time.monotonic(), 0, 0
    while sent < len(stories):
        time.sleep(TICK)
        before, now, events = time.monotonic(), clock.now(), []
        for one in stories[sent : int((before - start) * rate)]:
            title = one.title
            if told < len(names) and before - start >= told * ALERT_EVERY:
                title = BAD.format(names[told])
                watch.named[names[told]] = before
                told += 1
            if sent % SAMPLED == 0:
                watch.sent[one.id] = before
            events.append(document_event(replace(one, title=title, origin="live", seen_at=now, event_time=now)))
            sent += 1
        publisher.send(topic, events)


def quantile(values: list[float], q: float) -> float:
    """Nearest rank."""
    return sorted(values)[min(int(q * len(values)), len(values) - 1)]


def main() -> int:
    """Print the figures; 1 when a promise is broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=40)
    seconds = parser.parse_args().seconds
    most, names = capacity(documents(2_000))
    rate = most / 2
    stories, names = documents(int(rate * seconds)), names[: int(seconds / ALERT_EVERY) - 1]
    print(
        f"scorer alone: {most:.0f} stories/s; fed at half of that: {len(stories)} stories, {len(names) - 1} warned of"
    )
    with tempfile.TemporaryDirectory() as folder, servers() as where, contextlib.ExitStack() as stack:
        name, slack, port = f"b{uuid.uuid4().hex[:8]}", FeedServer(), free_port()
        stack.callback(slack.close)
        (Path(folder) / "rules.yml").write_text(RULES)
        kafka = KafkaSettings(bootstrap_servers=where[KAFKA], prefix=name)
        env = environment(
            Path(folder),
            **where,
            RISKWIRE_KAFKA__PREFIX=name,
            RISKWIRE_ELASTICSEARCH__PREFIX=name,
            RISKWIRE_ALERTS__SLACK__WEBHOOK_URL=f"{slack.url}/services/T0/B0/x",
            RISKWIRE_ALERTS__SLACK__ALLOW_PRIVATE_ADDRESSES="true",
        )
        for command in ("topics", "index"):
            subprocess.run([RISKWIRE, command, "init"], env=env, check=True, capture_output=True)
        publisher = stack.enter_context(Publisher(kafka, "bench"))
        watch = Watch(where[ELASTICSEARCH], f"{name}-stories", slack)
        topic = topics(kafka).documents.name
        stack.enter_context(program(Path(folder), "stream", env, "stream", "--health-port", str(port)))
        stack.enter_context(program(Path(folder), "alerts", env, "alerts", "run", "--rules", f"{folder}/rules.yml"))
        watch.start()
        # Both have started when a first story has come through them.
        feed(publisher, topic, 1, documents(1), names[-1:], watch)
        wait_for(lambda: bool(watch.found and watch.warned), 120, lambda: "nothing came through")
        # A JVM that has just started compiles what it runs, on the cores that score here: not what is asked.
        feed(publisher, topic, rate, [replace(one, id=f"e{one.id[1:]}") for one in stories], [], watch)
        wait_for(lambda: not watch.sent, 60, lambda: "the warming up did not come through")
        watch.found, watch.warned = [], []
        feed(publisher, topic, rate, [replace(one, id=f"f{one.id[1:]}") for one in stories], names[:-1], watch)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not watch.sent and not watch.named, 30)
        late = lateness(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode())
        lost = len(watch.sent), len(watch.named)
        tidy(where[ELASTICSEARCH], name)
    found, warned = quantile(watch.found, 0.99), quantile(watch.warned, 0.99)
    print(f"topic → found by a search: p50 {quantile(watch.found, 0.5):.2f} s, p99 {found:.2f} s of {len(watch.found)}"
          f" (promise: < {FOUND_PROMISED:g} s)")  # fmt: skip
    print(f"topic → alert at its receiver: p50 {quantile(watch.warned, 0.5):.2f} s, p99 {warned:.2f} s of"
          f" {len(watch.warned)} (promise: < {ALERT_PROMISED:g} s)")  # fmt: skip
    print(f"event loop of the worker: {late:.2%} of its wakes more than 100 ms late")
    print(f"not found: {lost[0]}, not warned of: {lost[1]}")
    return int(found >= FOUND_PROMISED or warned >= ALERT_PROMISED or any(lost))


def lateness(metrics: str) -> float:
    """The share of the event loop's wakes that were more than 100 ms late."""
    counts = dict(re.findall(r'riskwire_loop_lag_seconds_bucket\{le="([^"]+)"\} ([\d.e+]+)', metrics))
    return 1 - float(counts["0.1"]) / float(counts["+Inf"])


def tidy(url: str, name: str) -> None:
    """Delete what this made."""
    client = Elasticsearch(url)
    client.indices.delete(index=list(client.indices.get(index=f"{name}-*")))


if __name__ == "__main__":
    sys.exit(main())
