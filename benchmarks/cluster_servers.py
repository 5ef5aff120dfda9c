"""Kafka and Elasticsearch for the benchmarks: those that the environment names, else those of `make services`, else
started for the run and ended with it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "tests" / "support"))

from cluster import server_folder  # noqa: E402
from services import FOLDER, Services  # noqa: E402

KAFKA, ELASTICSEARCH = "RISKWIRE_KAFKA__BOOTSTRAP_SERVERS", "RISKWIRE_ELASTICSEARCH__URL"


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """The two variables of the cluster setting."""
    if os.environ.get(KAFKA) and os.environ.get(ELASTICSEARCH):
        yield {name: os.environ[name] for name in (KAFKA, ELASTICSEARCH)}
        return
    running = Services(FOLDER)
    if all(server.is_up() for server in running.all):
        yield running.environment
        return
    with server_folder(memory=False) as folder:
        started = Services(folder)
        try:
            started.start()
            yield started.environment
        finally:
            started.stop()
