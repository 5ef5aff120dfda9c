"""The feed reader against other readers' suites: counts never fall, deviations have reasons, the page is fresh."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "feeds"
#: Suite → cases with an expectation that is met, and those that deviate. Raise the first, lower the second; never back.
LEAST = {
    "feedparser": (1_233, 35), "gofeed": (191, 12), "feed-rs": (55, 6), "rome": (162, 5), "feedjira": (15, 0),
    "reader": (6, 0), "sec-edgar": (5, 0), "crawinsight-financial": (5, 0), "financial-shapes": (8, 0),
    "nasdaqtrader": (1, 0),
}  # fmt: skip


def conformance(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/conformance.py", *flags], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not DATA.is_dir() and os.environ.get("CI") != "true", reason=f"needs the captured feeds in {DATA}")
def test_no_suite_passes_less_than_before() -> None:
    done = conformance("--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["unexplained"] == []
    assert set(found["counts"]) == set(LEAST)
    for suite, (passed, deviations) in LEAST.items():
        assert found["counts"][suite]["passed"] >= passed, suite
        assert found["counts"][suite]["deviations"] <= deviations, suite
    page = conformance("--check")
    assert page.returncode == 0, page.stdout


def test_the_page_holds_no_word_of_the_data() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert "http" not in page.replace("HTTP", "")
    assert page.count("|") > 100


def test_without_the_data_the_page_stays(tmp_path: Path) -> None:
    """The script in a checkout that has no ../shared beside it."""
    elsewhere = tmp_path / "checkout"
    (elsewhere / "docs").mkdir(parents=True)
    (elsewhere / "docs" / "conformance.md").write_text("as it was", encoding="utf-8")
    (elsewhere / "scripts").mkdir()
    for path in (ROOT / "scripts").glob("conformance*.py"):
        (elsewhere / "scripts" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "scripts/conformance.py"], cwd=elsewhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "not here" in done.stdout
    assert (elsewhere / "docs" / "conformance.md").read_text(encoding="utf-8") == "as it was"
