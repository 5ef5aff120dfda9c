"""The page in a real browser. Where Chromium is missing these tests are skipped with a line that says what to install;
with CI=true that is a failure."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dashboards.web.app import Health, create_app
from dashboards.web.server import Server, build_server
from riskwire.settings import WebSettings
from riskwire.testing import MemoryIndex, MemoryLog
from riskwire.types import ScoredDocument

sys.path.insert(0, str(Path(__file__).parent))

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    missing = not CHROMIUM.exists() and os.environ.get("CI") != "true"
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason="needs Chromium: apt-get install chromium"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for the tests of a file. Not longer: while playwright runs, so does its event loop, and the tests of
    other folders could not start theirs."""
    if not CHROMIUM.exists():
        pytest.fail("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """A page in a context of its own. What goes wrong in it (errors, violations of its policy) is in `page.wrong`."""
    contexts = []

    def begin(url: str, *, ready: bool = True, **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "timezone_id": "UTC"} | options)
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.until = partial(_until, page)
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda message: page.wrong.append(message.text) if message.type == "error" else None)
        page.add_init_script(
            "window.violations = []; addEventListener('securitypolicyviolation',"
            " (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`))"
        )
        page.goto(url)
        if ready:
            page.wait_for_selector("html[data-ready=yes]", timeout=30_000)
        return page

    yield begin
    for context in contexts:
        context.close()


def _until(page: Any, condition: str, seconds: float = 20) -> None:
    """Wait for a condition in JavaScript. (playwright's own wait is an eval in the page, which its policy forbids.)"""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"still not so: {condition}"
        page.wait_for_timeout(50)


class Site:
    """The page over a MemoryIndex."""

    def __init__(self, port: int = 0, **options: Any) -> None:
        self.index, self.log = options.pop("index", None) or MemoryIndex(), options.pop("log", None) or MemoryLog()
        settings = WebSettings(**{"port": 0} | options.pop("settings", {}))
        app = create_app(
            index=self.index,
            scored=self.index,
            alerts=self.index,
            sources=self.log,
            settings=settings,
            health=lambda: Health(True),
            **options,
        )
        self.server: Server = build_server(app, settings)
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def add(self, *stories: ScoredDocument) -> None:
        """As the processor does: published, then indexed."""
        self.index.publish(stories)
        self.index.put(stories)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Site]]:
    """Start a site; `port`, `index` and `log` of one that was stopped may be given again."""
    sites: list[Site] = []

    def begin(**options: Any) -> Site:
        sites.append(Site(**options))
        return sites[-1]

    yield begin
    for site in sites:
        site.stop()


@pytest.fixture
def site(start: Callable[..., Site]) -> Site:
    """With the demo's stories, alerts and feeds."""
    from dashboards_demo import alert_examples, fill, sources

    one = start(demo=True)
    one.index.put_alerts(alert_examples(fill(one.index)))
    sources(one.log)
    return one
