from datetime import UTC, datetime

import pytest

from riskwire.errors import InputError
from stream.backfill.mapping import columns_of
from stream.backfill.rows import history_date, row_to_document

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def document(**values):
    return row_to_document(values, columns_of("f", list(values), {}), source="file", run_id="run", now=NOW, about="f:2")


@pytest.mark.parametrize(
    ("raw", "at", "quality", "precision"),
    [
        ("2020-07-19", datetime(2020, 7, 19, tzinfo=UTC), "stated", "day"),
        ("2009-02-14T00:02:03Z", datetime(2009, 2, 14, 0, 2, 3, tzinfo=UTC), "stated", "second"),
        ("2020-06-05 10:30:54-04:00", datetime(2020, 6, 5, 14, 30, 54, tzinfo=UTC), "stated", "second"),
        ("Tue, 03 Jan 1995 10:00:00 GMT", datetime(1995, 1, 3, 10, tzinfo=UTC), "stated", "second"),
        ("2006/10/20", datetime(2006, 10, 20, tzinfo=UTC), "repaired", "day"),
        ("20061020", datetime(2006, 10, 20, tzinfo=UTC), "stated", "day"),
        ("March 8, 2012", datetime(2012, 3, 8, tzinfo=UTC), "repaired", "day"),
        ("1500000000", datetime(2017, 7, 14, 2, 40, tzinfo=UTC), "repaired", "second"),
        ("2030-01-01", datetime(2030, 1, 1, tzinfo=UTC), "future", "day"),
        ("1970-01-01", None, "missing", None),
        ("03/08/2026", None, "missing", None),
        ("yesterday", None, "missing", None),
        ("", None, "missing", None),
    ],
)
def test_dates_of_any_year_are_read_and_nothing_is_guessed(raw, at, quality, precision):
    found = history_date(raw, NOW)
    assert (found.at, found.quality, found.precision) == (at, quality, precision)


def test_a_row_becomes_a_story_that_was_seen_now():
    story = document(
        headline="<b>Acme</b> &amp; Co",
        summary="More",
        text="The body",
        date="2020-07-19",
        url="https://www.example.org/a?utm_source=x",
        ticker="ACME, BRK.B",
        source="Wire",
        language="en",
    )
    assert (story.title, story.summary, story.content) == ("Acme & Co", "More", "The body")
    assert (story.seen_at, story.event_time, story.published_at) == (
        NOW,
        story.published_at,
        datetime(2020, 7, 19, tzinfo=UTC),
    )
    assert (story.origin, story.run_id, story.source, story.publisher) == ("backfill", "run", "Wire", "example.org")
    assert (story.source_symbols, story.language, story.revision) == (("ACME", "BRK.B"), "en", 1)
    assert len(story.id) == 32


def test_without_a_date_the_story_stands_where_it_was_seen():
    story = document(headline="A story", date="soon")
    assert (story.published_at, story.published_quality, story.event_time) == (None, "missing", NOW)


def test_the_id_is_the_rows_own_else_by_link_else_by_text_and_date():
    assert document(id="a-1", title="x y").id == "a-1"
    assert document(id=7, title="x y").id == "7"
    assert document(title="x", url="https://e.org/a").id == document(title="y", url="https://e.org/a#b").id
    assert document(title="x", date="2020-01-01").id != document(title="x", date="2020-01-02").id
    assert document(title="x", date="2020-01-01").id == document(title=" x ", date="2020-01-01").id
    assert document(title="x", summary="a").id != document(title="x", summary="b").id


@pytest.mark.parametrize(
    ("value", "symbols"),
    [
        ("AAPL", ("AAPL",)),
        (["AAPL", "$MSFT", "AAPL"], ("AAPL", "MSFT")),
        ("['AAPL', 'MSFT']", ("AAPL", "MSFT")),
        ("AAPL;MSFT|F", ("AAPL", "MSFT", "F")),
        ("nan", ()),
        (None, ()),
        ({"a": 1}, ()),
    ],
)
def test_symbols_in_the_shapes_that_tables_have(value, symbols):
    assert document(title="x y", symbols=value).source_symbols == symbols


@pytest.mark.parametrize("title", ["", "  ", "NaN", None, {"a": 1}, "<p></p>"])
def test_a_row_without_text_is_refused(title):
    with pytest.raises(InputError, match="f:2: has no text"):
        document(title=title)


def test_hostile_values_do_no_harm():
    story = document(
        title="a\0b \u202etxt", url="javascript:alert(1)", source="x\ny" * 200, id="\ud800z", date="9" * 500
    )
    assert (story.title, story.link, story.id) == ("ab txt", None, "z")
    assert len(story.source) <= 200
    assert "\n" not in story.source


def test_long_text_is_cut_and_marked():
    story = document(title="short one", content="é" * 300_000)
    assert story.truncated
    assert len(story.content.encode()) <= 256 * 1024
