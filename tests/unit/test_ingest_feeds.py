"""Feeds files: the packaged one is good, wrong ones are named by key and line."""

from pathlib import Path

import pytest

from ingest.feeds.feed import Feed
from ingest.feeds.list import active, load_sources, switched_off
from ingest.social.mastodon.source import Hashtag
from riskwire.errors import FeedsFileError
from riskwire.settings import IngestSettings


def test_the_default_feeds() -> None:
    sources = load_sources()
    polled = active(sources, IngestSettings())
    assert len(polled.feeds) >= 25
    assert all(feed.url.startswith(("https://", "http://")) for feed in sources.feeds)
    assert len({feed.url for feed in sources.feeds}) == len(sources.feeds)
    dead = (
        "feeds.reuters.com",
        "feeds.a.dj.com",
        "feeds.marketwatch.com",
        "nasdaq.com/feed",
        "rsshub.app",
        "bls.gov/feed",
    )
    assert not [feed.url for feed in sources.feeds if any(host in feed.url for host in dead)]


def test_the_sec_wants_a_contact() -> None:
    sources = load_sources()
    off = {one.name: one.reason for one in switched_off(sources, IngestSettings())}
    assert "ingest.contact" in off["SEC: press releases"]
    named = {one.name for one in switched_off(sources, IngestSettings(contact="Jo Doe jo@example.org"))}
    assert set(off) - named == {"SEC: press releases", "SEC EDGAR: current 8-K filings"}


def write(folder: Path, text: str, name: str = "feeds.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
[[feeds]]
name = "A"
url = "https://example.org/a"
zone = "Asia/Hong_Kong"
interval = 60
source_type = "filing"
needs_contact = true
enabled = false

[[feeds]]
name = "B"
url = "file:///tmp/b.xml"

[[mastodon]]
name = "C"
instance = "social.example"
hashtag = "#stocks"
""",
    )
    sources = load_sources(path)
    assert sources.feeds == (
        Feed(name="A", url="https://example.org/a", zone="Asia/Hong_Kong", interval=60, source_type="filing",
             needs_contact=True, enabled=False),
        Feed(name="B", url="file:///tmp/b.xml"),
    )  # fmt: skip
    assert sources.rows[2:] == (Hashtag(name="C", instance="social.example", hashtag="#stocks"),)
    assert sources.rows[2].base == "https://social.example"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[[feeds]]\nname = "x"\nurll = "https://example.org/"\n', 3, "urll"),
        ('[[feeds]]\nname = "x"\nurl = "ftp://example.org/"\n', 3, "ftp:"),
        ('[[feeds]]\nname = "x"\nurl = "http://u:secret@example.org/"\n', 3, "password"),
        ('[[feeds]]\nname = "x"\nurl = "example.org"\n', 3, "url"),
        ('[[feeds]]\nname = "x"\nurl = 3\n', 3, "url"),
        ('[[feeds]]\nname = "x"\n', 1, "url"),
        ('[[feeds]]\nname = "x"\nurl = "http://e.org/"\n[[feeds]]\nname = "x"\nurl = "http://f.org/"\n', 5, "twice"),
        ('[[feeds]]\nname = "x"\nurl = "http://e.org/"\nzone = "Mars/X"\n', 4, "Mars/X"),
        ('[[feeds]]\nname = "x"\nurl = "http://e.org/"\ninterval = 1\n', 4, "interval"),
        ('[[feeds]]\nname = "x"\nurl = "http://e.org/"\nsource_type = "gossip"\n', 4, "gossip"),
        ('[[feeds]]\nname = ""\nurl = "http://e.org/"\n', 2, "name"),
        ('[[feed]]\nname = "x"\nurl = "http://e.org/"\n', 1, "feed"),
        ('[[mastodon]]\nname = "x"\ninstance = "m.org"\nhashtag = "a b"\n', 4, "hashtag"),
        ('[[mastodon]]\nname = "x"\ninstance = "file:///x"\nhashtag = "a"\n', 3, "instance"),
        ("[feeds]\nx = 1\n", 1, "feeds"),
        ("", None, "no source"),
        ("[[feeds]\n", None, "TOML"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, line: int | None, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FeedsFileError) as caught:
        load_sources(path)
    assert says in str(caught.value)
    assert caught.value.about == (f"{path}:{line}" if line else str(path))
    assert "secret" not in str(caught.value)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(FeedsFileError):
            load_sources(path)
    (tmp_path / "b.toml").write_bytes(bytes(range(256)))
    with pytest.raises(FeedsFileError, match="UTF-8"):
        load_sources(tmp_path / "b.toml")


def test_opml_nested_untitled_and_doubled(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """<?xml version="1.0"?><opml version="2.0"><head><title>Mine</title></head><body>
        <outline text="Markets"><outline text="Deep">
          <outline type="rss" text="Same" xmlUrl="https://a.example/feed"/></outline>
          <outline type="rss" title="Same" text="other" xmlUrl="https://b.example/feed"/></outline>
        <outline xmlUrl="https://c.example/feed"/>
        <outline text="again" xmlUrl="https://c.example/feed"/>
        <outline text="no feed"/></body></opml>""",
        "list.opml",
    )
    assert [(feed.name, feed.url) for feed in load_sources(path).feeds] == [
        ("Same", "https://a.example/feed"),
        ("Same (2)", "https://b.example/feed"),
        ("c.example", "https://c.example/feed"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '<!DOCTYPE opml [<!ENTITY a "b">]><opml><body><outline xmlUrl="https://a.example/&a;"/></body></opml>',
            "document type",
        ),
        ('<!DOCTYPE opml SYSTEM "http://a.example/x.dtd"><opml/>', "document type"),
        ("<opml><body>", "XML"),
        ("<rss><channel/></rss>", "no OPML"),
        ("<opml><body/></opml>", "no feed"),
        ('<opml><body>\n<outline xmlUrl="javascript:alert(1)"/></body></opml>', ":2"),
    ],
)
def test_hostile_opml(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FeedsFileError, match=says):
        load_sources(write(tmp_path, text, "list.opml"))
