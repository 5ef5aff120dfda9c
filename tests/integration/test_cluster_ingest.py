"""`riskwire ingest` while Kafka is away: stories wait in the spool, through a kill; when it is full, in their feed."""

import json
import os
import sqlite3
import subprocess
import time

import pytest

from program import RISKWIRE, Entry, FeedServer, feeds_file, rss, wait_for
from workers import bench

AWAY = 120 if os.environ.get("RISKWIRE_SOAK") else 5  # seconds more
STORIES = 40


class Ingest:
    """The process."""

    def __init__(self, made, feeds, number, most):
        self.log, self.folder = made.folder / f"ingest-{number}.log", made.folder
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [RISKWIRE, "ingest", "--feeds", feeds, "--allow-private-addresses"],
                env=made.environment | {"RISKWIRE_LOG__FORMAT": "json", "RISKWIRE_KAFKA__SPOOL_DOCUMENTS": str(most)},
                stdout=out,
                stderr=out,
            )

    def said(self):
        return self.log.read_text()

    def waiting(self):
        """How many documents are in its spool."""
        path = self.folder / "riskwire.db"
        if not path.exists():
            return 0
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute("SELECT count(*) FROM log").fetchone()[0]
        except sqlite3.OperationalError:
            return 0  # it is being made
        finally:
            connection.close()


@pytest.mark.timeout(280)
def test_stories_wait_in_the_spool_through_a_kill_until_kafka_is_back(kafka, elasticsearch, own_name, tmp_path):
    server = FeedServer()
    for name in ("a", "b"):
        entries = [Entry(f"{name}{n}", f"Acme{n} profit rises in {name}") for n in range(STORIES)]
        server.pages[f"/{name}"] = rss(entries, f"{server.url}/{name}")
    first = feeds_file(tmp_path / "one.toml", {"a": f"{server.url}/a"})
    both = feeds_file(tmp_path / "both.toml", {"a": f"{server.url}/a", "b": f"{server.url}/b"})
    running = []
    try:
        with bench(kafka, elasticsearch, own_name, tmp_path) as made:
            kafka.stop()
            running.append(Ingest(made, first, 1, STORIES))
            wait_for(lambda: running[0].waiting() == STORIES, 60, running[0].said)
            wait_for(lambda: "stories wait in the spool" in running[0].said(), 60, running[0].said)
            running[0].process.kill()
            running[0].process.wait(10)

            running.append(Ingest(made, both, 2, STORIES))
            wait_for(lambda: "ingest waits, too" in running[1].said(), 60, running[1].said)
            time.sleep(AWAY)
            assert running[1].process.poll() is None, running[1].said()
            assert running[1].waiting() == STORIES  # nothing is dropped, and no more is taken

            kafka.start()
            kafka.wait()
            wait_for(lambda: len(set(made.messages().values())) == 2 * STORIES, 60, running[1].said)
            arrived = made.messages().values()
            wait_for(lambda: running[1].waiting() == 0, 20, running[1].said)
            assert {revision for _, revision in arrived} == {1}
            running[1].process.terminate()
            assert running[1].process.wait(40) == 0, running[1].said()
            assert "Traceback" not in running[1].said()
            json.loads(running[1].said().splitlines()[-1])
    finally:
        for one in running:
            one.process.kill()
            one.process.wait(10)
        if not kafka.is_up():
            kafka.start()
            kafka.wait()
        server.close()
