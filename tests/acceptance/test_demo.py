"""`riskwire up --demo`: within thirty seconds the page fills and an alert fires and resolves."""

from __future__ import annotations

import json
from collections.abc import Callable

from program import Cli, Up, wait_for


def test_the_demo(cli: Cli, up: Callable[..., Up]) -> None:
    running = up("--demo").healthy()
    wait_for(lambda: "has been played" in running.log.read_text(), 60, lambda: running.log.read_text()[-2000:])
    stories = cli.stories()
    assert len(stories) >= 150
    assert {row["origin"] for row in stories} == {"demo"}
    assert {row["unscored_reason"] for row in stories if row["status"] == "unscored"} <= {
        "too_short",
        "unsupported_language",
    }
    alerts = cli.rows("alerts", "list")
    (collapse,) = [a for a in alerts if a["rule"] == "company-sentiment-collapse" and a["labels"]["symbol"] == "HWKB"]
    assert collapse["status"] == "resolved"
    assert collapse["evidence"]
    assert json.loads(running.get("/api/v1/alerts"))["rows"]
    assert b"riskwire_alerts_total" in running.get("/metrics")
    before = {row["id"] for row in stories}
    assert running.stop() == 0

    # Played anew at each start: the same stories, three days that end now, and nothing twice.
    again = up("--demo").healthy()
    wait_for(lambda: "has been played" in again.log.read_text(), 60)
    assert {row["id"] for row in cli.stories()} == before
    assert (
        sum(
            a["rule"] == "company-sentiment-collapse" and a["labels"]["symbol"] == "HWKB"
            for a in cli.rows("alerts", "list")
        )
        == 1
    )
