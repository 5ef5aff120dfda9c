"""A local server that replays answers, and the context that a source is made with."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ingest.base import Context, Ingestor, Polled
from ingest.formats.parse import ParserPool
from ingest.net.http import Fetcher
from riskwire.errors import IngestError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

CAPTURED = Path(__file__).resolve().parents[3] / "shared" / "data"
KEY = b"key of the test"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def needs(folder: str) -> pytest.MarkDecorator:
    """Skips a test where the captured answers are not there; in CI they must be."""
    missing = not (CAPTURED / folder).is_dir() and os.environ.get("CI") != "true"
    return pytest.mark.skipif(missing, reason=f"needs the captured answers in {CAPTURED / folder}")


def serve(handler: Handler, scenario: Callable[[str, Context], Awaitable[Any]], **settings: Any) -> Any:
    """Run the scenario with the server's address and a context whose fetcher may ask it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    async def run() -> Any:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ingest = IngestSettings(allow_private_addresses=True, timeout=15, **settings)
        try:
            async with Fetcher(ingest) as fetcher, ParserPool(30) as parser:
                context = Context(fetcher, parser, KEY, "run", ingest)
                return await scenario(f"http://127.0.0.1:{runner.addresses[0][1]}", context)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


async def polls(source: Ingestor, times: list[datetime], state: SourceState | None = None) -> list[Any]:
    """One poll a time, each from where the last good one stood. Errors are answered, not raised."""
    state = state or SourceState(name=source.name, url=source.url)
    found: list[Any] = []
    for now in times:
        try:
            polled: Polled = await source.poll(state, now)
            state = polled.state
            found.append(polled)
        except IngestError as error:
            found.append(error)
    return found


def titles(polled: Polled) -> list[str]:
    """The titles told, in order."""
    return [one.document.title for one in polled.told]


def gone(polled: Polled) -> set[str]:
    """The ids said to be gone."""
    return {one.document_id for one in polled.gone if one.document_id}
