"""Query parameters: what is read, and what is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from starlette.datastructures import QueryParams

from dashboards.web.params import MAX_LIMIT, alert_query, search_query
from dashboards.web.responses import BadParameter


def test_all_of_a_search_is_read() -> None:
    query = search_query(
        QueryParams(
            "text=profit+warning&symbol=brk.b&source=Wire&source_type=filing&label=negative&status=scored"
            "&since=2026-11-24T09:30:00Z&until=2026-11-24T12:00:00%2B01:00&limit=200&after=abc"
        )
    )
    assert (query.text, query.symbol, query.source, query.source_type) == ("profit warning", "BRK.B", "Wire", "filing")
    assert (query.label, query.status, query.limit, query.after) == ("negative", "scored", 200, "abc")
    assert query.since == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    assert query.until == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


def test_nothing_asked_is_everything() -> None:
    query = search_query(QueryParams("symbol=&label=&text=++"))
    assert (query.text, query.symbol, query.label, query.since, query.limit, query.after) == (
        "",
        None,
        None,
        None,
        50,
        None,
    )


def test_a_plus_that_was_not_escaped_is_still_a_zone() -> None:
    assert search_query(QueryParams("since=2026-11-24T12:00:00+01:00")).since == datetime(2026, 11, 24, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        (f"limit={MAX_LIMIT + 1}", "limit"),
        ("limit=-5", "limit"),
        ("limit=ten", "limit"),
        ("limit=٣", "limit"),
        ("limit=1e2", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("label=good", "label"),
        ("status=neutral", "status"),
        ("source_type=blog", "source_type"),
        ("since=yesterday", "since"),
        ("since=2026-11-24T09:30:00", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("since=2026-11-24T10:00:00Z&until=2026-11-24T10:00:00Z", "until"),
        ("text=" + "x" * 501, "text"),
        ("text=a%00b", "text"),
        ("lable=negative", "lable"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(query: str, name: str) -> None:
    with pytest.raises(BadParameter) as error:
        search_query(QueryParams(query))
    assert error.value.parameter == name
    assert str(error.value).startswith(f"{name}: ")
    assert len(str(error.value)) < 300


def test_alerts_have_their_own() -> None:
    assert alert_query(QueryParams("status=firing&limit=7")) == ("firing", 7)
    with pytest.raises(BadParameter, match="status: must be one of pending, firing, resolved"):
        alert_query(QueryParams("status=on"))
