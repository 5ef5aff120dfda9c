"""A local server of many feeds, for bench_feeds: answers made once, hosts 127.x.y.z, and a switch for the round.

Runs as a process of its own (`python benchmarks/feed_server.py COUNT`), prints its port, and ends with its stdin.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

#: Of a hundred feeds: the rest is fresh in a mixed round, and changes between the rounds.
UNCHANGED, SLOW, BROKEN, MOVED, GONE, FAILING = 35, 2, 3, 4, 2, 2
SLOW_SECONDS = 3.0
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def kind(number: int) -> str:
    """What this feed is in the mixed round."""
    place = number % 100
    for name, share in (
        ("unchanged", UNCHANGED), ("slow", SLOW), ("broken", BROKEN), ("moved", MOVED), ("gone", GONE),
        ("failing", FAILING),
    ):  # fmt: skip
        if place < share:
            return name
        place -= share
    return "fresh"


def host(number: int) -> str:
    """Every feed on a host of its own."""
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def feed(number: int, version: int) -> bytes:
    """RSS of 10 to 40 entries with HTML summaries, as the press writes them; each version has three new ones."""
    count = 10 + number % 31
    items = []
    for entry in range(version * 3, version * 3 + count)[::-1]:
        when = format_datetime(START - timedelta(minutes=number % 50) + timedelta(minutes=entry))
        items.append(
            f"<item><title>Company {number}-{entry} raises its outlook after a strong quarter &amp; more</title>"
            f"<link>https://site{number}.example/story/{entry}?utm_source=rss</link>"
            f"<guid isPermaLink='false'>site{number}-{entry}</guid><pubDate>{when}</pubDate>"
            f"<category>markets</category><dc:creator>Jo Doe</dc:creator><description><![CDATA[<p>The company said on "
            f"<b>Monday</b> that revenue rose {entry} percent, ahead of what analysts had expected, and that it would "
            f"buy back shares. <img src='https://site{number}.example/i/{entry}.jpg'/> "
            f"<a href='https://site{number}.example/story/{entry}'>Read more</a></p>]]></description></item>"
        )
    return (
        "<?xml version='1.0' encoding='utf-8'?><rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/'>"
        f"<channel><title>Site {number}</title><link>https://site{number}.example/</link>"
        f"<description>News</description>{''.join(items)}</channel></rss>"
    ).encode()


class Feeds:
    """What is answered. Round 1: every feed is new. Round 2: mixed. Round 3: nothing has changed."""

    def __init__(self, count: int) -> None:
        self.round = 1
        self.count = count
        self.bodies = {
            (number, version): feed(number, version)
            for number in range(count)
            for version in ((1, 2) if kind(number) in ("fresh", "slow", "moved") else (1,))
        }
        self.seen = 0

    def answer(self, path: str, host: str, tag: str) -> tuple[bytes, float]:
        """The bytes of an answer, and how many seconds it takes."""
        if path.startswith("/round/"):
            self.round = int(path.rpartition("/")[2])
            return _response(200, b"ok"), 0
        name = path.strip("/")
        if not name.removesuffix("-new").isdigit():
            return _response(404, b""), 0
        self.seen += 1
        number = int(name.removesuffix("-new"))
        what = kind(number)
        mixed = self.round == 2
        if mixed and what == "gone":
            return _response(410, b""), 0
        if mixed and what == "failing":
            return _response(500, b""), 0
        if mixed and what == "broken":
            return _response(200, self.bodies[number, 1][:150], tag="b"), 0
        if self.round >= 2 and what == "moved" and not name.endswith("-new"):
            return _response(301, b"", location=f"http://{host}/{number}-new"), 0
        version = 2 if self.round >= 2 and (number, 2) in self.bodies else 1
        delay = SLOW_SECONDS if mixed and what == "slow" else 0
        if tag == f'"v{version}"':
            return _response(304, b"", tag=f"v{version}"), delay
        return _response(200, self.bodies[number, version], tag=f"v{version}"), delay


def _response(status: int, body: bytes, *, tag: str = "", location: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/rss+xml\r\n"
    head += f'ETag: "{tag}"\r\n' if tag else ""
    head += f"Location: {location}\r\n" if location else ""
    head += "" if status == 304 else f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def serve(count: int) -> None:
    """Until stdin ends."""
    feeds = Feeds(count)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                answer, delay = feeds.answer(first.split()[1], headers["host"], headers.get("if-none-match", ""))
                if delay:
                    await asyncio.sleep(delay)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "0.0.0.0", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
