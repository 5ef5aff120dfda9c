"""A hashtag's stream on a Mastodon server: server-sent events, with a token. What a pause took is fetched over REST.

The stream replays nothing. So each connection first opens the stream and then catches up over REST, in this order:
what is posted in between comes twice, and nothing is missed.
"""

from __future__ import annotations

import asyncio
import time
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from ingest.base import Emit, Told
from ingest.net.api import ask
from ingest.net.http import Fetcher
from ingest.net.streaming import Event, events
from ingest.social.firehose import Batches, Recent
from ingest.social.mastodon.post import Status
from ingest.social.mastodon.source import Hashtag
from ingest.social.mastodon.timeline import Place, Timeline, read_place
from riskwire import metrics
from riskwire.clock import Clock, SystemClock
from riskwire.errors import FetchError, IngestError
from riskwire.log import get_logger
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

#: Seconds without an event or a heartbeat (they come every 15 s) after which the connection is given up.
SILENCE = 60.0
#: Seconds until a catch-up that failed or did not fit is tried again, unless the server says when.
_AGAIN = 60.0
#: Seconds between two looks at the time while nothing comes.
_TICK = 0.25
_log = get_logger("ingest")


class _Urls(msgspec.Struct, frozen=True):
    streaming: str | None = None


class _Configuration(msgspec.Struct, frozen=True):
    urls: _Urls = _Urls()


class _Instance(msgspec.Struct, frozen=True):
    configuration: _Configuration = _Configuration()


_instance = msgspec.json.Decoder(_Instance)
_status = msgspec.json.Decoder(Status)


class MastodonStreamer:
    """One hashtag on one instance, streamed. The cursor is a `timeline.Place`, as when it is polled."""

    def __init__(
        self,
        source: Hashtag,
        fetcher: Fetcher,
        settings: IngestSettings,
        author_key: bytes,
        run_id: str,
        token: str,
        *,
        clock: Clock | None = None,
        silence: float = SILENCE,
    ) -> None:
        self._source = source
        self._fetcher = fetcher
        self._settings = settings
        self._token = token
        self._clock = clock or SystemClock()
        self._silence = silence
        self._timeline = Timeline(source.name, source.base, source.tag, fetcher, author_key, run_id, token)
        self._seen: Recent[str] = Recent(5_000)
        self._streaming: str | None = None

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._source.name

    @property
    def url(self) -> str:
        """The timeline's address: the same as when it is polled, so that a token can come and go."""
        return self._timeline.url

    @property
    def silence(self) -> float | None:
        """See Streamer: a little more than what is waited for here, so that the reason is told."""
        return self._silence * 1.5

    async def run(self, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        """See Streamer. Raises FetchError, ParseError."""
        host = await self._host()
        url = f"{host}/api/v1/streaming/hashtag?tag={quote(self._source.tag)}"
        place = read_place(state.cursor)
        fill_at: float | None = 0.0
        alive = False
        async with events(
            url, self._settings, user_agent=self._fetcher.user_agent, silence=self._silence, token=self._token
        ) as stream:
            batches = Batches(emit, state, self._seen)
            while not stop.is_set():
                if fill_at is not None and time.monotonic() >= fill_at:
                    await batches.flush(place.text())
                    place, fill_at = await self._fill(place, batches)
                try:
                    event = await stream.receive(within=_TICK)
                except FetchError:
                    await batches.flush(place.text())  # what came before the end is good
                    raise
                if event is not None:
                    alive = True
                    # Until the gap is closed, what is told here is above it: the place stays where the gap begins.
                    place = await self._take(event, place, batches, closed=fill_at is None)
                if batches.due(alive):
                    await batches.flush(place.text())
                    alive = False
            await batches.flush(place.text())

    async def _host(self) -> str:
        """Where the server streams; it says so itself, and the token is its own."""
        if self._streaming is None:
            url = f"{self._source.base}/api/v2/instance"
            answer = await ask(self._fetcher, url, _instance, self._clock.now())
            self._streaming = streaming_base(answer.value.configuration.urls.streaming, self._source.base)
        return self._streaming

    async def _fill(self, place: Place, batches: Batches) -> tuple[Place, float | None]:
        """Catch up over REST: the place afterwards, and when to try again where something is left."""
        try:
            caught = await self._timeline.catch_up(place, self._clock.now())
        except IngestError as error:
            # The stream is open and goes on; what was missed is not forgotten.
            _log.warning("gap_not_filled", source=self.name, error=str(error))
            wait = error.retry_after if isinstance(error, FetchError) else None
            return place, time.monotonic() + (wait or _AGAIN)
        for one in caught.told:
            await batches.tell(one, _version(one))
        for gone in caught.gone:
            batches.forget(gone)
        await batches.flush(caught.place.text())
        if caught.filled:
            return caught.place, None
        return caught.place, time.monotonic() + (caught.wait or 0.0)

    async def _take(self, event: Event, place: Place, batches: Batches, *, closed: bool) -> Place:
        match event.name:
            case "update" | "status.update":
                return await self._tell(event, place, batches, closed=closed)
            case "delete" if event.data.strip():
                identifier = event.data.strip()[:64]
                batches.forget(self._timeline.gone(identifier, place))
                # Known or not: should a page or another event bring it late, it stays deleted.
                return place.with_gone([identifier])
            case "" | "message":
                pass  # a heartbeat
            case "filters_changed" | "notification" | "conversation" | "announcement":
                pass  # of other streams
            case _:
                metrics.feed_errors.labels(self.name, "UnknownEvent").inc()
        return place

    async def _tell(self, event: Event, place: Place, batches: Batches, *, closed: bool) -> Place:
        try:
            status = _status.decode(event.data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            metrics.feed_errors.labels(self.name, "MalformedEvent").inc()
            return place
        if not status.shown or status.id in place.gone:
            return place
        now = self._clock.now()
        told = await asyncio.to_thread(self._timeline.tell, status, now)
        version = _version(told)
        if told.document.title and not batches.has(version):
            await batches.tell(told, version)
        top = max(place.top, status.number) if closed else place.top
        return msgspec.structs.replace(place.with_told([status]), top=top)


def streaming_base(told: str | None, base: str) -> str:
    """The http(s) URL of the streaming API. Never less safe than the instance's own: the token goes there."""
    parts = urlsplit(told or "")
    scheme = {"wss": "https", "https": "https", "ws": "http", "http": "http"}.get(parts.scheme)
    if not scheme or not parts.hostname or (scheme == "http" and base.startswith("https:")):
        return base
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _version(told: Told) -> str:
    return f"{told.document.id} {told.document.content_hash}"
