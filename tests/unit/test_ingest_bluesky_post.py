"""Facets, times and places of Bluesky's posts."""

from datetime import UTC, datetime

import msgspec
import pytest

from ingest.feeds.list import load_sources
from ingest.social.bluesky.jetstream import (
    OVERLAP,
    Facet,
    Feature,
    Index,
    Position,
    read_frame,
    read_position,
    subscription,
)
from ingest.social.bluesky.post import without_mentions
from ingest.social.bluesky.search import Search
from riskwire.errors import FeedsFileError

AT = datetime(2026, 9, 1, 12, 0, 0, 123456, tzinfo=UTC)


def mention(start: int, end: int, kind: str = "app.bsky.richtext.facet#mention") -> Facet:
    return Facet(Index(start, end), [Feature(kind)])


@pytest.mark.parametrize(
    ("text", "facets", "masked"),
    [
        ("hi @jo", [mention(3, 6)], "hi @user"),
        ("é🚀 @jo!", [mention(7, 10)], "é🚀 @user!"),
        ("@a and @b", [mention(0, 2), mention(7, 9)], "@user and @user"),
        ("@a and @b", [mention(7, 9), mention(0, 2), mention(0, 2)], "@user and @user"),
        ("hi @jo", [mention(3, 6, "app.bsky.richtext.facet#link")], "hi @jo"),
        ("é", [mention(0, 1), mention(1, 2), mention(-1, 1), mention(0, 99), mention(2, 0)], "é"),
        ("ab", [mention(0, 2), mention(1, 2)], "a@user"),
        ("ab", [], "ab"),
    ],
)
def test_mentions_go_by_bytes(text: str, facets: list[Facet], masked: str) -> None:
    assert without_mentions(text, facets) == masked


def test_a_position_travels() -> None:
    position = Position("wss://a", 5, AT, 2)
    assert read_position(position.text()) == position
    assert read_position(None) == read_position("5") == read_position("{") == Position()


def test_where_a_host_is_asked_from() -> None:
    position = Position("wss://a", 5, AT)
    assert position.cursor("wss://a") == 5
    assert position.cursor("wss://b") == round((AT - OVERLAP).timestamp() * 1e6)
    assert Position("wss://a", None, AT).cursor("wss://a") == round((AT - OVERLAP).timestamp() * 1e6)
    assert Position().cursor("wss://a") is None
    assert subscription("wss://a", None).endswith("subscribeEvents?collections=app.bsky.feed.post")


def test_frames_that_are_none() -> None:
    for data in (b"", b"null", b"[]", b"5", b"\xff", b'{"payload": 5}', b'{"payload": {"seq": "x"}}'):
        assert read_frame(data) is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "name cashtags, hashtags or keywords"),
        ('cashtags = [""]', "cashtags: each must be"),
        ('keywords = ["a"]\nhosts = []', "hosts: name at least one"),
        ('keywords = ["a"]\nhosts = ["https://a.example"]', "hosts"),
        ('keywords = "a"', "keywords"),
        ('keyword = ["a"]', "'keyword' is no key"),
    ],
)
def test_a_table_that_is_wrong_is_named(tmp_path, table: str, said: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "feeds.toml"
    path.write_text(f'[[bluesky]]\nname = "b"\n{table}\n')
    with pytest.raises(FeedsFileError, match=said):
        load_sources(path)


def test_a_table(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "feeds.toml"
    path.write_text('[[bluesky]]\nname = "b"\ncashtags = ["*"]\nlanguages = ["en"]\n')
    (source,) = load_sources(path).rows
    assert isinstance(source, Search)
    assert source.bases[0] == "wss://jetstream.us-east.bsky.network"
    assert msgspec.structs.replace(source, hosts=("ws://127.0.0.1:1/",)).bases == ("ws://127.0.0.1:1",)
