"""Bluesky by Jetstream: the whole network's posts in one open stream, of which those that are wanted are taken.

People appear only as a keyed HMAC of their DID. A post has no `link`: every address of it holds its author's DID or
handle, and unlike Mastodon's there is none by a number. Its id is made of its at-uri, so deletions find it.
"""

from __future__ import annotations

import asyncio

import msgspec

from ingest.base import Context, Emit, Gone, Kind, Told
from ingest.documents.authors import pseudonym
from ingest.documents.cashtags import Wanted
from ingest.net.http import Fetcher
from ingest.net.streaming import Refused, websocket
from ingest.social.bluesky.compression import Dictionary, Frames, dictionary_of
from ingest.social.bluesky.jetstream import (
    GONE,
    PATH,
    POSTS,
    Payload,
    Position,
    Post,
    read_facets,
    read_frame,
    read_position,
    subscription,
)
from ingest.social.bluesky.place import Place
from ingest.social.bluesky.post import PLATFORM, post_document, tags_of
from ingest.social.bluesky.search import Search
from ingest.social.firehose import Batches, Recent
from riskwire import metrics
from riskwire.clock import Clock, SystemClock
from riskwire.errors import FetchError
from riskwire.identity import document_id
from riskwire.log import get_logger
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings
from riskwire.types import Document

#: Seconds without any event, in a network that has dozens a second, after which a host is given up for the next.
SILENCE = 30.0
#: Seconds between two looks at the time while nothing comes.
_TICK = 0.25
#: Frames between two looks at who else wants the event loop.
_BURST = 256
_log = get_logger("ingest")


