"""From seen to indexed, and the memory of `riskwire up`, at 20 stories a second.

Promises: p99 under 1 s; resident memory under 700 MB. Stories come by the signed webhook into a real `riskwire up` in a
folder of its own; the latency is the program's own histogram (upper bounds of its buckets), checked from outside by
asking the API for every tenth story until it is there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from ingest.inbox.webhook import sign

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from program import Cli, Up, feeds_file  # noqa: E402 - the acceptance tests' own harness

RATE, SECONDS = 20, int(os.environ.get("SECONDS", "30"))
SECRET = "a-secret-of-the-benchmark"
WORDS = (
    "raises its outlook after record profit",
    "cuts jobs as losses widen",
    "names a new finance chief",
    "wins a large order",
)


def post(url: str, number: int) -> str:
    """One signed story; its id."""
    title = f"Company number {number} {WORDS[number % len(WORDS)]}"
    summary = "The company said on Monday that the quarter had brought what analysts expected, and a little more." * (
        number % 3
    )
    body = json.dumps({"guid": f"bench-{number}", "source": "bench", "title": title, "summary": summary}).encode()
    stamp = str(int(datetime.now(UTC).timestamp()))
    request = urllib.request.Request(
        f"{url}/api/v1/stories",
        data=body,
        headers={
            "Content-Type": "application/json",
            "Riskwire-Timestamp": stamp,
            "Riskwire-Signature": sign(SECRET, stamp, body),
        },
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(json.load(answer)["ids"][0])


def quantile(metrics: str, q: float) -> float:
    """The upper bound of the bucket in which the q-quantile lies, in seconds."""
    found = re.findall(r'riskwire_seen_to_indexed_seconds_bucket\{le="([^"]+)"\} ([\d.e+]+)', metrics)
    total = float(found[-1][1])
    return next(float(bound) for bound, count in found if float(count) >= q * total)


def memory(pid: int) -> tuple[float, float]:
    """(largest process, all of its session) in MB."""
    listed = subprocess.run(["ps", "-o", "rss=", "-g", str(pid)], capture_output=True, text=True, check=True).stdout
    sizes = [int(size) / 1024 for size in listed.split()]
    return max(sizes), sum(sizes)


def main() -> int:
    """Print the figures; 1 when a promise is broken."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        cli = Cli(here / "data", here, {"RISKWIRE_INGEST__WEBHOOK_SECRET": SECRET})
        up = Up(cli, "--feeds", feeds_file(here / "feeds.toml", {"none": "https://feeds.example/none"})).healthy()
        try:
            outside: list[float] = []
            start = time.monotonic()
            for number in range(RATE * SECONDS):
                time.sleep(max(0.0, start + number / RATE - time.monotonic()))
                story = post(up.url, number)
                if number % 10 == 0:
                    sent = time.monotonic()
                    while not there(up.url, story):
                        time.sleep(0.005)
                    outside.append(time.monotonic() - sent)
            time.sleep(1)
            metrics = up.get("/metrics").decode()
            largest, together = memory(up.process.pid)
        finally:
            up.stop()
    p50, p99 = quantile(metrics, 0.5), quantile(metrics, 0.99)
    outside.sort()
    print(f"stories: {RATE * SECONDS} at {RATE}/s")
    print(f"seen → indexed: p50 ≤ {p50} s, p99 ≤ {p99} s (promise: < 1 s)")
    print(
        f"posted → found by the API: p50 {outside[len(outside) // 2]:.3f} s, max {outside[-1]:.3f} s of {len(outside)}"
    )
    print(f"memory: largest process {largest:.0f} MB, with its children {together:.0f} MB (promise: < 700 MB)")
    return int(p99 > 1 or largest > 700)


def there(url: str, story: str) -> bool:
    """Whether the API finds it."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/stories/{story}", timeout=5):
            return True
    except urllib.error.HTTPError:
        return False


if __name__ == "__main__":
    sys.exit(main())
