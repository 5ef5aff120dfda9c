"""Every trap of reference/feeds.md: right, or said to be missing; never another date."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.dates.read import MISSING, ReadDate, event_time, read_date, zone_named

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
        ("2026-03-08T22:16:00+01:00[Europe/Paris]", at(2026, 3, 8, 21, 16), "stated", "second"),
        ("7:51 PM ET Sun, 08 March 2026", at(2026, 3, 8, 23, 51), "repaired", "minute"),
        ("8th March 2026 22:16", at(2026, 3, 8, 22, 16), "repaired", "minute"),
        ("25/02/2026 10:00", at(2026, 2, 25, 10), "repaired", "minute"),
        ("2/25/2026 10:00 AM", at(2026, 2, 25, 10), "repaired", "minute"),
        ("08.03.2026, 22:16 Uhr", at(2026, 3, 8, 22, 16), "repaired", "minute"),
        ("2026-3-8 9:05", at(2026, 3, 8, 9, 5), "repaired", "minute"),
        # months of other languages, with their weekdays and their "at"
        ("So, 08 Mär 2026 22:16:00 +0100", at(2026, 3, 8, 21, 16), "repaired", "second"),
        ("Sonntag, 8. März 2026, 22:16 Uhr", at(2026, 3, 8, 22, 16), "repaired", "minute"),
        ("dim., 08 févr. 2026 22:16:00 +0100", at(2026, 2, 8, 21, 16), "repaired", "second"),
        ("dimanche 8 mars 2026 à 22h16", at(2026, 3, 8, 22, 16), "repaired", "minute"),
        ("1er février 2026", at(2026, 2, 1), "repaired", "day"),
        ("dom, 08 mar 2026 22:16:00 +0100", at(2026, 3, 8, 21, 16), "repaired", "second"),
        ("8 de marzo de 2026 a las 22:16", at(2026, 3, 8, 22, 16), "repaired", "minute"),
        ("8 gennaio 2026 alle 22:16", at(2026, 1, 8, 22, 16), "repaired", "minute"),
        ("domingo, 8 de fevereiro de 2026 às 22h16", at(2026, 2, 8, 22, 16), "repaired", "minute"),
        ("domingo-feira, 08 fev 2026 22:16:00 -0300", at(2026, 2, 9, 1, 16), "repaired", "second"),
        ("zo, 08 mrt 2026 22:16:00 +0100", at(2026, 3, 8, 21, 16), "repaired", "second"),
        # Chinese and Japanese
        ("2026年3月8日 星期日 下午10:16", at(2026, 3, 8, 14, 16), "repaired", "minute"),
        ("2026年3月8日22时16分30秒", at(2026, 3, 8, 14, 16, 30), "repaired", "second"),
        ("2026年3月8日 上午9时", at(2026, 3, 8, 1), "repaired", "minute"),
        ("２０２６年３月８日　２２：１６", at(2026, 3, 8, 14, 16), "repaired", "minute"),
        # relative to the fetch (NOW is 12:00 in UTC, 20:00 in China)
        ("2小时前", NOW - timedelta(hours=2), "repaired", "day"),
        ("半小时前", NOW - timedelta(minutes=30), "repaired", "day"),
        ("5分钟前", NOW - timedelta(minutes=5), "repaired", "minute"),
        ("3天前", NOW - timedelta(days=3), "repaired", "day"),
        ("2時間前", NOW - timedelta(hours=2), "repaired", "day"),
        ("刚刚", NOW, "repaired", "minute"),
        ("今天 09:30", at(2026, 3, 9, 1, 30), "repaired", "minute"),
        ("昨天 22:16", at(2026, 3, 8, 14, 16), "repaired", "minute"),
        ("3月8日 22:16", at(2026, 3, 8, 14, 16), "repaired", "minute"),
        ("12月31日 22:16", at(2025, 12, 31, 14, 16), "repaired", "minute"),
        ("2 hours ago", NOW - timedelta(hours=2), "repaired", "day"),
        ("14 HOURS AGO", NOW - timedelta(hours=14), "repaired", "day"),
        ("an hour ago", NOW - timedelta(hours=1), "repaired", "day"),
        ("35 mins ago", NOW - timedelta(minutes=35), "repaired", "minute"),
        ("Yesterday, 10:16", at(2026, 3, 8, 10, 16), "repaired", "minute"),
        ("Sun, 08 Mar 2026 22:16:60 GMT", at(2026, 3, 8, 22, 16, 59), "repaired", "second"),
    ],
)  # fmt: skip
def test_read(raw: str, expected: datetime, quality: str, precision: str) -> None:
    found = read_date(raw, NOW)
    assert (found.at, found.quality, found.precision) == (expected, quality, precision)


@pytest.mark.parametrize(
    "raw",
    [None, "", "0000-00-00 00:00:00", "2026-03-08T25:61:00Z", "2026-02-31T10:00:00Z", "08/03/2026", "3/8/2026",
     "Invalid Date", "13/13/2026", "31.02.2026", "8 Brumaire 2026", "00:00", "2月30日 10:00", "99999天前",
     "03-08 22:16", "2026", "2026-03", "2026030822", "0", "-1",
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


def test_who_reads_history_says_how_old_a_date_may_be() -> None:
    assert read_date("1995-01-03", NOW, oldest=at(1971, 1, 1)).at == at(1995, 1, 3)
    assert read_date("1970-01-01", NOW, oldest=at(1971, 1, 1)) == MISSING
    assert read_date("2026-03-08", NOW, oldest=NOW) == MISSING


def test_every_month_of_every_language_is_known_once() -> None:
    for names in (
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "januari februari maart april mei juni juli augustus september oktober november december",
    ):
        for number, name in enumerate(names.split(), start=1):
            assert read_date(f"08 {name} 2025 10:00 +0000", NOW).at == at(2025, number, 8, 10), name
            assert read_date(f"8 de {name.upper()} de 2025", NOW).at == at(2025, number, 8), name


@pytest.mark.parametrize(
    ("zone", "raw", "expected"),
    [
        ("Asia/Hong_Kong", "08 Mar 2026 22:16:00 HKT", at(2026, 3, 8, 14, 16)),
        ("Asia/Tokyo", "2026/03/08 22:16", at(2026, 3, 8, 13, 16)),
        ("Asia/Shanghai", "2026-03-08 22:16:00", at(2026, 3, 8, 14, 16)),
        ("Asia/Shanghai", "03-08 22:16", at(2026, 3, 8, 14, 16)),
        ("Europe/London", "Tue, 12 Aug 2025 22:16:00 BST", at(2025, 8, 12, 21, 16)),
        ("Asia/Dhaka", "Tue, 12 Aug 2025 22:16:00 BST", at(2025, 8, 12, 16, 16)),
        ("America/Chicago", "Sun, 08 Feb 2026 22:16:00 CST", at(2026, 2, 9, 4, 16)),
        ("Asia/Kolkata", "08 Mar 2026 22:16:00 IST", at(2026, 3, 8, 16, 46)),
        ("Europe/Dublin", "Tue, 12 Aug 2025 22:16:00 IST", at(2025, 8, 12, 21, 16)),
    ],
)
def test_zones_by_feed(zone: str, raw: str, expected: datetime) -> None:
    assert read_date(raw, NOW, zone_named(zone)).at == expected


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
