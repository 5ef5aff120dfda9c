"""The import job against a server that behaves as Kibana's documentation says: late, strict, and 200 even when nothing
was imported."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.kibana import committed
from dashboards.kibana.install import Access, check_access, install
from kibana_stub import KibanaStub
from program import RISKWIRE, environment
from riskwire.errors import StorageError, UsageError

SECRET = "a-secret-that-must-not-show"


@pytest.fixture
def kibana() -> Iterator[KibanaStub]:
    it = KibanaStub()
    yield it
    it.close()


def access(kibana: KibanaStub, **fields: Any) -> Access:
    return Access(**{"url": kibana.url, "username": "riskwire_import", "password": SECRET} | fields)


def test_it_waits_until_kibana_is_ready_and_imports_everything_twice(kibana: KibanaStub, monkeypatch: Any) -> None:
    monkeypatch.setattr("dashboards.kibana.install._PAUSE", 0.01)
    kibana.not_ready = 3
    for _ in range(2):
        assert asyncio.run(install(access(kibana), committed(), wait=5)) == len(committed().splitlines())
    assert kibana.asked[:4] == ["/api/status"] * 4
    assert kibana.asked[4] == "/api/saved_objects/_import?overwrite=true"
    assert len(kibana.objects) == len(committed().splitlines())


def test_a_space_of_its_own(kibana: KibanaStub) -> None:
    asyncio.run(install(access(kibana, space="desk"), committed(), wait=0))
    assert kibana.asked[-1].startswith("/s/desk/api/saved_objects/_import")


@pytest.mark.parametrize(
    ("status", "answer", "says"),
    [
        (200, {"success": False, "errors": [{"type": "lens", "id": "x", "error": {"type": "missing_references"}}]},
         r"lens:x \(missing_references\)"),
        (200, ["what"], "no import's answer"),
        (422, {"message": "belongs to a more recent version of Kibana"}, "status 422.*more recent"),
        (403, {}, "may not import"),
    ],
)  # fmt: skip
def test_what_was_not_imported_is_an_error(kibana: KibanaStub, status: int, answer: Any, says: str) -> None:
    kibana.status, kibana.answer = status, answer
    with pytest.raises(StorageError, match=says):
        asyncio.run(install(access(kibana), committed(), wait=5))


def test_a_kibana_that_stays_away_is_an_error() -> None:
    with pytest.raises(StorageError, match="not ready"):
        asyncio.run(install(Access(url="http://127.0.0.1:1"), b"", wait=0))


@pytest.mark.parametrize("url", ["http://kibana:5601", "ftp://127.0.0.1", "http://a:b@127.0.0.1", "127.0.0.1:5601"])
def test_an_address_that_would_leak_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        check_access(Access(url=url, username="u", password=SECRET))


def test_the_command(kibana: KibanaStub, tmp_path: Path) -> None:
    def run(**extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [RISKWIRE, "kibana", "import", "--url", kibana.url, "--wait", "1"],
            env=environment(tmp_path, **extra), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    done = run(KIBANA_USERNAME="riskwire_import", KIBANA_PASSWORD=SECRET)
    assert (done.returncode, "saved objects imported" in done.stdout) == (0, True), done.stderr
    kibana.answer = {"success": False, "errors": []}
    failed = run(KIBANA_USERNAME="riskwire_import", KIBANA_PASSWORD=SECRET)
    assert failed.returncode == 1
    nobody = run()
    assert (nobody.returncode, "kibana_admin" in nobody.stderr) == (1, True)
    assert SECRET not in done.stdout + done.stderr + failed.stdout + failed.stderr
