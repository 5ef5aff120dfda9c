"""One `[[feeds]]` table."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from ingest.base import Context, Ingestor, Kind, SourceConfig
from ingest.dates.read import zone_named
from ingest.net.address import check_url
from riskwire.errors import FetchError
from riskwire.settings import IngestSettings
from riskwire.types import SourceType

_SCHEMES = ("http", "https", "file")


class Feed(SourceConfig, frozen=True, kw_only=True):
    """`zone` (IANA) is meant by dates that name none; `needs_contact`: polled only when `ingest.contact` is set.

    `ignore_robots`: its publisher offers this address to programs, whatever robots.txt says to crawlers.
    """

    table: ClassVar[str] = "feeds"

    url: str
    zone: str | None = None
    source_type: SourceType = "news"
    needs_contact: bool = False
    ignore_robots: bool = False

    @property
    def address(self) -> str:
        """The feed's URL."""
        return self.url

    def check(self) -> None:
        """See SourceConfig."""
        check_address("url", self.url, _SCHEMES)
        try:
            zone_named(self.zone)
        except ValueError as error:
            raise ValueError(f"zone: {error}") from None

    def off(self, settings: IngestSettings) -> str | None:
        """See SourceConfig."""
        if self.needs_contact and not settings.contact.strip():
            host = urlsplit(self.url).hostname or self.url
            return f"{host} demands a contact: set ingest.contact to a name and an e-mail"
        return None


def check_address(field: str, url: str, schemes: tuple[str, ...] = ("http", "https")) -> None:
    """Raise ValueError `field: message` when this URL is never fetched."""
    try:
        check_url(url, schemes=schemes)
    except FetchError as error:
        raise ValueError(f"{field}: {error} (allowed: {', '.join(schemes)})") from None


def _make(config: Feed, context: Context) -> Ingestor:
    from ingest.feeds.rss import RssIngestor

    return RssIngestor(config, context.fetcher, context.parser, context.run_id)


KIND = Kind(Feed, _make)
