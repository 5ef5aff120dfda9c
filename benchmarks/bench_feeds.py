"""2,000 feeds: a round of `riskwire ingest`, its memory, and the package `reader` on the same feeds.

Promises: a full mixed round (fresh, 304, slow, broken, moved, gone) in at most 60 s, one in which nothing has changed
in at most 10 s, under 500 MB resident with the parser children, and at least twice as many feeds a second as reader's
`update_feeds` with as many workers. Each round is a whole run of a program, start and end included, of both: reader has
its feeds registered before, Riskwire reads its list. COUNT makes it smaller; without reader (extra `bench`;
$PYTHON_BENCH names its interpreter) its columns are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import feed_server

COUNT = int(os.environ.get("COUNT", "2000"))
WORKERS = 32
RISKWIRE = Path(sys.executable).parent / "riskwire"
#: The interpreter that has reader, if any.
READER = os.environ.get("PYTHON_BENCH") or (sys.executable if find_spec("reader") else None)
ROUNDS = {1: "first (all new)", 2: "mixed", 3: "nothing changed"}
LIMITS = {2: 60.0, 3: 10.0}
MEMORY = 500.0


@contextmanager
def serving() -> Iterator[int]:
    """The port of a server process."""
    command = [sys.executable, str(Path(feed_server.__file__)), str(COUNT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def clean() -> dict[str, str]:
    """The environment without settings; both programs keep their bytecode, as they do where they are installed."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("RISKWIRE_", "PYTHON"))}


def set_round(port: int, number: int) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/round/{number}", timeout=30).read()


def resident(pid: int) -> float:
    """Megabytes of a process and all its children."""
    pages, todo = 0, [pid]
    while todo:
        one = todo.pop()
        try:
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
            for task in Path(f"/proc/{one}/task").iterdir():
                todo += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def our_round(folder: Path, feeds: Path) -> tuple[float, float, Counter[str], int]:
    """Seconds, megabytes at most, outcomes, new stories."""
    arguments = ["ingest", "--once", "--feeds", feeds, "--allow-private-addresses", "--format", "jsonl"]
    environment = clean() | {"RISKWIRE_DATA": str(folder), "RISKWIRE_LOG__LEVEL": "error"}
    environment |= {"RISKWIRE_INGEST__CONCURRENCY": str(WORKERS)}
    most, started = 0.0, time.perf_counter()
    with (folder.parent / "rows.jsonl").open("w+") as out:
        process = subprocess.Popen([RISKWIRE, *map(str, arguments)], stdout=out, env=environment)
        done = threading.Event()

        def watch() -> None:
            nonlocal most
            while not done.wait(0.1):
                most = max(most, resident(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        seconds = time.perf_counter() - started
        done.set()
        watcher.join()
        assert code == 0, f"riskwire ended with {code}"
        out.seek(0)
        rows = [json.loads(line) for line in out]
    return seconds, most, Counter(row["outcome"] for row in rows), sum(row["new"] for row in rows)


REGISTER = """
import sys, json
from reader import make_reader
with make_reader(sys.argv[1]) as reader:
    for url in json.load(open(sys.argv[2])):
        reader.add_feed(url)
"""
UPDATE = """
import sys, logging
from reader import make_reader
logging.disable(logging.CRITICAL)
with make_reader(sys.argv[1]) as reader:
    new = failed = 0
    for result in reader.update_feeds_iter(workers=int(sys.argv[2]), scheduled=False):
        if isinstance(result.value, Exception):
            failed += 1
        elif result.value is not None:
            new += result.value.new
    print(new, failed)
"""


def reader_program(code: str, *arguments: object) -> tuple[float, str]:
    """Seconds of a whole run of it, and what it printed."""
    command = [READER or "", "-c", code, *map(str, arguments)]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=clean())
    return time.perf_counter() - started, done.stdout


def main() -> int:
    """Print a line a round; 1 when a promise is broken."""
    broken = False
    with tempfile.TemporaryDirectory() as folder, serving() as port:
        here = Path(folder)
        urls = [f"http://{feed_server.host(number)}:{port}/{number}" for number in range(COUNT)]
        feeds, listed = here / "feeds.toml", here / "urls.json"
        feeds.write_text("".join(f'[[feeds]]\nname = "f{n}"\nurl = "{url}"\n' for n, url in enumerate(urls)))
        listed.write_text(json.dumps(urls))
        print(f"{COUNT} feeds, {os.cpu_count()} cores, {WORKERS} at once; load {os.getloadavg()[0]:.1f}")
        subprocess.run([RISKWIRE, "--version"], stdout=subprocess.PIPE, check=True, env=clean())
        if READER:
            reader_program(REGISTER, here / "reader.db", listed)
        for number, name in ROUNDS.items():
            set_round(port, number)
            seconds, memory, outcomes, new = our_round(here / "data", feeds)
            rate = COUNT / seconds
            print(f"{name}: {seconds:.1f} s, {rate:.0f} feeds/s, {memory:.0f} MB; {new} new, {dict(outcomes)}")
            if READER:
                theirs, said = reader_program(UPDATE, here / "reader.db", WORKERS)
                their_new, failed = said.split()
                print(f"  reader: {theirs:.1f} s, {COUNT / theirs:.0f} feeds/s; {their_new} new, {failed} failed; "
                      f"riskwire is {theirs / seconds:.2f} times as fast (promise: 2)")  # fmt: skip
                broken |= theirs < 2 * seconds
            limit = LIMITS.get(number)
            if limit is not None:
                print(f"  promise: {limit:g} s -> {seconds / limit:.2f} of it")
            print(f"  promise: {MEMORY:g} MB -> {memory / MEMORY:.2f} of it")
            broken |= memory > MEMORY or (limit is not None and seconds > limit)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
