"""What servers say about when to come back."""

from datetime import UTC, datetime

import pytest

from ingest.net.headers import fresh_for, retry_after, safe

NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "wait"),
    [("120", 120), ("Sun, 08 Mar 2026 12:02:00 GMT", 120), ("Sun, 08 Mar 2026 11:00:00 GMT", 0), ("0", 0),
     ("999999999", 86_400), ("soon", None), ("", None), ("-5", None), ("1e9", None)],
)  # fmt: skip
def test_retry_after(value: str, wait: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == wait


@pytest.mark.parametrize(
    "value", ["2026-03-08T12:01:00.000Z", "2026-03-08T12:01:00+00:00", "60", str(int(NOW.timestamp()) + 60)]
)
def test_rate_limit_reset(value: str) -> None:
    assert retry_after({"x-ratelimit-reset": value}, NOW) == 60


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "public, max-age=600, s-maxage=30"}, 600),
        ({"cache-control": "max-age=0, s-maxage=300"}, 300),
        ({"cache-control": 'max-age="60"'}, 60),
        ({"cache-control": "max-age=600", "age": "200"}, 400),
        ({"cache-control": "max-age=600", "age": "900"}, None),
        ({"cache-control": "max-age=600", "age": "soon"}, 600),
        ({"cache-control": "max-age=600, no-cache"}, None),
        ({"cache-control": "no-store", "expires": "Sun, 08 Mar 2026 12:10:00 GMT"}, None),
        ({"cache-control": "max-age=999999999"}, 86_400),
        ({"cache-control": "x-max-age=5"}, None),
        ({"cache-control": "must-revalidate"}, None),
        ({}, None),
        # Expires counts from the server's own clock, whatever ours says.
        ({"expires": "Sun, 08 Mar 2026 12:10:00 GMT"}, 600),
        ({"expires": "Sun, 08 Mar 2026 15:10:00 GMT", "date": "Sun, 08 Mar 2026 15:00:00 GMT"}, 600),
        ({"expires": "Sun, 08 Mar 2026 12:10:00 GMT", "date": "Sun, 08 Mar 2026 15:00:00 GMT"}, None),
        ({"expires": "Sun, 08 Mar 2026 12:10:00 GMT", "cache-control": "max-age=60"}, 60),
        ({"expires": "0"}, None),
        ({"expires": "-1"}, None),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
        ({"expires": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400),
        ({"expires": "Fri, 31 Dec 9999 23:59:59 -1200"}, None),
    ],
)
def test_fresh_for(headers: dict[str, str], seconds: float | None) -> None:
    assert fresh_for(headers, NOW) == seconds


def test_validators_that_no_header_may_hold() -> None:
    assert safe('W/"abc"') == 'W/"abc"'
    assert safe("a\r\nX: y") is None
    assert safe("a" * 2000) is None
    assert safe("é") is None
    assert safe("") is None
