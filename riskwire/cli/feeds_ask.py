"""What `riskwire feeds add` and `check` ask of the outside world."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from riskwire.settings import Settings

if TYPE_CHECKING:
    from ingest.base import SourceConfig
    from ingest.feeds.check import Finding
    from ingest.feeds.feed import Feed


def title_of(settings: Settings, feed: Feed) -> str:
    """The title of a feed that can be read. Raises IngestError."""

    async def ask() -> str:
        from ingest.formats.parse import ParserPool
        from ingest.net.http import Fetcher

        async with ParserPool(settings.ingest.parse_timeout, 1) as parser, Fetcher(settings.ingest) as fetcher:
            found = await fetcher.get(feed.url, robots=not feed.ignore_robots)
            return (await parser.parse(found.body, found.url, found.content_type)).title

    return asyncio.run(ask())


def findings_of(settings: Settings, source: SourceConfig) -> list[Finding]:
    """A feed, or another source, explained."""

    async def ask() -> list[Finding]:
        from ingest.base import Context
        from ingest.feeds.check import explain
        from ingest.feeds.check_source import explain_source
        from ingest.feeds.feed import Feed
        from ingest.formats.parse import ParserPool
        from ingest.net.http import Fetcher

        async with ParserPool(settings.ingest.parse_timeout, 1) as parser, Fetcher(settings.ingest) as fetcher:
            if isinstance(source, Feed):
                return await explain(source, fetcher, parser, lambda: datetime.now(UTC))
            # Nothing of it is kept, so its people need no key that lasts.
            context = Context(fetcher, parser, b"check", "check", settings.ingest)
            return await explain_source(source, context, datetime.now(UTC))

    return asyncio.run(ask())
