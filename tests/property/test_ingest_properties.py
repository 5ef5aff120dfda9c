"""What holds for any input: dates are never wrong, texts are never dangerous, ids never depend on luck."""

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

from hypothesis import example, given
from hypothesis import strategies as st

from ingest.dates.read import AHEAD, OLDEST, read_date
from ingest.documents.text import html_to_text, safe_link
from ingest.feeds.feed import Feed
from ingest.feeds.rss import tell
from ingest.formats.parsed import ParsedEntry, ParsedFeed
from riskwire import wire
from riskwire.identity import canonical_link
from riskwire.net import is_public

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
INSIDE = st.datetimes(
    min_value=datetime(2016, 6, 1), max_value=datetime(2026, 3, 7), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))  # fmt: skip
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MARKUP = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("<>&;/\"'= \n\x00\x1b\u202e\ufeffpbrdiv#x!-")), max_size=200
)


@given(at=INSIDE, offset=OFFSETS)
def test_what_a_standard_writes_is_read_back(at: datetime, offset: timezone) -> None:
    local = at.astimezone(offset)
    for raw in (format_datetime(local), local.isoformat(), local.strftime("%d %b %Y %H:%M:%S %z")):
        found = read_date(raw, NOW)
        assert (found.at, found.quality, found.precision) == (at, "stated", "second")


@given(raw=st.text(max_size=60))
@example("0000-00-00 00:00:00")
@example("9999-12-31T23:59:59-23:59")
def test_no_text_raises_or_leaves_the_window(raw: str) -> None:
    found = read_date(raw, NOW)
    assert (found.at is None) == (found.quality == "missing") == (found.precision is None)
    if found.at is not None:
        assert found.at >= NOW - OLDEST
        assert (found.at > NOW + AHEAD) == (found.quality == "future")


@given(numbers=st.lists(st.integers(0, 99), min_size=5, max_size=6), year=st.integers(0, 9999))
def test_impossible_numbers_never_roll_over(numbers: list[int], year: int) -> None:
    month, day, hour, minute, second = (*numbers, 0)[:5]
    found = read_date(f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", NOW)
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        assert found.at is None or found.quality in ("repaired", "future")  # 24:00 and leap seconds
    else:
        assert found.at in (at, None)


@given(markup=MARKUP)
def test_text_is_plain(markup: str) -> None:
    text = html_to_text(markup)
    assert text == text.strip()
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
    text.encode("utf-8")


@given(link=st.text(max_size=60).map(lambda rest: f"https://{rest}") | MARKUP)
def test_links_are_http_or_nothing(link: str) -> None:
    kept = safe_link(link)
    if kept is not None:
        assert kept.lower().startswith(("http://", "https://"))
        assert kept.isprintable()
        assert canonical_link(kept)


ENTRIES = st.lists(
    st.builds(
        ParsedEntry,
        guid=st.none() | st.sampled_from(["a", "b", " ", "https://e.org/x?time=1789091644"]) | st.text(max_size=10),
        link=st.none() | st.sampled_from(["https://e.org/1", "https://e.org/", "http://e.org/1?utm_source=x"]),
        title=st.text(max_size=10).map(html_to_text),
        summary=st.text(max_size=10).map(html_to_text),
    ),
    max_size=6,
)


@given(entries=ENTRIES)
def test_ids_depend_on_what_is_said_and_on_nothing_else(entries: list[ParsedEntry]) -> None:
    feed = Feed(name="f", url="https://feeds.example.org/rss")
    found = tell(feed, ParsedFeed(entries=tuple(entries)), NOW)
    again = tell(Feed(name="g", url=feed.url, interval=60), ParsedFeed(entries=tuple(entries)), NOW + timedelta(days=1))
    assert [one.document.id for one in found] == [one.document.id for one in again]
    turned = tell(feed, ParsedFeed(entries=tuple(reversed(entries))), NOW)
    assert sorted(one.document.id for one in found) == sorted(one.document.id for one in turned)
    for one in found:
        assert wire.decode(wire.encode(one.document), type(one.document)) == one.document


@given(number=st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_as_public_inside_an_ipv6_one(number: int) -> None:
    dotted = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    assert is_public(f"::ffff:{dotted}") == is_public(dotted)
    assert is_public(f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}") == is_public(dotted)
    assert is_public(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1") == is_public(dotted)
