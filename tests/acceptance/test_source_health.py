"""A feed dies: Slack is told; Riskwire is killed and starts again; the feed is back: Slack is told of that, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from program import Cli, Entry, FeedServer, Up, feeds_file, rss, wait_for

RULES = """
rules:
  - name: dead-feed
    kind: source_health
    status: [failing]
    severity: critical
notify: {group_by: [rule, source], group_wait: 0s, group_interval: 1s}
"""


def test_a_dead_feed_is_told_of_and_so_is_its_return(
    cli: Cli, up: Callable[..., Up], server: FeedServer, tmp_path: Path
) -> None:
    page = rss([Entry("g1", "Markets are calm today")], server.url)
    server.pages["/wire"] = server.pages["/other"] = page
    urls = {"wire & co": f"{server.url}/wire", "other": f"{server.url}/other"}
    feeds = feeds_file(tmp_path / "feeds.toml", urls, interval=5)
    (tmp_path / "rules.yml").write_text(RULES)
    cli.extra |= {
        "RISKWIRE_ALERTS__RULES": str(tmp_path / "rules.yml"),
        "RISKWIRE_ALERTS__SLACK__WEBHOOK_URL": f"{server.url}/services/T0/B0/hidden-part",
        "RISKWIRE_ALERTS__SLACK__ALLOW_PRIVATE_ADDRESSES": "true",
    }
    start = ("--feeds", feeds, "--allow-private-addresses")
    process = up(*start).healthy()
    wait_for(lambda: server.asked.get("/wire", 0) > 0, 20)
    del server.pages["/wire"]

    wait_for(lambda: len(server.posts) == 1, 60, lambda: process.log.read_text()[-3000:])
    text = json.dumps(json.loads(server.posts[0][2]), ensure_ascii=False)
    assert "wire &amp; co has failed 3 times in a row" in text
    assert "404" in text
    (alert,) = cli.rows("alerts", "list", "--status", "firing")
    assert (alert["labels"]["source"], alert["severity"]) == ("wire & co", "critical")
    assert b"wire & co" in cli("alerts", "list").stdout

    process.kill()
    server.pages["/wire"] = page
    process = up(*start).healthy()
    wait_for(lambda: len(server.posts) == 2, 60, lambda: process.log.read_text()[-3000:])
    assert "RESOLVED" in server.posts[1][2].decode().upper()
    (alert,) = cli.rows("alerts", "list")
    assert alert["status"] == "resolved"
    assert process.stop() == 0
    assert len(server.posts) == 2
