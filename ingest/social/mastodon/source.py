"""Mastodon: a hashtag's posts, polled without credentials, or by a stream where there is a token for the server.

People appear only as a keyed HMAC. What REST answers is read in `ingest.social.mastodon.timeline`, the stream in
`ingest.social.mastodon.stream`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from urllib.parse import quote, urlsplit

import msgspec

from ingest.base import Context, Ingestor, Kind, Polled, SourceConfig, Streamer
from ingest.feeds.feed import check_address
from ingest.net.http import Fetcher
from ingest.social.mastodon.timeline import Timeline, read_place
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings


class Hashtag(SourceConfig, frozen=True, kw_only=True):
    """One `[[mastodon]]` table: a hashtag (without #) on an instance (a host name, or its http(s) URL).

    With `ingest.mastodon_token` of an account on this very instance it is streamed, unless `stream = false`.
    """

    table: ClassVar[str] = "mastodon"

    instance: str
    hashtag: str
    stream: bool = True

    @property
    def base(self) -> str:
        """The instance's URL without a path."""
        return (self.instance if "://" in self.instance else f"https://{self.instance}").rstrip("/")

    @property
    def tag(self) -> str:
        """The hashtag as the API wants it."""
        return self.hashtag.lstrip("#")

    @property
    def address(self) -> str:
        """The hashtag's page."""
        return f"{self.base}/tags/{quote(self.tag)}"

    def check(self) -> None:
        """See SourceConfig."""
        check_address("instance", self.base)
        if not self.tag.replace("_", "").isalnum():
            raise ValueError("hashtag: must be a word, with or without #")

    def has_token(self, settings: IngestSettings) -> bool:
        """Whether the token of the settings is this instance's: it is sent to no other."""
        host = (urlsplit(self.base).hostname or "").lower()
        return bool(settings.mastodon_token) and settings.mastodon_token_host.strip().lower() == host


class MastodonIngestor:
    """One hashtag on one instance, polled. The cursor is a `timeline.Place`."""

    def __init__(
        self, source: Hashtag, fetcher: Fetcher, author_key: bytes, run_id: str = "", token: str | None = None
    ) -> None:
        self._source = source
        self._timeline = Timeline(source.name, source.base, source.tag, fetcher, author_key, run_id, token)

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._source.name

    @property
    def url(self) -> str:
        """The timeline's address."""
        return self._timeline.url

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the source has its own."""
        return self._source.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """See Ingestor. Raises FetchError, ParseError."""
        caught = await self._timeline.catch_up(read_place(state.cursor), now)
        newest = max((one.document.event_time for one in caught.told), default=state.newest_at)
        return Polled(
            outcome="ok",
            told=caught.told,
            gone=caught.gone,
            entries=caught.entries,
            state=msgspec.structs.replace(state, cursor=caught.place.text(), newest_at=newest),
            wait=caught.wait,
        )


def _make(config: Hashtag, context: Context) -> Ingestor | Streamer:
    token = context.secret("mastodon_token") if config.has_token(context.settings) else None
    if token is not None and config.stream:
        from ingest.social.mastodon.stream import MastodonStreamer

        return MastodonStreamer(config, context.fetcher, context.settings, context.author_key, context.run_id, token)
    return MastodonIngestor(config, context.fetcher, context.author_key, context.run_id, token)


KIND = Kind(Hashtag, _make)
