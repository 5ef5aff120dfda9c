"""`riskwire model report`, as a user calls it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from riskwire.cli import app as cli
from riskwire.errors import RiskwireError


def call(tmp_path: Path, *arguments: str) -> Result:
    given = ["model", "report", *arguments, "--recipe", "toy", "--datasets", str(tmp_path), "--data", str(tmp_path)]
    return CliRunner().invoke(cli.build_app(), given)


def test_it_prints_the_table_and_writes_the_report(tmp_path: Path) -> None:
    found = call(tmp_path, "packaged", "--output", str(tmp_path / "out"), "--format", "jsonl")
    assert found.exit_code == 0, found.output
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    (pairs,) = [row for row in rows if row["measure"] == "Minimal pairs"]
    assert (pairs["at_least"], pairs["aim"]) == (0.85, 0.95)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert pairs["value"] == pytest.approx(metrics["behaviour"]["accuracy"], abs=1e-4)
    assert (tmp_path / "out" / "report.md").is_file()
    assert "**all**" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("nobody",), "there is no such model", 1),
        (("packaged", "--against", "packaged"), "TITLE=MODEL", 2),
        (("packaged", "--against", "=packaged"), "TITLE=MODEL", 2),
        (("packaged", "--recipe", "none"), "there is no such recipe", 2),
        (("packaged", "--recipe", "minilm"), "a set of the recipe is not there", 1),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: tuple[str, ...], message: str, code: int) -> None:
    given = ["model", "report", "--recipe", "toy", *arguments, "--datasets", str(tmp_path), "--data", str(tmp_path)]
    found = CliRunner().invoke(cli.build_app(), [*given, "--output", str(tmp_path / "out")])
    assert isinstance(found.exception, RiskwireError)
    assert message in str(found.exception)
    assert found.exception.exit_code == code
    assert not (tmp_path / "out").exists()
