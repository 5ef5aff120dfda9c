"""The program as a user runs it: real processes, a real HTTP server for its feeds, a real folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from listening import Listening, QuietHandler

RISKWIRE = Path(sys.executable).parent / "riskwire"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """A clean environment: none of the caller's settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RISKWIRE_")}
    return clean | {"RISKWIRE_DATA": str(folder), "NO_COLOR": "1"} | extra


@dataclass
class Cli:
    """`riskwire` on one data folder."""

    folder: Path
    cwd: Path
    extra: dict[str, str] = field(default_factory=dict)

    def __call__(self, *args: object, stdin: bytes = b"", timeout: float = 120) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [RISKWIRE, *map(str, args)],
            input=stdin,
            capture_output=True,
            cwd=self.cwd,
            env=environment(self.folder, **self.extra),
            timeout=timeout,
            check=False,
        )

    def rows(self, *args: object) -> list[dict[str, Any]]:
        done = self(*args, "--format", "jsonl")
        assert done.returncode == 0, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stories(self) -> list[dict[str, Any]]:
        return self.rows("search", "--limit", 100_000)


class Up:
    """A running `riskwire up`, or another command that serves."""

    def __init__(self, cli: Cli, *args: object, command: str = "up") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = cli.cwd / f"up-{self.port}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [RISKWIRE, command, "--port", str(self.port), *map(str, args)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=cli.cwd,
                env=environment(cli.folder, **cli.extra),
                start_new_session=True,
            )

    def get(self, path: str, timeout: float = 5) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=timeout) as answer:
            return bytes(answer.read())

    def healthy(self, timeout: float = 30) -> Up:
        wait_for(self._healthy, timeout, lambda: f"not healthy: {self.log.read_text()[-2000:]}")
        return self

    def _healthy(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            self.get("/healthz")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def stop(self, timeout: float = 20) -> int:
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self) -> None:
        """SIGKILL, its children too: nothing can tidy up."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


def wait_for(done: Callable[[], bool], timeout: float, why: Callable[[], str] = lambda: "it did not happen") -> None:
    """Until `done`, for `timeout` seconds at most."""
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end, why()
        time.sleep(0.05)


@dataclass
class Entry:
    """One entry of a feed."""

    guid: str
    title: str
    summary: str = ""
    published: Any = None


def rss(entries: list[Entry], base: str) -> bytes:
    """An RSS 2.0 feed."""
    items = "".join(
        f"<item><guid isPermaLink='false'>{escape(e.guid)}</guid><title>{escape(e.title)}</title>"
        f"<link>{base}/story/{escape(e.guid)}</link><description>{escape(e.summary)}</description>"
        + (f"<pubDate>{format_datetime(e.published)}</pubDate>" if e.published else "")
        + "</item>"
        for e in entries
    )
    return f"<?xml version='1.0'?><rss version='2.0'><channel><title>t</title>{items}</channel></rss>".encode()


class FeedServer(Listening):
    """Serves `pages`: path → bytes, or a function that answers the request itself. Counts what was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: dict[str, int] = {}
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                outer.asked[self.path] = outer.asked.get(self.path, 0) + 1
                page = outer.pages.get(self.path)
                if callable(page):
                    page(self)
                    return
                self.send_response(404 if page is None else 200)
                body = page or b"not here"
                self.send_header("Content-Type", "application/rss+xml" if page else "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                outer.posts.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

        super().__init__(Handler)


def feeds_file(path: Path, urls: dict[str, str], **keys: object) -> Path:
    """A feeds.toml with these names and addresses."""
    more = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    path.write_text("".join(f'[[feeds]]\nname = "{name}"\nurl = "{url}"\n{more}' for name, url in urls.items()))
    return path
