"""`/api/v1/events`: newly scored stories and changes of alerts, as server-sent events.

    hello   {"offset": n}      first; its id is where the reader is now
    story   a row              id = its offset on the scored stream
    alert   an alert           a new state
    reset   {"missed": n}      this many were left out: ask for the list again
    hb      {}                 a heartbeat, so that a dead connection can be told from a quiet day

A reader that comes back names the last id it had: the header `Last-Event-ID` (sent by the browser itself while the
same EventSource reconnects), else `?after=` (after a reload).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dashboards.web.hub import Event, Hub
from dashboards.web.params import MAX_OFFSET, number, only
from dashboards.web.responses import error_response

HEARTBEAT_SECONDS = 15.0
#: The most streams at once: each holds a connection and a buffer.
MAX_STREAMS = 64
_encoder = msgspec.json.Encoder()


def frame(event: Event) -> bytes:
    """The event as it goes over the wire. JSON has no raw line breaks, so one `data:` line is enough."""
    lines = [] if event.offset is None else [b"id: %d" % event.offset]
    lines += [b"event: " + event.kind.encode(), b"data: " + _encoder.encode(event.data), b"", b""]
    return b"\n".join(lines)


async def events(request: Request) -> Response:
    """The stream."""
    only(request.query_params, ("after",))
    after = number(request.query_params, "after", -1, 0, MAX_OFFSET)
    resumed = request.headers.get("last-event-id", "")
    if resumed.isascii() and resumed.isdecimal() and int(resumed[:19]) <= MAX_OFFSET:
        after = int(resumed[:19])  # newer than the address, which stays what it was when the page opened it
    hub: Hub = request.app.state.hub
    if hub.closed or request.app.state.streams >= MAX_STREAMS:
        return error_response(503, "no more event streams can be opened now", headers={"Retry-After": "5"})
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")  # a stream without a body would never end
    heartbeat = request.app.state.heartbeat
    return StreamingResponse(
        _stream(request, hub, after, heartbeat),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(request: Request, hub: Hub, after: int, heartbeat: float) -> AsyncIterator[bytes]:
    # Bytes at once: some middleware and proxies hold the header back until something follows it.
    yield b"retry: 2000\n\n"
    request.app.state.streams += 1
    reader = None
    try:
        reader = await hub.join()
        joined = reader.position
        if after >= 0:
            for event in await hub.missed(after, joined):
                yield frame(event)
        yield frame(Event("hello", {"offset": joined}, joined))
        while not hub.closed:
            waiting = await reader.take(heartbeat)
            for event in waiting or [Event("hb", {})]:
                yield frame(event)
    finally:
        request.app.state.streams -= 1
        if reader is not None:
            hub.leave(reader)
