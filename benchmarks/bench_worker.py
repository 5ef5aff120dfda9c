"""What the worker costs around the scorer, on the real Kafka and Elasticsearch.

Promises, each measured in this run on the same documents:

1. CPU seconds a story outside the scorer ≤ 25 % of the shipped scorer's own (aim 10 %).
2. With scoring replaced by a constant, topic to Elasticsearch at ≥ 50 % (aim 75 %) of a bare aiokafka-to-bulk loop
   without guarantees, and no slower than the same job in quixstreams (extra `bench`; left out, and said so, where it is
   not installed: $PYTHON_BENCH names its interpreter).

`python benchmarks/bench_worker.py [--stories N] [--rounds N]`; the servers of `make services` (.services/env), or those
that RISKWIRE_KAFKA__BOOTSTRAP_SERVERS and RISKWIRE_ELASTICSEARCH__URL name. Exit code 1: a promise is broken.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from riskwire.settings import ElasticsearchSettings, KafkaSettings
from riskwire.types import Document
from stream.elastic import schema
from stream.elastic.storage import ElasticStorage
from stream.kafka.admin import Cluster
from stream.kafka.events import document_event
from stream.kafka.producer import Publisher
from stream.topics import topics

ROOT = Path(__file__).parents[1]
CONTESTANTS = Path(__file__).parent / "contestants"
CPU_PROMISED, CPU_AIM = 0.25, 0.10
RATE_PROMISED, RATE_AIM = 0.50, 0.75
WORDS = (
    "raises its outlook after record profit in Europe",
    "cuts 400 jobs as losses widen and orders fall",
    "names a new finance chief from its largest rival",
    "wins a large order from the navy, sources say",
)
SUMMARY = "The company said on Monday that the quarter had brought what analysts expected, and a little more."


def documents(how_many: int) -> list[Document]:
    """Headlines, two of three with a summary."""
    now = datetime.now(UTC)
    return [
        Document(
            id=f"{n:032x}",
            source="bench",
            publisher="example.org",
            origin="backfill",
            link=f"https://example.org/{n}",
            title=f"Acme{n} {WORDS[n % len(WORDS)]}",
            summary=SUMMARY if n % 3 else "",
            seen_at=now,
            event_time=now,
            content_hash=f"{n:064x}",
        )
        for n in range(how_many)
    ]


def environment() -> dict[str, str]:
    """Where the servers are."""
    path = ROOT / ".services" / "env"
    found = dict(os.environ)
    if not found.get("RISKWIRE_KAFKA__BOOTSTRAP_SERVERS") and path.exists():
        for line in path.read_text().splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            found[name] = value
    if not found.get("RISKWIRE_KAFKA__BOOTSTRAP_SERVERS"):
        raise SystemExit("no servers: make services")
    return found


def compete(command: Sequence[str], environment: dict[str, str]) -> dict[str, float]:
    """The result of one contestant."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"{command[1]}: {done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(lines[-1])
    return result


def one_round(name: str, environment: dict[str, str], stories: Sequence[Document], quix: str | None) -> dict[str, Any]:
    """Every contestant on the same documents, each into an index of its own."""
    here = environment | {"RISKWIRE_KAFKA__PREFIX": name, "PYTHONPATH": f"{CONTESTANTS}{os.pathsep}{ROOT}"}
    kafka = KafkaSettings(bootstrap_servers=environment["RISKWIRE_KAFKA__BOOTSTRAP_SERVERS"], prefix=name)
    table = topics(kafka)
    Cluster(kafka).init()
    with Publisher(kafka, "bench") as publisher:
        publisher.send(table.documents.name, [document_event(one) for one in stories])
    url, count = environment["RISKWIRE_ELASTICSEARCH__URL"], str(len(stories))
    results = {}
    for contestant in ("bare", "worker", *(["quix"] if quix else [])):
        settings = ElasticsearchSettings(url=url, prefix=f"{name}-{contestant}")
        with ElasticStorage(settings) as storage:
            schema.init(storage.client, settings)
            script = str(CONTESTANTS / f"{contestant}.py")
            index = f"{settings.prefix}-stories"
            if contestant == "bare":
                command = [sys.executable, script, kafka.bootstrap_servers, table.documents.name, url, index, count]
            elif contestant == "quix":
                names = [table.documents.name, table.scored.name]
                command = [quix or "", script, kafka.bootstrap_servers, *names, url, index, count]
            else:
                command = [sys.executable, script, count]
            with tempfile.TemporaryDirectory() as folder:
                more = {
                    "RISKWIRE_DATA": folder,
                    "RISKWIRE_ELASTICSEARCH__PREFIX": settings.prefix,
                    "RISKWIRE_STREAM__BATCH_SIZE": "512",
                    "RISKWIRE_MODEL__BATCH_TOKENS": "100000",
                }
                results[contestant] = compete(command, here | more)
            names = list(storage.client.indices.get(index=f"{settings.prefix}-*"))
            storage.client.indices.delete(index=names)  # by name: a careful server takes no wildcard
    return results


def scorer_cpu(stories: Sequence[Document]) -> float:
    """CPU seconds that the shipped scorer takes for a story, linking included."""
    from models.artefact import PRETRAINED
    from models.inference import load_scorer
    from models.symbols import SymbolLinker
    from stream.scoring import scored_text

    scorer = load_scorer(PRETRAINED, linker=SymbolLinker.default(()))
    texts = [scored_text(one) for one in stories[:1024]]
    scorer.score(texts[:64])
    before = time.process_time()
    for start in range(0, len(texts), 64):
        scorer.score(texts[start : start + 64])
    return (time.process_time() - before) / len(texts)


def main() -> int:
    """Print the figures; 1 when a promise is broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stories", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    where, stories = environment(), documents(options.stories)
    quix = os.environ.get("PYTHON_BENCH") or (sys.executable if importlib.util.find_spec("quixstreams") else None)
    rounds = [one_round(f"b{uuid.uuid4().hex[:8]}", where, stories, quix) for _ in range(options.rounds)]
    rate = {
        name: statistics.median(one[name]["stories"] / one[name]["seconds"] for one in rounds) for name in rounds[0]
    }
    outside = statistics.median(one["worker"]["cpu"] / one["worker"]["stories"] for one in rounds)
    own = scorer_cpu(stories)
    for name, value in rate.items():
        cpu = statistics.median(one[name]["cpu"] / one[name]["stories"] for one in rounds)
        print(f"{name:<7} {value:8.0f} stories/s  {cpu * 1e6:6.0f} µs CPU a story")
    share, ratio = outside / own, rate["worker"] / rate["bare"]
    print(f"CPU outside the scorer: {outside * 1e3:.3f} ms a story, {share:.1%} of the scorer's {own * 1e3:.2f} ms"
          f" (promise ≤ {CPU_PROMISED:.0%}, aim {CPU_AIM:.0%})")  # fmt: skip
    late = statistics.median(one["worker"]["late"] for one in rounds)
    print(f"event loop more than 100 ms late: {late:.1%} of its wakes")
    print(f"worker / bare loop: {ratio:.2f} (promise ≥ {RATE_PROMISED}, aim {RATE_AIM})")
    broken = share > CPU_PROMISED or ratio < RATE_PROMISED
    if quix:
        print(f"worker / quixstreams: {rate['worker'] / rate['quix']:.2f} (promise ≥ 1)")
        broken = broken or rate["worker"] < rate["quix"]
    else:
        print("quixstreams: not installed (extra bench), not compared")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
