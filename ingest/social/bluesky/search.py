"""One `[[bluesky]]` table: which posts of the whole network are wanted, and who is asked for them."""

from __future__ import annotations

from typing import ClassVar

from ingest.base import SourceConfig
from ingest.feeds.feed import check_address

HOSTS = ("jetstream.us-east.bsky.network", "jetstream.us-west.bsky.network")


class Search(SourceConfig, frozen=True, kw_only=True):
    """One `[[bluesky]]` table: posts with one of these `cashtags` (`"*"`: any), `hashtags` or `keywords`.

    `languages`: only posts in these, or in none they name. `hosts` are tried in turn. `compress = false`: read plain.
    """

    table: ClassVar[str] = "bluesky"

    cashtags: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    hosts: tuple[str, ...] = HOSTS
    compress: bool = True

    @property
    def bases(self) -> tuple[str, ...]:
        """The hosts as URLs."""
        return tuple((host if "://" in host else f"wss://{host}").rstrip("/") for host in self.hosts)

    @property
    def address(self) -> str:
        """The first host."""
        return self.bases[0] if self.hosts else ""

    def check(self) -> None:
        """See SourceConfig."""
        if not (self.cashtags or self.hashtags or self.keywords):
            raise ValueError("cashtags: name cashtags, hashtags or keywords: the whole network is too much")
        for field in ("cashtags", "hashtags", "keywords", "languages"):
            if not all(one.strip() and len(one) <= 100 and one.isprintable() for one in getattr(self, field)):
                raise ValueError(f"{field}: each must be 1 to 100 printable characters")
        if not self.hosts:
            raise ValueError("hosts: name at least one")
        for base in self.bases:
            check_address("hosts", base, ("ws", "wss"))