class BlueskyStreamer:
    """The posts that one search wants. The cursor is a Position; every new connection after a failure is to the next
    host in turn."""

    def __init__(
        self,
        source: Search,
        settings: IngestSettings,
        author_key: bytes,
        run_id: str = "",
        *,
        user_agent: str = "Riskwire",
        clock: Clock | None = None,
        silence: float = SILENCE,
        fetcher: Fetcher | None = None,
    ) -> None:
        """`fetcher` gets the hosts' dictionaries; without one, streams are read plain."""
        self._source = source
        self._settings = settings
        self._key = author_key
        self._run_id = run_id
        self._user_agent = user_agent
        self._clock = clock or SystemClock()
        self._silence = silence
        self._fetcher = fetcher if source.compress else None
        self._plain: set[str] = set()  # hosts whose compressed frames were of no use
        self._turn = 0
        self._seen: Recent[str] = Recent()  # (at-uri, cid) as told
        self._deleted: Recent[str] = Recent()  # ids, also of what was never told
        self._wanted = Wanted(
            cashtags=source.cashtags,
            hashtags=source.hashtags,
            keywords=source.keywords,
            languages=source.languages,
        )

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._source.name

    @property
    def url(self) -> str:
        """The stream; whichever host serves it."""
        return f"{self._source.bases[0]}{PATH}"

    @property
    def silence(self) -> float | None:
        """See Streamer: a little more than what is waited for here, so that the reason is told."""
        return self._silence * 1.5

    async def run(self, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        """See Streamer. Raises FetchError."""
        host = self._source.bases[self._turn % len(self._source.bases)]
        try:
            await self._connect(host, state, emit, stop)
        except BaseException:
            if not stop.is_set():
                self._turn += 1
            raise

    async def _connect(self, host: str, state: SourceState, emit: Emit, stop: asyncio.Event) -> None:
        position = read_position(state.cursor)
        dictionary: Dictionary | None = None
        if self._fetcher is not None and host not in self._plain:
            dictionary = await dictionary_of(self._fetcher, host, self.name)
        for last in (False, False, True):
            cursor = position.cursor(host)
            try:
                async with websocket(
                    subscription(host, cursor, dictionary.id if dictionary else None),
                    self._settings,
                    user_agent=self._user_agent,
                    silence=self._silence,
                    protocols=("xrpc.v1.json",),
                ) as socket:
                    frames = Frames(socket, dictionary, host)
                    try:
                        await self._read(
                            frames, host, position if cursor is not None else Position(), state, emit, stop
                        )
                    finally:
                        if frames.broken:
                            self._plain.add(host)
                    return
            except Refused as error:
                if dictionary is not None and error.reason == "UnknownZstdDictionary":
                    dictionary = None  # it has another since, for the next connection
                    continue
                if last or position.seq is None or error.reason not in ("CursorTooOld", "FutureCursor"):
                    raise
                # The number is of no use here any more. By its time the host starts at the oldest that it has, and
                # says so: what is missing between is reported then.
                _log.warning("stream_cursor_refused", source=self.name, host=host, reason=error.reason)
                position = msgspec.structs.replace(position, seq=None)

    async def _read(
        self, socket: Frames, host: str, resumed: Position, state: SourceState, emit: Emit, stop: asyncio.Event
    ) -> None:
        batches = Batches(emit, state, self._seen)
        here = Place(self.name, host, resumed)
        frames = 0
        while not stop.is_set():
            try:
                data = await socket.receive(within=_TICK)
                payload = None if data is None else self._payload(data, host)
            except FetchError:
                await batches.flush(here.position().text())  # what came before the end is good
                raise
            if data is not None:
                frames += 1
                if payload is not None:
                    if payload.fragment == "info":
                        here.told(payload.name)
                    else:
                        await self._take(payload, batches)
                        here.move(payload)
            if batches.due(frames > 0):
                await batches.flush(here.position().text())
                frames = 0
            elif frames % _BURST == 0:
                await asyncio.sleep(0)
        await batches.flush(here.position().text())

    def _payload(self, data: bytes, host: str) -> Payload | None:
        """What the frame carries; None where that is of no use. Raises FetchError at the end of the stream."""
        frame = read_frame(data)
        if frame is None:
            metrics.feed_errors.labels(self.name, "MalformedEvent").inc()
            return None
        if frame.kind == "error":
            reason = frame.error if frame.error.isidentifier() else "an error"
            raise FetchError(f"ended the stream: {reason}", about=host)
        if frame.payload is None or not frame.payload.kind:
            metrics.feed_errors.labels(self.name, "UnknownEvent").inc()
            return None
        return frame.payload

    async def _take(self, event: Payload, batches: Batches) -> None:
        match event.fragment:
            case "commit" if event.collection == POSTS:
                await self._commit(event, batches)
            case "account" if event.account is not None and event.did:
                if not event.account.active and event.account.status in GONE:
                    batches.forget(Gone(author=pseudonym(self._key, PLATFORM, event.did)))
            case "commit" | "identity" | "sync":
                pass  # a handle is not kept; what a diverged account holds now comes as posts of its own
            case "account":
                metrics.feed_errors.labels(self.name, "MalformedEvent").inc()
            case _:
                metrics.feed_errors.labels(self.name, "UnknownEvent").inc()

    async def _commit(self, event: Payload, batches: Batches) -> None:
        if not (event.did and event.rkey) or (event.record is None and event.operation != "delete"):
            metrics.feed_errors.labels(self.name, "MalformedEvent").inc()
            return
        post = event.record
        if event.operation == "delete" or post is None:
            identifier = document_id(PLATFORM, guid=event.uri)
            self._deleted.add(identifier)
            batches.forget(Gone(document_id=identifier))
        elif self._takes(post):
            # Once more after a reconnect, or from a host that is behind with the deletion.
            version = f"{event.uri} {event.cid}"
            if batches.has(version) or document_id(PLATFORM, guid=event.uri) in self._deleted:
                return
            document = self._post(event, post)
            if document.title:
                await batches.tell(Told(document), version)
        elif event.operation == "update":
            # Edited into something that is not wanted: the text of before must not stay.
            batches.forget(Gone(document_id=document_id(PLATFORM, guid=event.uri)))

    def _takes(self, post: Post) -> bool:
        # Only where a text could not decide it are the facets read: they may tag what the text does not show.
        if self._wanted.takes(post.text, post.tags or (), post.langs or ()):
            return True
        if not self._source.hashtags or b"#tag" not in bytes(post.facets):
            return False
        return self._wanted.takes("", tags_of(read_facets(post)), post.langs or ())

    def _post(self, event: Payload, post: Post) -> Document:
        return post_document(event, post, self._key, self.name, self._run_id, self._clock.now())


def _make(config: Search, context: Context) -> BlueskyStreamer:
    return BlueskyStreamer(
        config, context.settings, context.author_key, context.run_id, user_agent=context.fetcher.user_agent,
        fetcher=context.fetcher,
    )  # fmt: skip


KIND = Kind(Search, _make)
