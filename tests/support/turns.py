"""A source in its world, turn by turn, and the log behind it.

Each turn is a start of its own: the source is made anew, and its state was kept as bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec
from aiohttp import web
from world import NOW, World
from worlds import WORLDS, WebhookWorld

from ingest.base import Context, Polled, Streamer
from ingest.formats.parse import ParserPool
from ingest.intake import Intake
from ingest.net.http import Fetcher
from ingest.polling.outcome import succeeded
from riskwire import wire
from riskwire.clock import ManualClock
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings
from riskwire.testing import MemoryLog
from riskwire.types import Document

SETTINGS = IngestSettings(allow_private_addresses=True, timeout=5, contact="Ann ann@a.example")


class Turns:
    """A source in its world, and the log behind it."""

    def __init__(self, world: World, base: str, context: Context) -> None:
        self.world = world
        self.log = MemoryLog()
        self.clock = ManualClock(NOW)
        self._base, self._context = base, context
        self._intake = Intake(self.log, self.log, self.clock)
        self.state = b""
        self.headers: dict[str, str] = {}
        self.status = 200

    async def turn(self, *, hours: float = 1, crash: bool = False) -> Polled | None:
        """One poll and what follows. `crash`: after the log has the stories, before the state is saved."""
        self.world.turn()
        polled = None
        if isinstance(self.world, WebhookWorld):
            await self.world.push(self._intake, self.clock)
            assert self.world.polled[-1] == 202
        else:
            polled = await self._poll(crash=crash)
        if not crash or self.world.asks is False:
            self.clock.advance(timedelta(hours=hours))
            self.world.now = self.clock.now()
        return polled

    async def _poll(self, *, crash: bool) -> Polled | None:
        source = self.world.make(self._base, self._context)
        kept = msgspec.json.decode(self.state, type=SourceState) if self.state else None
        state = kept or SourceState(name=source.name, url=source.url, cursor=self.world.begin(self._base))
        if isinstance(source, Streamer):
            await self._listen(source, state, crash=crash)
            return None
        polled = await source.poll(state, self.clock.now())
        await self._take(state, polled, crash=crash)
        return polled

    async def _listen(self, source: Streamer, state: SourceState, *, crash: bool) -> None:
        """One connection, until all there is was told."""
        stop = asyncio.Event()

        async def emit(polled: Polled) -> None:
            await self._take(state, polled, crash=crash)
            if self.world.reached(polled.state.cursor):
                stop.set()

        running = asyncio.create_task(source.run(state, emit, stop))
        await asyncio.wait({running}, timeout=2.0)
        stop.set()
        await running

    async def _take(self, state: SourceState, polled: Polled, *, crash: bool) -> None:
        decision = await self._intake.take(polled.told, polled.said, polled.gone, source=state.name)
        after = succeeded(
            state, polled, decision, settings=SETTINGS, interval=None, now=self.clock.now(), dice=0.5
        )  # fmt: skip
        if not crash:
            self.state = msgspec.json.encode(after)

    @property
    def documents(self) -> list[Document]:
        return [wire.decode(entry.value, Document) for entry in self.log.read(100_000)]

    @property
    def newest(self) -> dict[str, Document]:
        """The newest revision of each story."""
        return {one.id: one for one in self.documents}

    def about(self, word: str) -> list[Document]:
        return [one for one in self.documents if word in f"{one.title} {one.summary} {one.content}"]


def live(kind: str, folder: Path, scenario: Callable[[Turns], Awaitable[None]]) -> None:
    world = WORLDS[kind](folder)

    async def run() -> None:
        turns: Turns

        async def answer(request: web.Request) -> web.StreamResponse:
            world.asked.append(request)
            if turns.status != 200:
                return web.Response(status=turns.status, headers=turns.headers)
            found = await world.handle(request)
            found.headers.update(turns.headers)
            return found

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with Fetcher(SETTINGS) as fetcher, ParserPool(20, 1) as parser:
                context = Context(fetcher, parser, b"key", "run", SETTINGS)
                turns = Turns(world, f"http://127.0.0.1:{runner.addresses[0][1]}", context)
                await scenario(turns)
        finally:
            await runner.cleanup()

    asyncio.run(run())
