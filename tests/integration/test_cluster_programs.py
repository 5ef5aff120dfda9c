"""`faust -A stream.app worker` with the shipped model; beside it backfills, through the topic and past it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from program import free_port, wait_for
from workers import bench

FAUST = Path(sys.executable).parent / "faust"


def headlines(path, start, how_many):
    rows = [
        {"title": f"Goldman Sachs wins order number {n}", "published_at": f"2023-01-{1 + n % 28:02}T10:00:00Z"}
        for n in range(start, start + how_many)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.timeout(280)
def test_a_faust_worker_and_backfills_beside_it(kafka, elasticsearch, own_name, tmp_path):
    port = free_port()
    with bench(kafka, elasticsearch, own_name, tmp_path) as made:
        log = tmp_path / "faust.log"
        environment = made.environment | {"RISKWIRE_STREAM__HEALTH_PORT": str(port), "RISKWIRE_LOG__FORMAT": "json"}
        with log.open("wb") as out:
            worker = subprocess.Popen(
                [FAUST, "-A", "stream.app", "worker"], env=environment, cwd=tmp_path, stdout=out, stderr=out
            )
        try:
            via = headlines(tmp_path / "via.jsonl", 0, 40)
            done = made.command("backfill", via, "--via-kafka")
            assert done.returncode == 0, done.stderr
            assert "40 rows, 40 new" in done.stderr
            wait_for(lambda: made.lag() == 0 and made.indexed() == 40, 120, log.read_text)
            again = made.command("backfill", via, "--via-kafka")
            assert "0 new, 40 there already" in again.stderr

            # Scored in its own process, into the same index, while the worker runs.
            beside = made.command("backfill", headlines(tmp_path / "past.jsonl", 40, 30))
            assert beside.returncode == 0, beside.stderr
            assert made.indexed() == 70
            assert made.lag() == 0

            found = made.command("search", "--symbol", "GS", "--limit", "100", "--format", "jsonl").stdout.splitlines()
            stories = [json.loads(line) for line in found]
            assert len(stories) == 70
            assert {one["origin"] for one in stories} == {"backfill"}
            assert {one["status"] for one in stories} == {"scored"}
            worker.terminate()
            assert worker.wait(40) == 0, log.read_text()
            assert "Traceback" not in log.read_text()
        finally:
            worker.kill()
            worker.wait(10)
