"""Every trap of reference/feeds.md: right, or said to be missing; never another date."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.dates import MISSING, ReadDate, event_time, read_date, zone_named

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("raw", "expected", "quality", "precision"),
    [
        # the standards' shapes
        ("Sun, 08 Mar 2026 22:16:00 GMT", at(2026, 3, 8, 22, 16), "stated", "second"),
        ("Sun, 08 Mar 2026 22:16 GMT", at(2026, 3, 8, 22, 16), "stated", "minute"),
        ("Sun,08 Mar 2026 22:16:00 +0800", at(2026, 3, 8, 14, 16), "stated", "second"),
        ("Sun, 08 Mar 2026 07:23:46 -0400", at(2026, 3, 8, 11, 23, 46), "stated", "second"),
        ("8 Mar 2026 22:16:00 -0500 (EST)", at(2026, 3, 9, 3, 16), "stated", "second"),
        ("Sun, 08 Mar 2026 22:16:00 GMT+0800", at(2026, 3, 8, 14, 16), "stated", "second"),
        ("2026-03-08T22:16:00Z", at(2026, 3, 8, 22, 16), "stated", "second"),
        ("2026-03-08t22:16:00z", at(2026, 3, 8, 22, 16), "stated", "second"),
        ("2026-03-08T22:16:00.123456+05:30", at(2026, 3, 8, 16, 46), "stated", "second"),
        ("2026-03-08T22:16Z", at(2026, 3, 8, 22, 16), "stated", "minute"),
        ("20260308T221600Z", at(2026, 3, 8, 22, 16), "stated", "second"),
        ("2026-03-08", at(2026, 3, 8), "stated", "day"),
        ("  Sun, 08 Mar\n 2026   22:16:00 GMT ", at(2026, 3, 8, 22, 16), "stated", "second"),
        # zones that feedparser ignores
        ("Sun, 08 Mar 2026 22:16:00 HKT", at(2026, 3, 8, 14, 16), "stated", "second"),
        ("Sun, 08 Mar 2026 22:16:00 JST", at(2026, 3, 8, 13, 16), "stated", "second"),
        ("Sun, 08 Mar 2026 22:16:00 EST", at(2026, 3, 9, 3, 16), "stated", "second"),
        ("Sun, 08 Mar 2026 22:16:00 EDT", at(2026, 3, 9, 2, 16), "stated", "second"),
        ("Mar 8, 2026 10:16 PM ET", at(2026, 3, 9, 2, 16), "repaired", "minute"),
        # several meanings: the likeliest, and said to be repaired
        ("Sun, 08 Mar 2026 22:16:00 BST", at(2026, 3, 8, 21, 16), "repaired", "second"),
        ("Sun,08 Mar 2026 22:16:00 CST", at(2026, 3, 9, 4, 16), "repaired", "second"),
        # completed
        ("2026-03-08T22:16:00", at(2026, 3, 8, 22, 16), "repaired", "second"),
        ("20260308T221600", at(2026, 3, 8, 22, 16), "repaired", "second"),
        ("2026/03/08 22:16", at(2026, 3, 8, 22, 16), "repaired", "minute"),
        ("2026年3月8日 22:16", at(2026, 3, 8, 14, 16), "repaired", "minute"),
        ("2026年03月08日", at(2026, 3, 8), "repaired", "day"),
        ("Sunday, March 8, 2026 10:16 PM", at(2026, 3, 8, 22, 16), "repaired", "minute"),
        ("Sun Mar  8 22:16:00 GMT 2026", at(2026, 3, 8, 22, 16), "repaired", "second"),
        ("1772979360", at(2026, 3, 8, 14, 16), "repaired", "second"),
        ("1772979360000", at(2026, 3, 8, 14, 16), "repaired", "second"),
        ("Mon, 08 Mar 2026 22:16:00 GMT", at(2026, 3, 8, 22, 16), "repaired", "second"),  # it was a Sunday
        ("08 Mar 26 22:16 GMT", at(2026, 3, 8, 22, 16), "repaired", "minute"),
        ("2026-03-08T24:00:00Z", at(2026, 3, 9), "repaired", "second"),
        ("Sun, 08 Mar 2026 22:16:60 GMT", at(2026, 3, 8, 22, 16, 59), "repaired", "second"),
    ],
)  # fmt: skip
def test_read(raw: str, expected: datetime, quality: str, precision: str) -> None:
    found = read_date(raw, NOW)
    assert (found.at, found.quality, found.precision) == (expected, quality, precision)


@pytest.mark.parametrize(
    "raw",
    [None, "", "0000-00-00 00:00:00", "2026-03-08T25:61:00Z", "2026-02-31T10:00:00Z", "08/03/2026", "3/8/2026",
     "2小时前", "2 hours ago", "Invalid Date", "2026", "2026-03", "2026030822", "0", "-1",
     "Thu, 01 Jan 1970 00:00:00 GMT",
     "0001-01-01T00:00:00Z", "Sun, 08 Mar 2026 22:16:00 XYZ", "Sun, 08 Mar 2026 22:16:00 +2500", "13:00 AM",
     "March 8, 2026 13:00 AM", "March 8, 2026 0:10 PM", "x" * 5000, "Sun, 08 Foo 2026 22:16:00 GMT",
     "٢٠٢٦-٠٣-٠٨", "2026-W10-7", "2026-067", "0026-03-08T22:16:00Z"],
)  # fmt: skip
def test_not_understood_is_missing(raw: str | None) -> None:
    assert read_date(raw, NOW) == MISSING


def test_the_feeds_own_zone_decides() -> None:
    shanghai, london, new_york = (
        zone_named("Asia/Shanghai"),
        zone_named("Europe/London"),
        zone_named("America/New_York"),
    )
    assert read_date("Sun, 08 Mar 2026 22:16:00 CST", NOW, shanghai) == ReadDate(
        at(2026, 3, 8, 14, 16), "stated", "second"
    )
    assert read_date("Sun, 08 Mar 2026 22:16:00 BST", NOW, london).quality == "stated"
    # New York has no BST: its meaning stays a guess
    assert read_date("Sun, 08 Mar 2026 22:16:00 BST", NOW, new_york).quality == "repaired"
    # summer time begins on 8 March 2026 at 02:00
    assert read_date("2026-03-08 01:00:00", NOW, new_york).at == at(2026, 3, 8, 6)
    assert read_date("2026-03-08 04:00:00", NOW, new_york).at == at(2026, 3, 8, 8)
    assert read_date("2026-03-08", NOW, new_york).at == at(2026, 3, 8, 5)


def test_the_future_and_the_distant_past() -> None:
    assert read_date("2026-03-09T12:15:00Z", NOW).quality == "stated"
    ahead = read_date("2026-03-09T12:15:01Z", NOW)
    assert (ahead.at, ahead.quality) == (at(2026, 3, 9, 12, 15, 1), "future")
    assert read_date("2016-03-10T00:00:00Z", NOW).quality == "stated"
    assert read_date("2016-03-07T00:00:00Z", NOW) == MISSING


def test_event_time() -> None:
    hour = timedelta(hours=1)
    assert event_time(ReadDate(NOW - hour, "stated", "second"), NOW) == NOW - hour
    assert event_time(ReadDate(NOW - hour, "repaired", "second"), NOW) == NOW - hour
    assert event_time(ReadDate(NOW + timedelta(minutes=5), "stated", "second"), NOW) == NOW
    assert event_time(ReadDate(NOW + hour, "future", "second"), NOW) == NOW
    assert event_time(MISSING, NOW) == NOW


def test_unknown_zones_are_said() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        zone_named("Mars/Olympus")
    with pytest.raises(ValueError):
        zone_named("../../etc/passwd")
