"""Real captured feeds through the real program, over HTTP and from files: every entry once, however often polled."""

from __future__ import annotations

import re
from pathlib import Path

from program import Cli, FeedServer, feeds_file


def captured(shared: Path) -> list[Path]:
    """Every captured XML file that has entries and is served as a feed by someone."""
    files = sorted((shared / "feeds").glob("**/*.xml")) + sorted((shared / "feeds").glob("**/*.rss"))
    return [file for file in files if re.search(rb"<(?:\w+:)?(?:item|entry)[\s>]", file.read_bytes())][::12]


def test_captured_feeds_over_http_and_from_files(
    cli: Cli, server: FeedServer, shared_data: Path, tmp_path: Path
) -> None:
    files = captured(shared_data)
    assert len(files) > 40
    urls = {}
    for number, file in enumerate(files):
        server.pages[f"/{number}"] = file.read_bytes()
        urls[f"f{number}"] = f"{server.url}/{number}" if number % 2 else file.as_uri()
    feeds = feeds_file(tmp_path / "feeds.toml", urls)
    arguments = ("up", "--once", "--feeds", feeds, "--allow-local-files", "--allow-private-addresses")
    first = cli.rows(*arguments)
    assert [row["name"] for row in first] == list(urls)
    stories = {row["id"]: row["revision"] for row in cli.stories()}
    # Some captured files tell the same story differently: those are corrections, and count as new.
    assert sum(stories.values()) == sum(row["new"] for row in first)
    assert len(stories) > 50
    for _ in range(3):
        assert sum(row["new"] for row in cli.rows(*arguments)) == 0
    assert {row["id"]: row["revision"] for row in cli.stories()} == stories


def test_one_bad_feed_never_stops_another(cli: Cli, server: FeedServer, tmp_path: Path) -> None:
    from program import Entry, rss

    def hang(request: object) -> None:
        import time

        time.sleep(8)

    server.pages |= {
        "/good": rss([Entry("1", "Profit rises at the mill")], server.url),
        "/broken": b"<rss><channel><item><title>Cut in the mid",
        "/html": b"<!doctype html><html><body><h1>Please log in</h1></body></html>",
        "/binary": bytes(range(256)) * 40,
        "/empty": b"",
        "/hang": hang,
    }
    urls = {name[1:]: server.url + name for name in server.pages} | {
        "gone": f"{server.url}/gone",
        "local": "file:///etc/hosts",
    }
    feeds = feeds_file(tmp_path / "feeds.toml", urls)
    cli.extra |= {"RISKWIRE_INGEST__TIMEOUT": "3"}
    rows = {row["name"]: row for row in cli.rows("up", "--once", "--feeds", feeds, "--allow-private-addresses")}
    assert rows["good"]["outcome"] == "ok"
    assert rows["good"]["new"] == 1
    assert {name: rows[name]["outcome"] for name in ("html", "binary", "empty", "hang", "gone")} == dict.fromkeys(
        ("html", "binary", "empty", "hang", "gone"), "failed"
    )
    assert rows["local"]["outcome"] == "refused"
    assert "--allow-local-files" in rows["local"]["error"]
    assert all(rows[name]["error"] for name in rows if rows[name]["outcome"] in ("failed", "refused"))


def test_all_refused_is_used_wrongly(cli: Cli, server: FeedServer, tmp_path: Path) -> None:
    feeds = feeds_file(tmp_path / "feeds.toml", {"a": f"{server.url}/a", "b": "http://169.254.169.254/latest"})
    done = cli("up", "--once", "--feeds", feeds)
    assert done.returncode == 2
    assert server.asked == {}
    assert b"allow-private-addresses" in done.stdout + done.stderr
