"""The model as a service: many requests at once, which are scored in one batch, against one request at a time.

One text a request, from a real `riskwire serve-model`, the same texts both ways, in turns: the ratio is what batching
together brings (promise: above 1.5). The client shares the cores.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

TEXTS, CLIENTS, ROUNDS, PROMISE = 480, 32, 3, 1.5
WORDS = (
    "raises its outlook after record profit",
    "cuts jobs as losses widen in the third quarter",
    "names a new finance chief",
    "wins a large order from a rival of Brightwater, its largest customer until last year",
)


async def ask(session: aiohttp.ClientSession, url: str, clients: int) -> tuple[float, list[float]]:
    """(texts a second, seconds of each request), by so many clients at once."""
    texts = iter([f"Company number {number} {WORDS[number % len(WORDS)]}" for number in range(TEXTS)])
    seconds: list[float] = []

    async def client() -> None:
        for text in texts:
            began = time.perf_counter()
            async with session.post(url, json={"texts": [text]}) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()
            seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return TEXTS / (time.perf_counter() - began), seconds


async def up(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until it answers."""
    for _ in range(100):
        try:
            async with session.post(url, json={"texts": ["Acme wins"]}):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.1)


async def measure(url: str) -> list[float]:
    """The ratio of each round."""
    ratios = []
    async with aiohttp.ClientSession() as session:
        await up(session, url)
        await ask(session, url, CLIENTS)  # warm
        for _ in range(ROUNDS):
            alone, alone_seconds = await ask(session, url, 1)
            together, seconds = await ask(session, url, CLIENTS)
            ratios.append(together / alone)
            p99 = statistics.quantiles(seconds, n=100)[98]
            print(
                f"one at a time {alone:6.0f} texts/s (median {statistics.median(alone_seconds) * 1000:.1f} ms)   "
                f"{CLIENTS} at once {together:6.0f} texts/s (p99 {p99 * 1000:.0f} ms)   ratio {ratios[-1]:.2f}"
            )
    return ratios


def main() -> int:
    """Print the figures; 1 when the promise is broken."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [str(Path(sys.executable).with_name("riskwire")), "serve-model", "--port", "0", "--data", folder],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stderr is not None
            url = next(found[0] for line in server.stderr if (found := re.search(r"http://\S+", line)))
            ratios = asyncio.run(measure(url))
        finally:
            server.terminate()
            server.wait(20)
    middle, worst = statistics.median(ratios), min(ratios)
    print(f"scored together: {middle:.2f}× one request at a time (worst {worst:.2f}; promise {PROMISE})")
    return int(middle < PROMISE)


if __name__ == "__main__":
    sys.exit(main())
