"""`riskwire alerts run` watches the sources in the cluster setting, too, through a kill -9 between death and return."""

import signal
import subprocess
from contextlib import closing
from datetime import UTC, datetime

import pytest

from program import RISKWIRE, FeedServer, wait_for
from riskwire.cli.cluster import ClusterStore
from riskwire.ports import SourceHealth, SourceState
from workers import bench

RULES = """
rules: [{name: dead, kind: source_health, status: [failing], severity: critical}]
notify: {group_by: [rule, source], group_wait: 0s, group_interval: 1s}
"""


@pytest.mark.timeout(120)
def test_a_source_in_trouble_is_told_of_once_and_so_is_its_return(kafka, elasticsearch, own_name, tmp_path):
    (tmp_path / "rules.yml").write_text(RULES)
    with bench(kafka, elasticsearch, own_name, tmp_path) as made, closing(FeedServer()) as slack:
        environment = made.environment | {
            "RISKWIRE_ALERTS__RULES": str(tmp_path / "rules.yml"),
            "RISKWIRE_ALERTS__SLACK__WEBHOOK_URL": f"{slack.url}/services/T0/B0/hidden",
            "RISKWIRE_ALERTS__SLACK__ALLOW_PRIVATE_ADDRESSES": "true",
        }
        said = tmp_path / "alerts.log"

        def start():
            with said.open("ab") as out:
                return subprocess.Popen([RISKWIRE, "alerts", "run"], env=environment, stdout=out, stderr=out)

        process = start()
        try:
            with ClusterStore(made.settings, "ingest") as store:

                def tell(status, **fields):
                    change = SourceHealth(name="wire", status=status, at=datetime.now(UTC), **fields)
                    store.sources.save_all([SourceState(name="wire")], [change])

                tell("failing", failures=3, error="HTTP 500")
                wait_for(lambda: len(slack.posts) == 1, 40, said.read_text)
                assert "wire has failed 3 times in a row" in slack.posts[0][2].decode()
                wait_for(lambda: store.health_offsets.committed("alerts:health") > 0, 20, said.read_text)
                process.kill()
                process.wait(10)
                tell("ok")
                process = start()
                wait_for(lambda: len(slack.posts) == 2, 40, said.read_text)
                assert "RESOLVED" in slack.posts[1][2].decode().upper()
                (alert,) = store.alerts.list_alerts()
                assert (alert.status, alert.transition) == ("resolved", 2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, said.read_text()
            assert len(slack.posts) == 2
        finally:
            process.kill()
            process.wait(10)
