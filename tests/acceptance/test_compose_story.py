"""The compose file's own services as processes of this machine: each with its command and its environment, in the order
of its dependencies, hosts mapped to the loopback, on a real Kafka and a real secured Elasticsearch. A feed goes in, a
warning comes out."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster import server_folder
from compose import load, new_secrets, start_order
from kibana_stub import KibanaStub
from program import RISKWIRE, Entry, FeedServer, environment, feeds_file, free_port, rss, wait_for
from secured import Secured

RULES = """
rules:
  - name: trouble
    kind: threshold
    aggregate: mean
    below: -0.3
    window: 2h
    min_documents: 4
    severity: critical
notify:
  group_wait: 0s
"""
BAD = [
    "Goldman Sachs shares plunge after profit warning",
    "Goldman Sachs hit by heavy trading losses",
    "Regulators fine Goldman Sachs over misconduct",
    "Goldman Sachs downgraded to junk on liquidity fears",
    "Goldman Sachs faces bankruptcy as deposits flee",
]
JOBS = ("topics", "index", "dashboards")
SERVICES = ("ingest", "stream", "alerts", "web")


class Process:
    """One container's stand-in. Its ports are its own, since here they share a machine."""

    def __init__(self, name: str, service: dict[str, Any], folder: Path, hosts: dict[str, str], extra: dict[str, str]):
        self.name, self.folder = name, folder / name
        self.folder.mkdir()
        self.ports = {"8600": str(free_port()), "8601": str(free_port())}
        self._mapped = hosts | {"0.0.0.0": "127.0.0.1"} | {f":{old}/": f":{new}/" for old, new in self.ports.items()}
        env = {key: self.map(value) for key, value in service["environment"].items() if value is not None}
        # Of the image, and what a machine of its own would not need: ports, and a name for this test's topics.
        env |= {"RISKWIRE_LOG__FORMAT": "json", "RISKWIRE_WEB__PORT": self.ports["8600"]} | extra
        if "RISKWIRE_STREAM__HEALTH_PORT" in env:
            env["RISKWIRE_STREAM__HEALTH_PORT"] = self.ports["8601"]
        self.env = environment(self.folder, **env)
        self.command = [str(RISKWIRE), *(self.map(word) for word in service["command"][1:])]
        self.check = service.get("healthcheck", {}).get("test")
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def map(self, text: str) -> str:
        for name, here in self._mapped.items():
            text = text.replace(name, here)
        return text

    def said(self) -> str:
        return f"{shlex.join(self.command)}:\n{self.log.read_text('utf-8', 'replace')[-3000:]}"

    def healthy(self) -> bool:
        """What Docker would find by the service's health check; the image's, where it has none of its own."""
        assert self.process.poll() is None, self.said()
        command = [self.map(word) for word in self.check[1:]] if self.check else None
        if command is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['8600']}/healthz", timeout=5):
                    return True
            except OSError:
                return False
        assert command[0] == "python"
        command[-1] = command[-1].replace(":8601/", f":{self.ports['8601']}/")
        return subprocess.run([sys.executable, *command[1:]], capture_output=True, check=False).returncode == 0

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)  # the compose file's stop_grace_period
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return new_secrets(tmp_path_factory.mktemp("secrets") / ".env")


@pytest.fixture(scope="module")
def secured(services: Any, secrets: dict[str, str]) -> Iterator[Secured]:
    """`certs`, `elasticsearch` and `users`. `services` first: where it can't run, this can't either."""
    with server_folder() as folder:
        it = Secured(folder, secrets)
        try:
            it.start()
            yield it
        finally:
            it.node.stop()


@pytest.fixture
def kibana() -> Iterator[KibanaStub]:
    it = KibanaStub()
    yield it
    it.close()


def test_the_services_bring_a_feeds_story_to_an_alert(
    services: Any, secured: Secured, secrets: dict[str, str], kibana: KibanaStub, server: FeedServer, own_name: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    project = load(secrets)["services"]
    hosts = {
        "kafka:9092": services.kafka.bootstrap_servers,
        "https://elasticsearch:9200": secured.url,
        "http://127.0.0.1:5601": kibana.url,
        "/run/certs": str(secured.certs),
    }
    now = datetime.now(UTC)
    entries = [Entry(f"g{i}", title, "", now - timedelta(minutes=30 - i)) for i, title in enumerate(BAD)]
    server.pages["/feed"] = rss(entries, server.url)
    (tmp_path / "rules.yml").write_text(RULES)
    hidden = f"{server.url}/services/T0/B0/hidden-part"
    # What a user would put into .env or an override file.
    more = {
        "ingest": {
            "RISKWIRE_INGEST__FEEDS": str(feeds_file(tmp_path / "feeds.toml", {"wire": f"{server.url}/feed"})),
            "RISKWIRE_INGEST__ALLOW_PRIVATE_ADDRESSES": "true",
        },
        "alerts": {
            "RISKWIRE_ALERTS__RULES": str(tmp_path / "rules.yml"),
            "RISKWIRE_ALERTS__SLACK__WEBHOOK_URL": hidden,
            "RISKWIRE_ALERTS__SLACK__ALLOW_PRIVATE_ADDRESSES": "true",
        },
    }
    running: list[Process] = []

    def start(name: str, label: str = "") -> Process:
        extra = {"RISKWIRE_KAFKA__PREFIX": own_name} if name != "dashboards" else {}
        process = Process(label or name, project[name], tmp_path, hosts, extra | more.get(name, {}))
        running.append(process)
        return process

    def everything() -> str:
        return "\n\n".join(process.said() for process in running)

    try:
        order = [name for name in start_order(project) if name in JOBS + SERVICES and "profiles" not in project[name]]
        assert set(order) == {*JOBS, *SERVICES}
        for name in order:
            if name in JOBS:
                job = start(name)
                assert job.process.wait(120) == 0, job.said()
            else:
                for number in range(project[name].get("deploy", {}).get("replicas", 1)):
                    start(name, f"{name}-{number}")
        by_name = {process.name: process for process in running}
        for name in ("web-0", "stream-0", "stream-1"):
            wait_for(by_name[name].healthy, 90, everything)
        assert len(kibana.objects) > 20

        wait_for(lambda: len(server.posts) >= 1, 90, everything)
        notice = json.dumps(json.loads(server.posts[0][2]))
        assert "Goldman Sachs" in notice
        assert "GS" in notice

        token = secrets["RISKWIRE_WEB__TOKEN"]
        page = f"http://127.0.0.1:{by_name['web-0'].ports['8600']}"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{page}/api/v1/alerts", timeout=10)

        def rows(path: str) -> list[dict[str, Any]]:
            request = urllib.request.Request(page + path, headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=20) as answer:
                found: list[dict[str, Any]] = json.loads(answer.read())["rows"]
                return found

        wait_for(lambda: len(rows("/api/v1/alerts")) == 1, 30, everything)
        (alert,) = rows("/api/v1/alerts")
        assert (alert["status"], alert["labels"]["symbol"]) == ("firing", "GS")
        found = rows("/api/v1/stories")
        assert sorted(row["title"] for row in found) == sorted(BAD)
        assert {item["id"] for item in alert["evidence"]} <= {row["id"] for row in found}

        for process in running[::-1]:
            if process.name.split("-")[0] in SERVICES:
                assert process.stop() == 0, process.said()
    finally:
        for process in running:
            process.kill()
    said = "".join(process.log.read_text("utf-8", "replace") for process in running)
    assert not any(value in said for value in [*secrets.values(), "hidden-part"])
