"""People of social posts stay unnamed."""

import stat
import time
from pathlib import Path

import pytest

from ingest.documents.authors import author_key, masked_names, pseudonym
from riskwire.errors import StorageError


def test_pseudonyms_need_the_key() -> None:
    assert pseudonym(b"k1", "mastodon", "jo@a.example") == pseudonym(b"k1", "mastodon", "Jo@A.example")
    others = {
        pseudonym(b"k2", "mastodon", "jo@a.example"),
        pseudonym(b"k1", "reddit", "jo@a.example"),
        pseudonym(b"k1", "mastodon", "jo@b.example"),
    }
    assert len(others | {pseudonym(b"k1", "mastodon", "jo@a.example")}) == 4


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("@jo look at $TSLA", "@user look at $TSLA"),
        ("thanks @jo.doe@social.example!", "thanks @user!"),
        ("(@jo) and @Jo_2", "(@user) and @user"),
        ("see https://social.example/@jo/123", "see https://social.example/@user/123"),
        ("https://social.example/users/jo/statuses/1", "https://social.example/users/user/statuses/1"),
        ("write to jo@mail.example now", "write to @user now"),
        ("u/jo_doe said, see /u/jo-doe", "u/user said, see /u/user"),
        ("https://x.com/jo_1/status/12 x.com/jo", "https://x.com/user/status/12 x.com/user"),
        ("x.com/search?q=a https://x.com/i/spaces/1", "x.com/search?q=a https://x.com/i/spaces/1"),
        ("stocktwits.com/bull7 stocktwits.com/symbol/AAPL", "stocktwits.com/user stocktwits.com/symbol/AAPL"),
        ("https://bsky.app/profile/jo.example/post/3k", "https://bsky.app/profile/user/post/3k"),
        ("https://bsky.app/profile/did:plc:abc123/post/3k", "https://bsky.app/profile/user/post/3k"),
        ("at://did:plc:abc123/app.bsky.feed.post/3k", "at://@user/app.bsky.feed.post/3k"),
        ("as jo.bsky.social wrote", "as @user wrote"),
        ("5 @ 3 dollars", "5 @ 3 dollars"),
        ("#stocks $AAPL 50%", "#stocks $AAPL 50%"),
    ],
)
def test_names_in_texts(text: str, masked: str) -> None:
    assert masked_names(text) == masked


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a.a",
        "a-",
        "@a",
        "a@",
        "@a@",
        "a@a.",
        "/u/",
        "@",
        "é",
        "u/",
        "did:plc:",
        "x.com/",
        "a.bsky.social",
        ".bsky",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    started = time.perf_counter()
    masked_names(piece * 50_000, ["a"])
    assert time.perf_counter() - started < 2


def test_names_that_are_told_are_masked_even_if_odd() -> None:
    assert masked_names("hi @jö-x!", ["jö-x"]) == "hi @user!"


def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first = author_key(tmp_path / "data")
    assert first == author_key(tmp_path / "data")
    assert len(first) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "author.key").stat().st_mode) == 0o600
    assert author_key(tmp_path, "given") == b"given"
    (tmp_path / "author.key").write_text("short")
    with pytest.raises(StorageError):
        author_key(tmp_path)
