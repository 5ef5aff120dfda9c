"""`riskwire ingest`, really killed in the middle of a round; and `riskwire feeds` as a user runs it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from program import RISKWIRE, Cli, Entry, FeedServer, environment, feeds_file, rss, wait_for

FEEDS, PER_FEED, INTERVAL = 80, 5, 8


@contextmanager
def ingesting(cli: Cli, feeds: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running `riskwire ingest`; killed at the end, its parsers too."""
    with (cli.cwd / "ingest.log").open("ab") as log:
        process = subprocess.Popen(
            [RISKWIRE, "ingest", "--feeds", feeds, "--allow-private-addresses"],
            stdout=log,
            stderr=log,
            cwd=cli.cwd,
            env=environment(cli.folder, **cli.extra),
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def test_killed_in_the_middle_of_a_round(cli: Cli, server: FeedServer, tmp_path: Path) -> None:
    asked: dict[str, list[float]] = defaultdict(list)
    lock = threading.Lock()

    def page(number: int) -> object:
        body = rss([Entry(f"{number}-{n}", f"Story {n} of feed {number}") for n in range(PER_FEED)], server.url)

        def answer(request: BaseHTTPRequestHandler) -> None:
            with lock:
                asked[request.path].append(time.monotonic())
            time.sleep(0.02)
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)

        return answer

    server.pages |= {f"/{number}": page(number) for number in range(FEEDS)}  # type: ignore[dict-item]
    urls = {f"f{number}": f"{server.url}/{number}" for number in range(FEEDS)}
    feeds = feeds_file(tmp_path / "feeds.toml", urls, interval=INTERVAL)
    cut_off = 0
    for share in (0.2, 0.5, 0.9):
        before = sum(map(len, asked.values()))
        with ingesting(cli, feeds) as process:
            more = int(FEEDS * share)
            wait_for(lambda goal=before + more: sum(map(len, asked.values())) >= goal, 60)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        polled = [state for state in states(cli) if state.get("last_polled_at")]
        cut_off += len(asked) - len(polled)
    assert cut_off > 0  # else no turn was ever cut off, and the test did not bite
    with ingesting(cli, feeds) as process:
        wait_for(lambda: sum(bool(state.get("last_success_at")) for state in states(cli)) == FEEDS, 60)
        wait_for(lambda: min(map(len, asked.values())) >= 2, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    # No feed was fetched before its time, whoever was killed in between (its interval is spread by a tenth).
    gaps = [later - earlier for times in asked.values() for earlier, later in itertools.pairwise(times)]
    assert min(gaps) >= INTERVAL * 0.9 - 0.5
    # Nothing lost, nothing doubled.
    keys = rows(cli, "SELECT key FROM log")
    assert len(keys) == len({key for (key,) in keys}) == FEEDS * PER_FEED


def rows(cli: Cli, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{cli.folder / 'riskwire.db'}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def states(cli: Cli) -> list[dict[str, object]]:
    return [json.loads(str(bytes(body), "utf-8")) for (body,) in rows(cli, "SELECT body FROM source_states")]  # type: ignore[arg-type]


def test_feeds_from_the_command_line(cli: Cli, server: FeedServer, tmp_path: Path) -> None:
    server.pages |= {
        "/good": rss([Entry("1", "Profit rises at the mill")], server.url),
        "/other": rss([Entry("2", "Losses widen at the mine")], server.url),
        "/html": b"<!doctype html><html><body>Please log in</body></html>",
    }
    private = "--allow-private-addresses"
    # Without a file the default list becomes the user's own.
    done = cli("feeds", "add", f"{server.url}/good", "--name", 'Good "one"', private)
    assert done.returncode == 0, done.stderr.decode()
    own = cli.folder / "feeds.toml"
    assert "# -- central banks" in own.read_text()
    assert tomllib.loads(own.read_text())["feeds"][-1] == {"name": 'Good "one"', "url": f"{server.url}/good"}
    # From here on a file of two.
    feeds = tmp_path / "mine.toml"
    feeds.write_text(f'# mine\n[[feeds]]\nname = "A"  # keep\nurl = "{server.url}/good"\n')
    file = ("--feeds", feeds)
    assert cli("feeds", "add", f"{server.url}/other", *file, private).returncode == 0
    assert [row["name"] for row in cli.rows("feeds", "list", *file)] == ["A", "t"]  # the feed's own title
    assert [row["name"] for row in cli.rows("feeds", "list", *file, "--limit", 1)] == ["A"]
    for arguments, says in (
        ((f"{server.url}/other",), b"there already"),
        ((f"{server.url}/html",), b"web page"),
        ((f"{server.url}/none",), b"404"),
        (("ftp://x.example/",), b"ftp"),
        ((f"{server.url}/html", "--no-check", "--name", "A"), b"another source"),
        ((f"{server.url}/html", "--no-check", "--zone", "Mars/X"), b"Mars/X"),
    ):
        done = cli("feeds", "add", *arguments, *file, private)
        assert done.returncode != 0
        assert says in done.stderr, done.stderr
        assert b"Traceback" not in done.stderr
    # Out as OPML, and in again.
    exported = cli("feeds", "export", *file)
    (tmp_path / "list.opml").write_bytes(exported.stdout)
    (tmp_path / "empty.toml").write_text('[[feeds]]\nname = "t"\nurl = "https://z.example/"\n')
    assert cli("feeds", "import", tmp_path / "list.opml", "--feeds", tmp_path / "empty.toml").returncode == 0
    imported = cli.rows("feeds", "list", "--feeds", tmp_path / "empty.toml")
    assert [(row["name"], row["address"]) for row in imported] == [
        ("t", "https://z.example/"), ("A", f"{server.url}/good"), ("t (2)", f"{server.url}/other"),
    ]  # fmt: skip
    assert cli("feeds", "import", tmp_path / "list.opml", *file).stderr.startswith(b"added 0 of 2")
    # Explained.
    checked = {row["check"]: row for row in cli.rows("feeds", "check", "A", *file, private)}
    assert {"robots", "fetch", "type", "items", "dates", "language", "caching", "identity"} <= set(checked)
    assert "rss20" in checked["type"]["found"]
    assert "neither ETag" in checked["caching"]["found"]
    bad = cli("feeds", "check", f"{server.url}/html", *file, private)
    assert bad.returncode == 1
    assert b"web page" in bad.stdout
    # Polled without a model, and how each is.
    polled = cli.rows("ingest", "--once", *file, private)
    assert [(row["name"], row["new"]) for row in polled] == [("A", 1), ("t", 1)]
    stats = cli.rows("feeds", "stats", *file)
    assert [(row["name"], row["status"], row["items"]) for row in stats] == [("A", "ok", 1), ("t", "ok", 1)]
    assert stats[0]["undated"] == 1
    # And out again.
    assert cli("feeds", "remove", "t", *file).returncode == 0
    assert feeds.read_text() == f'# mine\n[[feeds]]\nname = "A"  # keep\nurl = "{server.url}/good"\n'
    assert cli("feeds", "remove", "nobody", *file).returncode == 2
    assert cli("feeds", "remove", "A", "--feeds", tmp_path / "list.opml").returncode == 2


def test_what_robots_txt_forbids_is_said_and_can_be_overridden(cli: Cli, server: FeedServer, tmp_path: Path) -> None:
    server.pages |= {
        "/robots.txt": b"User-agent: *\nDisallow: /closed",
        "/closed": rss([Entry("1", "Profit rises at the mill")], server.url),
    }
    feeds = feeds_file(tmp_path / "feeds.toml", {"open": f"{server.url}/open"})
    file, private = ("--feeds", feeds), "--allow-private-addresses"
    refused = cli("feeds", "add", f"{server.url}/closed", *file, private)
    assert refused.returncode != 0
    assert b"robots.txt of 127.0.0.1 forbids" in refused.stderr
    assert b"ignore_robots = true" in refused.stderr
    assert server.asked.get("/closed") is None
    # `check` explains what the feed would bring all the same.
    checked = cli("feeds", "check", f"{server.url}/closed", *file, private, "--format", "jsonl")
    assert checked.returncode == 1
    found = {row["check"]: row for row in map(json.loads, checked.stdout.splitlines())}
    assert found["robots"]["status"] == "broken"
    assert found["items"]["found"].startswith("1 stories")
    # Added as it is, it is not polled; with the key, it is.
    assert cli("feeds", "add", f"{server.url}/closed", "--name", "shut", "--no-check", *file, private).returncode == 0
    rows = {row["name"]: row for row in cli.rows("ingest", "--once", *file, private)}
    assert rows["shut"]["outcome"] == "refused"
    assert cli("feeds", "remove", "shut", *file).returncode == 0
    added = cli("feeds", "add", f"{server.url}/closed", "--name", "shut", "--ignore-robots", *file, private)
    assert added.returncode == 0, added.stderr.decode()
    assert "ignore_robots = true" in feeds.read_text()
    rows = {row["name"]: row for row in cli.rows("ingest", "--once", *file, private)}
    assert (rows["shut"]["outcome"], rows["shut"]["new"]) == ("ok", 1)
