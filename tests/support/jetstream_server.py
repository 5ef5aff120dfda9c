"""A Jetstream v2 on this machine that behaves as the documentation says: cursors, look-back, notices, errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import zstandard
from aiohttp import web

PREFIX = "network.bsky.jetstream.subscribeEvents"
START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
POSTS = "app.bsky.feed.post"


def micros(then: datetime) -> int:
    return (then - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


class Jetstream:
    """`events` are payloads without seq and time; they get both when they are added. `floor` is the oldest kept seq."""

    def __init__(self, first: int = 1, start: datetime = START) -> None:
        self.events: list[dict[str, Any]] = []
        self.floor = first
        self.queries: list[dict[str, str]] = []
        self.protocols: list[str] = []
        self.refusal: web.Response | None = None
        self.silent = False
        self.raw: list[str] = []  # frames sent as they are before the events
        self.error: str | None = None  # sent after the events: the stream ends
        self.dictionary: bytes | None = None  # frames of those who ask for it are compressed with it
        self.known: bytes | None = None  # what is handed out instead, when it was rotated
        self.spoil = False  # cut compressed frames
        self.binary = 0  # frames sent compressed
        self.base = ""
        self._next = first
        self._now = start
        self._more = asyncio.Condition()
        self.connections = 0

    def add(self, fragment: str, **fields: Any) -> dict[str, Any]:
        self._now += timedelta(seconds=1)
        event = {
            "$type": f"{PREFIX}#{fragment}",
            "seq": self._next,
            "did": "did:plc:jo",
            "time": self._now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        } | fields
        self._next += 1
        self.events.append(event)
        return event

    def pause(self, **delta: float) -> None:
        self._now += timedelta(**delta)

    def post(self, text: str, rkey: str = "a", *, operation: str = "create", **fields: Any) -> dict[str, Any]:
        record = {"$type": POSTS, "text": text, "langs": ["en"], "createdAt": "2026-09-01T12:00:00Z"}
        record |= fields.pop("record", {})
        more = {"operation": operation, "collection": POSTS, "rkey": rkey, "record": record, "cid": f"cid-{text}"}
        return self.add("commit", **(more | fields))

    def delete(self, rkey: str, **fields: Any) -> dict[str, Any]:
        return self.add("commit", operation="delete", collection=POSTS, rkey=rkey, **fields)

    def account(self, did: str, active: bool, status: str | None = None) -> dict[str, Any]:
        told = {"seq": 9, "did": did, "time": "2026-09-01T12:00:00Z", "active": active, "status": status}
        return self.add("account", did=did, account=told)

    async def tell(self) -> None:
        """Wake the connections: there is more."""
        async with self._more:
            self._more.notify_all()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/xrpc/network.bsky.jetstream.getZstdDictionary":
            body = self.known or self.dictionary
            return web.Response(body=body) if body else web.Response(status=404)
        assert request.path == f"/xrpc/{PREFIX}"
        self.queries.append(dict(request.query))
        self.protocols.append(request.headers.get("Sec-WebSocket-Protocol", ""))
        # `kinds` would lose the accounts' events
        assert set(request.query) <= {"collections", "cursor", "zstdDictionary"}
        compressor: zstandard.ZstdCompressor | None = None
        if wanted_dictionary := request.query.get("zstdDictionary"):
            found = zstandard.ZstdCompressionDict(self.dictionary or b"")
            if int(wanted_dictionary) != found.dict_id():
                return web.json_response({"error": "UnknownZstdDictionary", "message": "x"}, status=400)
            compressor = zstandard.ZstdCompressor(dict_data=found)
        if self.refusal is not None:
            return self.refusal
        position, notice = self._next, None
        if cursor := request.query.get("cursor"):
            wanted = int(cursor)
            if wanted >= 10**15:
                newer = [one["seq"] for one in self.events if micros(datetime.fromisoformat(one["time"])) >= wanted]
                position = newer[0] if newer else self._next
                older = [one["seq"] for one in self.events if one["seq"] < position]
                if position < self.floor or (older == [] and self.floor > 1):
                    position, notice = max(position, self.floor), "OutdatedCursor"
            elif wanted < self.floor:
                body = {"error": "CursorTooOld", "message": f"the floor is {self.floor}"}
                return web.json_response(body, status=400)
            elif wanted > self._next:
                notice = "FutureCursor"
            else:
                position = wanted
        socket = web.WebSocketResponse(protocols=("xrpc.v1.json",))
        await socket.prepare(request)
        self.connections += 1
        frames = [*self.raw, *([self._info(notice)] if notice else [])]
        for frame in frames:
            await socket.send_str(frame)
        reader = asyncio.create_task(self._read(socket))
        try:
            while not socket.closed:
                if not self.silent:
                    for event in [one for one in self.events if one["seq"] >= position]:
                        text = json.dumps({"$type": "message", "payload": event}, ensure_ascii=False)
                        if compressor is None:
                            await socket.send_str(text)
                        else:
                            frame = compressor.compress(text.encode())
                            self.binary += len(frame)
                            await socket.send_bytes(frame[:-4] if self.spoil else frame)
                        position = event["seq"] + 1
                    if self.error is not None:
                        await socket.send_str(json.dumps({"$type": "error", "error": self.error, "message": "x"}))
                        await socket.close()
                        break
                async with self._more:
                    try:
                        async with asyncio.timeout(0.05):
                            await self._more.wait()
                    except TimeoutError:
                        continue
        except ConnectionError:
            pass
        finally:
            reader.cancel()
        return socket

    async def _read(self, socket: web.WebSocketResponse) -> None:
        async for _ in socket:
            await socket.close()  # server-push only: any data frame closes the connection

    @staticmethod
    def _info(name: str) -> str:
        return json.dumps({"$type": "message", "payload": {"$type": f"{PREFIX}#info", "name": name, "message": "x"}})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/{path:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.base = f"ws://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self.base
        finally:
            await runner.cleanup()


def a_dictionary(seed: int = 1) -> bytes:
    """A real one, trained over events such as the server sends."""
    server = Jetstream()
    for number in range(2_000):
        server.post(f"$ACME rises {number * seed} points today, says desk {number % 7}", f"r{number}")
    samples = [json.dumps({"$type": "message", "payload": event}).encode() for event in server.events]
    return zstandard.train_dictionary(16 * 1024, samples).as_bytes()
