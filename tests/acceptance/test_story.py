"""A feed goes in, a Slack message comes out, and another one when it is over."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from program import Cli, Entry, FeedServer, Up, feeds_file, rss, wait_for

RULES = """
rules:
  - name: trouble
    kind: threshold
    aggregate: mean
    below: -0.3
    resolve_at: 0.0
    window: 2h
    min_documents: 4
    severity: critical
notify:
  group_wait: 0s
  group_interval: 1s
"""
BAD = [
    "Goldman Sachs shares plunge after profit warning",
    "Goldman Sachs hit by heavy trading losses",
    "Regulators fine Goldman Sachs over misconduct",
    "Goldman Sachs downgraded to junk on liquidity fears",
    "Goldman Sachs faces bankruptcy as deposits flee",
]
GOOD = [
    "Goldman Sachs shares surge on record profit",
    "Goldman Sachs raises dividend after strong quarter",
    "Goldman Sachs upgraded as profit beats forecasts",
    "Goldman Sachs wins big contract and lifts outlook",
    "Goldman Sachs rallies after strong results",
    "Goldman Sachs profit doubles, shares jump",
    "Goldman Sachs posts best quarter in a decade",
    "Goldman Sachs lifts guidance again on robust demand",
]


def test_a_feed_goes_in_and_a_notice_comes_out(
    cli: Cli, up: Callable[..., Up], server: FeedServer, tmp_path: Path
) -> None:
    now = datetime.now(UTC)

    def page(titles: list[str]) -> bytes:
        return rss(
            [Entry(f"g{i}-{t}", t, "", now - timedelta(minutes=30 - i)) for i, t in enumerate(titles)], server.url
        )

    server.pages["/feed"] = page(BAD)
    feeds = feeds_file(tmp_path / "feeds.toml", {"wire": f"{server.url}/feed"}, interval=5)
    (tmp_path / "rules.yml").write_text(RULES)
    cli.extra |= {
        "RISKWIRE_ALERTS__RULES": str(tmp_path / "rules.yml"),
        "RISKWIRE_ALERTS__SLACK__WEBHOOK_URL": f"{server.url}/services/T0/B0/hidden-part",
        "RISKWIRE_ALERTS__SLACK__ALLOW_PRIVATE_ADDRESSES": "true",
        "RISKWIRE_ALERTS__FILE": str(tmp_path / "notices.jsonl"),
    }
    process = up("--feeds", feeds, "--allow-private-addresses").healthy()

    wait_for(lambda: len(server.posts) >= 1, 30, lambda: process.log.read_text()[-3000:])
    firing = json.loads(server.posts[0][2])
    text = json.dumps(firing)
    assert "GS" in text
    assert "Goldman Sachs" in text
    assert "blocks" in firing
    assert [a["status"] for a in cli.rows("alerts", "list", "--status", "firing")] == ["firing"]

    server.pages["/feed"] = page(BAD + GOOD)
    wait_for(lambda: len(server.posts) >= 2, 40, lambda: process.log.read_text()[-3000:])
    assert "resolved" in json.dumps(json.loads(server.posts[1][2])).lower()
    (alert,) = cli.rows("alerts", "list")
    assert alert["status"] == "resolved"
    assert alert["labels"]["symbol"] == "GS"
    evidence = {item["id"] for item in alert["evidence"]}
    assert evidence <= {row["id"] for row in cli.stories()}
    assert evidence

    assert process.stop() == 0
    assert "hidden-part" not in process.log.read_text()
    notices = [json.loads(line) for line in (tmp_path / "notices.jsonl").read_text().splitlines()]
    assert [notice["reason"] for notice in notices] == ["first", "resolved"]
