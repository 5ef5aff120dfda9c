"""Parser processes: hostile feeds cost themselves, and nothing else."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.formats.parse import ParserPool
from riskwire.errors import ParseError

GOOD = b"<rss version='2.0'><channel><title>t</title><item><title>Oil rises</title></item></channel></rss>"
#: Costs feedparser seconds.
SLOW = b"<rss><channel><item><title>" + b"<b>" * 600_000


def laughs() -> bytes:
    entities = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    head = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "lol">' + entities + b"]>"
    return head + b"<rss><channel><item><title>&l9;</title></item></channel></rss>"


def pid(pool: ParserPool) -> int:
    process = pool._free[-1]._process
    assert process is not None
    return process.pid


def test_children_are_started_lazily_and_kept() -> None:
    async def run() -> None:
        async with ParserPool(10) as pool:
            assert pool._free[-1]._process is None
            await pool.parse(GOOD)
            first = pid(pool)
            for _ in range(5):
                assert (await pool.parse(GOOD)).entries[0].title == "Oil rises"
            assert pid(pool) == first
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)

    asyncio.run(run())


def test_a_large_parent_does_not_make_its_children_look_grown() -> None:
    """A new process inherits its parent's peak of memory: that must not be taken for its own."""
    large = bytearray(400 * 1024**2)
    large[::4096] = b"x" * len(large[::4096])  # really resident

    async def run() -> None:
        async with ParserPool(10, size=1) as pool:
            await pool.parse(GOOD)
            first = pid(pool)
            await pool.parse(GOOD)
            assert pid(pool) == first

    asyncio.run(run())
    assert large[0] == ord("x")


def test_a_slow_feed_is_stopped_and_others_go_on() -> None:
    async def run() -> None:
        async with ParserPool(3) as pool:
            await asyncio.gather(pool.parse(GOOD), pool.parse(GOOD))  # both are warm
            started = time.perf_counter()
            slow, *good = await asyncio.gather(
                pool.parse(SLOW, "slow"), *(pool.parse(GOOD) for _ in range(20)), return_exceptions=True
            )
            assert isinstance(slow, ParseError)
            assert "3 s" in str(slow)
            assert all(not isinstance(one, BaseException) for one in good)
            assert time.perf_counter() - started < 12
            assert (await pool.parse(GOOD)).entries

    asyncio.run(run())


def test_a_parser_that_died_between_two_feeds_is_replaced() -> None:
    async def run() -> None:
        async with ParserPool(10, size=1) as pool:
            await pool.parse(GOOD)
            first = pid(pool)
            os.kill(first, signal.SIGKILL)
            assert (await pool.parse(GOOD)).entries
            assert pid(pool) != first

    asyncio.run(run())


def test_a_feed_that_takes_its_parser_down_is_told() -> None:
    async def run() -> None:
        async with ParserPool(10, size=1) as pool:
            working = asyncio.ensure_future(pool.parse(SLOW, "the feed"))
            await asyncio.sleep(0.5)
            assert await asyncio.to_thread(kill_children) == 1
            with pytest.raises(ParseError, match="the feed: brought the parser down"):
                await working
            assert (await pool.parse(GOOD)).entries

    asyncio.run(run())


def kill_children() -> int:
    """End our own parser children; how many there were."""
    killed = 0
    for entry in Path("/proc/self/task").glob("*/children"):
        for child in entry.read_text().split():
            if b"ingest.formats.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
                killed += 1
    return killed


def test_bombs() -> None:
    async def run() -> None:
        async with ParserPool(60) as pool:
            for body in (laughs(), b"<a>" * 50_000, b"<rss>" + b"<item>" * 20_000, GOOD.decode().encode("utf-16")):
                await pool.parse(GOOD)
                child, before = pid(pool), processor_seconds(pid(pool))
                try:
                    feed = await pool.parse(body)
                except ParseError as error:
                    if "took more than" in str(error):
                        raise
                else:
                    assert "lollol" not in repr(feed)
                assert processor_seconds(child) - before < 5
            assert (await pool.parse(GOOD)).entries

    asyncio.run(run())


def quadratic(size: int, count: int) -> bytes:
    head = b'<!DOCTYPE r [<!ENTITY a "' + b"a" * size + b'">]><rss version="2.0"><channel><item><title>'
    return head + b"&a;" * count + b"</title></item></channel></rss>"


@pytest.mark.parametrize(
    "body",
    [
        quadratic(50_000, 5_000),
        b"<?xml version='1.0' encoding='utf-7'?>" + GOOD.replace(b"Oil", b"+ADw-script+AD4-"),
        "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE r [<!ENTITY a 'x'>".encode("utf-16"),
        b"<!DOCTYPE rss SYSTEM 'http://127.0.0.1:PORT/x.dtd'>" + GOOD,
        b"<!DOCTYPE rss [<!ENTITY x SYSTEM 'http://127.0.0.1:PORT/x'>]>" + GOOD.replace(b"Oil", b"&x;"),
        b"<!DOCTYPE rss [<!ENTITY % p SYSTEM 'http://127.0.0.1:PORT/p'>%p;]>" + GOOD,
        b"<?xml-stylesheet href='http://127.0.0.1:PORT/s.xsl'?>" + GOOD,
    ],
    ids=["quadratic", "utf-7", "utf-16", "dtd", "entity", "parameter entity", "stylesheet"],
)
def test_tricks_cost_little_and_fetch_nothing(body: bytes) -> None:
    async def run() -> None:
        calls: list[str] = []
        server = await asyncio.start_server(lambda *_: calls.append("called"), "127.0.0.1", 0)
        port = str(server.sockets[0].getsockname()[1]).encode()
        async with server, ParserPool(30, size=1) as pool:
            await pool.parse(GOOD)
            before = resident(pid(pool))
            try:
                feed = await pool.parse(body.replace(b"PORT", port), "http://x.example/")
            except ParseError as error:
                if "took more than" in str(error):
                    raise
            else:
                assert "<script" not in repr(feed)
                assert resident(pid(pool)) - before < 100 * 1024**2
            assert (await pool.parse(GOOD)).entries[0].title == "Oil rises"
        assert calls == []

    asyncio.run(run())


def processor_seconds(number: int) -> float:
    """What a process has used of the processor: a busy machine makes no feed slower. 0 where there is no /proc."""
    stat = Path(f"/proc/{number}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(number: int) -> int:
    statm = Path(f"/proc/{number}/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


def test_children_know_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKWIRE_WEB__TOKEN", "canary-token-canary")

    async def run() -> None:
        async with ParserPool(10) as pool:
            await pool.parse(GOOD)
            environment = Path(f"/proc/{pid(pool)}/environ")
            if environment.exists():
                assert b"canary" not in environment.read_bytes()

    asyncio.run(run())


def test_cancelling_leaves_nothing_behind() -> None:
    async def run() -> None:
        async with ParserPool(10) as pool:
            working = asyncio.ensure_future(pool.parse(SLOW))
            await asyncio.sleep(0.3)
            working.cancel()
            with pytest.raises(asyncio.CancelledError):
                await working
            assert (await pool.parse(GOOD)).entries

    asyncio.run(run())


PARENT = """
import asyncio
from ingest.formats.parse import ParserPool

async def main():
    async with ParserPool(10) as pool:
        await pool.parse(b"<rss><channel></channel></rss>")
        print(pool._free[-1]._process.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_children_end_when_their_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 10
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{number}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"  # one that nobody has collected is no more
    except OSError:
        return False
