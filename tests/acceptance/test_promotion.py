"""A model is promoted while `riskwire up` works: no restart, no story lost, each says which model scored it."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from artefacts import of_version

from ingest.inbox.webhook import sign
from models.artefact import PRETRAINED, read_manifest
from models.registry.store import fingerprint
from program import Cli, Up, feeds_file, wait_for

SECRET = "a-secret-of-the-tests"
PACKAGED = read_manifest(PRETRAINED).version


class Load:
    """Sends stories, one after the other, until it is told to stop; knows which were accepted."""

    def __init__(self, url: str) -> None:
        self.url, self.accepted, self.stop = url, list[str](), threading.Event()
        self.thread = threading.Thread(target=self._send)

    def _send(self) -> None:
        while not self.stop.wait(0.02):
            number = len(self.accepted)
            story = {"source": "load", "guid": str(number), "title": f"Company {number} raises its outlook"}
            body, stamp = json.dumps(story).encode(), str(int(datetime.now(UTC).timestamp()))
            headers = {
                "Content-Type": "application/json",
                "Riskwire-Timestamp": stamp,
                "Riskwire-Signature": sign(SECRET, stamp, body),
            }
            request = urllib.request.Request(f"{self.url}/api/v1/stories", body, headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                self.accepted += json.load(answer)["ids"]


@contextmanager
def loaded(url: str) -> Iterator[Load]:
    load = Load(url)
    load.thread.start()
    try:
        yield load
    finally:
        load.stop.set()
        load.thread.join()


def versions(cli: Cli) -> list[str]:
    """The model of each story, in the order in which they were scored."""
    rows = sorted(cli.stories(), key=lambda row: row["scored_at"])
    return [row["model"]["version"] for row in rows]


def metric(running: Up, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} ([\d.e+]+)$", running.get("/metrics").decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_promotion_is_picked_up_and_a_broken_one_is_not(cli: Cli, up: Callable[..., Up], tmp_path: Path) -> None:
    cli.extra |= {"RISKWIRE_INGEST__WEBHOOK_SECRET": SECRET, "RISKWIRE_MODEL__REGISTRY_INTERVAL": "0.2"}
    running = up("--feeds", feeds_file(tmp_path / "feeds.toml", {"a": "https://feeds.example/a"})).healthy()

    def health() -> str:
        return str(json.loads(running.get("/healthz"))["parts"]["model"])

    with loaded(running.url) as load:
        wait_for(lambda: len(load.accepted) > 20, 30)
        # The same model again is no better, so the gate refuses it; a person may overrule the gate.
        mine = of_version(tmp_path / "mine", "9.1")
        refused = cli("model", "promote", mine)
        assert refused.returncode == 1
        assert b"the gate refuses it: better" in refused.stderr
        assert health().startswith(f"riskwire-minilm {PACKAGED}")
        done = cli("model", "promote", mine, "--override", "a test")
        assert done.returncode == 0, done.stderr.decode()
        wait_for(lambda: " 9.1 " in health(), 30, health)
        behind = len(load.accepted)
        wait_for(lambda: len(load.accepted) > behind + 20, 30)

        # Someone edits the file, and points it at an artefact that was changed.
        registry = cli.folder / "models"
        broken = of_version(registry / "broken", "9.2")
        with (broken / "model.onnx").open("r+b") as file:
            file.seek(1_000_000)
            file.write(b"\x00" * 64)
        (registry / "production.json").write_text(json.dumps({"path": "broken", "sha256": fingerprint(broken)}))
        wait_for(lambda: "can't be used" in health(), 30, health)
        assert " 9.1 " in health()
        assert metric(running, "riskwire_model_refused") == 1
        behind = len(load.accepted)
        wait_for(lambda: len(load.accepted) > behind + 20, 30)
    wait_for(lambda: len(cli.stories()) == len(load.accepted), 30)

    assert {row["id"] for row in cli.stories()} == set(load.accepted)
    order = versions(cli)
    assert order == sorted(order)  # first one, then the other, never back
    assert set(order) == {PACKAGED, "9.1"}
    assert "its SHA-256 is not the manifest's" in running.log.read_text()
    checks = {row["check"]: row for row in map(json.loads, cli("doctor", "--format", "jsonl").stdout.splitlines())}
    assert checks["model"]["status"] == "broken"
    assert running.stop() == 0


def test_the_model_alone_follows_too(cli: Cli, up: Callable[..., Up], tmp_path: Path) -> None:
    cli.extra["RISKWIRE_MODEL__REGISTRY_INTERVAL"] = "0.2"
    running = up(command="serve-model").healthy()

    def asked() -> str:
        body = json.dumps({"texts": ["Profit rises at the mill"]}).encode()
        request = urllib.request.Request(f"{running.url}/api/v1/score", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["model"]["version"])

    assert asked() == PACKAGED
    assert cli("model", "promote", of_version(tmp_path / "mine", "9.1"), "--override", "a test").returncode == 0
    wait_for(lambda: asked() == "9.1", 30)
    assert running.stop() == 0


def test_the_registry_by_its_commands(cli: Cli, tmp_path: Path) -> None:
    def listed() -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in cli.rows("model", "list")}

    assert {name: row["state"] for name, row in listed().items()} == {"packaged": "production"}
    assert cli("model", "rollback").returncode == 1
    mine = of_version(tmp_path / "mine", "9.1")
    assert cli("model", "promote", mine, "--override", "because").returncode == 0
    (name,) = [name for name in listed() if name != "packaged"]
    assert (listed()[name]["state"], listed()["packaged"]["state"]) == ("production", "packaged")
    assert "refused: better" in listed()[name]["gate"]
    shown = {row["key"]: row["value"] for row in cli.rows("model", "show")}
    assert (shown["version"], shown["gate parity"][:7]) == ("9.1", "passed:")
    assert cli.rows("score", "Profit rises at the mill")[0]["model"]["version"] == "9.1"
    assert b"9.1" in cli("model", "verify").stdout
    assert PACKAGED.encode() in cli("model", "verify", "packaged").stdout
    history = json.loads((cli.folder / "models" / "production.json").read_text())
    assert history["reason"] == "override: because"

    assert cli("model", "rollback", "--reason", "a test").returncode == 0
    assert cli.rows("score", "Profit rises at the mill")[0]["model"]["version"] == PACKAGED
    assert listed()[name]["state"] == "former"
    # Measured anew, on made-up headlines that the toy recipe holds out: still the same model.
    anew = cli("model", "promote", name, "--on", "toy", "--format", "jsonl")
    checks = {row["check"]: row for row in map(json.loads, anew.stdout.splitlines())}
    assert (anew.returncode, checks["better"]["passed"], checks["no worse"]["passed"]) == (1, False, True)
    missing = cli("model", "promote", name, "--on", "minilm", "--datasets", tmp_path / "nowhere")
    assert missing.returncode == 1
    assert b"riskwire datasets fetch" in missing.stderr
    assert cli("model", "promote", name, "--on", "no-such").returncode == 2
    unknown = cli("model", "promote", "no-such")
    assert unknown.returncode == 1
    assert b"riskwire model list" in unknown.stderr


def test_a_pinned_folder_is_not_replaced(cli: Cli, tmp_path: Path) -> None:
    cli.extra["RISKWIRE_MODEL__PATH"] = str(PRETRAINED)
    done = cli("model", "promote", of_version(tmp_path / "mine", "9.1"), "--override", "because")
    assert b"goes on scoring here" in done.stderr
    assert cli.rows("score", "Profit rises at the mill")[0]["model"]["version"] == PACKAGED
