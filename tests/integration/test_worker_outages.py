"""Elasticsearch answers wrongly, Kafka is restarted, a worker is told to stop or stands still: nothing is lost."""

import os
import time

import pytest

from program import wait_for
from proxy import FaultyProxy
from riskwire.errors import StorageError
from riskwire.testing import a_document
from workers import bench

SOAK = bool(os.environ.get("RISKWIRE_SOAK"))
SECONDS = 30 if SOAK else 6  # of each fault


def stories(how_many, start=0):
    return [a_document(n, title=f"Acme{n} profit rises") for n in range(start, start + how_many)]


@pytest.mark.timeout(280)
def test_a_failing_elasticsearch_is_waited_for_and_never_committed_past(kafka, elasticsearch, own_name, tmp_path):
    proxy = FaultyProxy(elasticsearch.url)
    try:
        with bench(kafka, elasticsearch, own_name, tmp_path) as made:
            made.put(stories(100))
            worker = made.start(elasticsearch=proxy.url)
            made.done(60, worker)
            for mode in ("429", "503", "drop"):
                proxy.mode = mode
                time.sleep(0.5)  # what is on its way arrives
                before, indexed = made.lags(), made.indexed()
                made.put(stories(100, indexed))
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    assert made.lags().keys() == before.keys()
                    assert all(made.lags()[p].committed == before[p].committed for p in before), mode
                    assert worker.process.poll() is None, worker.said()
                    time.sleep(0.5)
                assert made.indexed() == indexed
                assert proxy.faults[mode] > 0
                proxy.mode = "well"
                made.done(60, worker)
                assert made.indexed() == indexed + 100
            assert made.letters() == []
            assert worker.events("the storage fails; trying again, nothing is lost")
            assert worker.stop() == 0
    finally:
        proxy.close()


@pytest.mark.timeout(280)
def test_kafka_restarted_twice_under_load(kafka, elasticsearch, own_name, tmp_path):
    with bench(kafka, elasticsearch, own_name, tmp_path, stuck_after=20) as made:
        arriving = stories(900)
        worker = made.start(seconds=0.15)
        restarts, starts, sent = 0, 1, 0
        while sent < len(arriving) or made_lag(made):
            if worker.process.poll() is not None:
                # It may give up, but not silently: its supervisor brings it back.
                assert worker.process.returncode != 0
                worker, starts = made.start(seconds=0.15), starts + 1
            if sent < len(arriving):
                try:
                    made.put(arriving[sent : sent + 100])
                    sent += 100
                except StorageError:
                    time.sleep(0.5)  # as the forwarder does: again
                if sent in (300, 600) and restarts < sent // 300:
                    wait_for(lambda worker=worker: bool(worker.events("indexed")), 60, worker.said)
                    kafka.restart(kill=restarts == 1)
                    restarts += 1
            else:
                time.sleep(0.5)
        print(f"worker was started {starts} times")
        assert restarts == 2
        assert made.indexed() == len(arriving)
        assert made.letters() == []


def made_lag(made):
    try:
        return made.lag()
    except StorageError:
        return 1


@pytest.mark.timeout(120)
def test_sigterm_finishes_what_is_in_hand_and_commits_it(kafka, elasticsearch, own_name, tmp_path):
    with bench(kafka, elasticsearch, own_name, tmp_path) as made:
        made.put(stories(400))
        worker = made.start(seconds=0.1)
        wait_for(lambda: bool(worker.events("indexed")), 60, worker.said)
        assert worker.stop() == 0, worker.said()
        (drained,) = worker.events("drained")
        assert drained["left"] == 0
        committed = sum(lag.end - lag.waiting for lag in made.lags().values())
        assert 0 < committed < 400  # it was in the middle
        assert committed == made.indexed()  # all that was indexed is committed, and nothing else
        assert "Traceback" not in worker.said()


@pytest.mark.timeout(120)
def test_a_worker_that_joins_takes_over_partitions(kafka, elasticsearch, own_name, tmp_path):
    with bench(kafka, elasticsearch, own_name, tmp_path) as made:
        made.put(stories(1_000))
        first = made.start(seconds=0.4)
        wait_for(lambda: bool(first.events("indexed")), 60, first.said)
        second = made.start(seconds=0.4)
        wait_for(lambda: bool(second.events("indexed")), 60, second.said)
        assert len(first.events("assigned")[-1]["partitions"]) == len(second.events("assigned")[-1]["partitions"]) == 2
        made.done(90, first, second)
        assert made.indexed() == 1_000
        assert first.stop() == second.stop() == 0
