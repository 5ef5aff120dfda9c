"""kill -9 at any moment loses nothing and doubles nothing: the real program, the real model, really killed."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from program import Cli, Entry, FeedServer, Up, feeds_file, rss, wait_for

KILLS = 60 if os.environ.get("RISKWIRE_SOAK") else 22
FEEDS, PER_FEED = 20, 100


def _entries(feed: int, round_number: int, started: datetime) -> list[Entry]:
    """All hundred stories of a feed; every tenth is corrected when the rounds are half through."""
    corrected = round_number >= KILLS // 2
    return [
        Entry(
            guid=f"story-{feed}-{number}",
            title=f"Company {feed}-{number} {'cuts' if corrected and number % 10 == 0 else 'raises'} its outlook",
            summary="The board said so on Monday.",
            published=started - timedelta(minutes=number),
        )
        for number in range(PER_FEED)
    ]


def test_kills_lose_nothing_and_double_nothing(
    cli: Cli, up: Callable[..., Up], server: FeedServer, tmp_path: Path
) -> None:
    urls = {f"feed-{n}": f"{server.url}/feed-{n}" for n in range(FEEDS)}
    feeds = feeds_file(tmp_path / "feeds.toml", urls, interval=5)
    arguments = ("--feeds", feeds, "--allow-private-addresses")
    # Small batches: a hundred stories take long enough that a kill finds some of them half done.
    cli.extra |= {"RISKWIRE_STREAM__BATCH_SIZE": "4"}
    started = datetime.now(UTC)
    dice = random.Random(7)
    database = cli.folder / "riskwire.db"

    def indexed() -> int:
        """Read beside the running program, as any other process may."""
        if not database.exists():
            return 0
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
        try:
            return int(connection.execute("SELECT count(*) FROM stories").fetchone()[0])
        except sqlite3.OperationalError:  # not made yet
            return 0
        finally:
            connection.close()

    progress = [0]
    interrupted = 0
    for life in range(KILLS):
        # Each life shows some more feeds, so that every one of them has work when it is killed.
        for n in range(FEEDS):
            shown = n <= life
            server.pages[f"/feed-{n}"] = rss(_entries(n, life, started), server.url) if shown else rss([], server.url)
        process = up(*arguments)
        before = progress[-1]
        if life < FEEDS:
            wait_for(lambda before=before: indexed() > before, 60, lambda p=process: p.log.read_text()[-2000:])  # type: ignore[misc]
        else:
            process.healthy()
        time.sleep(dice.uniform(0, 0.15))
        process.kill()
        progress.append(indexed())
        interrupted += progress[-1] % PER_FEED != 0

    assert progress == sorted(progress)  # what was indexed never goes away
    assert interrupted > 0, progress  # else no batch was ever cut in two, and the test did not bite

    for n in range(FEEDS):
        server.pages[f"/feed-{n}"] = rss(_entries(n, KILLS, started), server.url)
    done = cli("up", "--once", *arguments, timeout=240)
    assert done.returncode == 0, done.stderr.decode()

    stories = cli.stories()
    guids = Counter(row["link"].rsplit("/", 1)[1] for row in stories)
    wanted = {f"story-{feed}-{number}" for feed in range(FEEDS) for number in range(PER_FEED)}
    assert set(guids) == wanted
    assert set(guids.values()) == {1}
    assert {row["status"] for row in stories} == {"scored"}
    for row in stories:
        assert ("cuts" in row["title"]) == row["link"].endswith("0"), row["title"]
