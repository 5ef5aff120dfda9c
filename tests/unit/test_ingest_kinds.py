"""Every kind of source has a place in a feeds file, and can be made of it."""

import pytest

from ingest import kinds
from ingest.base import Context, Ingestor, SourceConfig, Streamer
from ingest.feeds.feed import Feed
from ingest.feeds.rss import RssIngestor
from ingest.formats.parse import ParserPool
from ingest.social.mastodon.source import Hashtag
from riskwire.settings import IngestSettings

SETTINGS = IngestSettings(reddit_client_secret="canary")  # type: ignore[arg-type]


def context() -> Context:
    from ingest.net.http import Fetcher

    return Context(Fetcher(SETTINGS), ParserPool(1), b"key", "run", SETTINGS)


@pytest.mark.parametrize("table", kinds.MODULES)
def test_each_module_offers_its_kind(table: str) -> None:
    kind = kinds.kind(table)
    assert issubclass(kind.config, SourceConfig)
    assert kind.config.table == table  # it is built by it
    assert kind.config.__struct_config__.frozen
    assert kind.config.__struct_config__.forbid_unknown_fields
    assert kind.config.__doc__
    assert {"name", "interval", "enabled"} <= set(kind.config.__struct_fields__)


def test_a_source_is_made_of_its_table() -> None:
    feed = kinds.build(Feed(name="a", url="https://a.example/"), context())
    assert isinstance(feed, RssIngestor)
    assert not isinstance(feed, Streamer)
    tag = kinds.build(Hashtag(name="m", instance="m.example", hashtag="x"), context())
    assert (tag.name, isinstance(tag, Streamer)) == ("m", False)
    typed: Ingestor = feed
    assert typed.interval is None


def test_secrets() -> None:
    assert context().secret("reddit_client_secret") == "canary"
    assert context().secret("twitter_bearer_token") is None
    assert context().secret("contact") is None  # no secret, and not handed out as one
