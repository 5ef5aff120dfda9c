"""The third-party files of the page are the ones that were recorded, licences included."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

STATIC = Path(__file__).parents[2] / "dashboards" / "web" / "static"
VENDOR = STATIC / "vendor"


def test_every_file_is_as_recorded() -> None:
    record = json.loads((VENDOR / "VENDOR.json").read_text(encoding="utf-8"))
    expected = {name: sha for entry in record for name, sha in entry["files"].items()}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.name != "VENDOR.json"
    }
    assert found == expected


def test_every_package_has_a_version_and_its_licence() -> None:
    record = json.loads((VENDOR / "VENDOR.json").read_text(encoding="utf-8"))
    for entry in record:
        assert entry["licence"]
        if "version" in entry:
            assert "Redistribution" in (VENDOR / f"{entry['name']}.LICENSE").read_text(encoding="utf-8")


def test_our_own_script_stays_small() -> None:
    own = sum(path.stat().st_size for path in (STATIC / "js").glob("*.js"))
    assert own < 100_000


def test_our_own_script_makes_no_html_and_runs_no_text() -> None:
    for path in (STATIC / "js").glob("*.js"):
        text = path.read_text(encoding="utf-8").replace("there is no innerHTML on this page", "")
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "style=",
        ):
            assert word not in text, f"{path.name}: {word}"
        assert len(text.splitlines()) <= 250, path.name


def test_every_module_is_asked_for_at_once() -> None:
    """The page names them all, so that no module waits for another one's import to be read."""
    html = (STATIC.parent / "templates" / "index.html").read_text(encoding="utf-8")
    for path in (STATIC / "js").glob("*.js"):
        assert f"/static/js/{path.name}" in html, path.name
