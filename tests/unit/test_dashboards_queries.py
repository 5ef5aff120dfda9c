"""The named queries behind the panels, and the panels' specifications."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.panels import load_panels
from dashboards.panels.queries import QUERIES, bucket_for, sentiment_timeline, top_movers
from riskwire.testing import MemoryIndex, a_story, sentiment_of
from riskwire.types import EntityMention

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def story(number: int, then: datetime, sign: int, symbol: str = "ACME", own: int | None = None) -> Any:
    mention = EntityMention(
        entity_group="ORG",
        text="Acme",
        start=0,
        end=4,
        confidence=0.9,
        symbol=symbol,
        sentiment=sentiment_of(sign if own is None else own),
    )
    return a_story(
        number, event_time=then, seen_at=then, sentiment=sentiment_of(sign), entities=(mention,), symbols=(symbol,)
    )


@pytest.mark.parametrize(
    ("span", "width"),
    [
        (timedelta(hours=1), 60),
        (timedelta(hours=6), 300),
        (timedelta(hours=24), 900),
        (timedelta(days=3), 3600),
        (timedelta(days=7), 7200),
        (timedelta(days=365), 7 * 86400),
        (timedelta(days=365 * 40), 30 * 86400),
    ],
)
def test_buckets_are_usual_widths(span: timedelta, width: int) -> None:
    assert bucket_for(NOON - span, NOON) == width


def test_a_bucket_without_stories_has_no_score() -> None:
    index = MemoryIndex()
    index.put([story(1, NOON - timedelta(minutes=50), 1), story(2, NOON - timedelta(minutes=10), -1)])
    answer = sentiment_timeline(index, NOON - timedelta(hours=1), NOON, None)
    assert answer.bucket_seconds == 60
    assert [row["n"] for row in answer.rows].count(0) == 58
    assert {row["score"] for row in answer.rows if not row["n"]} == {None}
    assert [row["score"] for row in answer.rows if row["n"]] == [0.85, -0.85]
    assert answer.rows[0]["t"] == NOON - timedelta(hours=1)
    assert answer.rows[0]["end"] == answer.rows[1]["t"]


def test_a_company_is_drawn_by_its_own_sentiment() -> None:
    index = MemoryIndex()
    index.put([story(1, NOON - timedelta(minutes=5), 1, own=-1)])
    (row,) = (row for row in sentiment_timeline(index, NOON - timedelta(hours=1), NOON, "ACME").rows if row["n"])
    assert (row["symbol"], row["score"], row["negative"]) == ("ACME", -0.85, 1)


def test_without_a_range_it_begins_with_the_first_story() -> None:
    index = MemoryIndex()
    index.put([story(1, NOON - timedelta(days=40), 1), story(2, NOON - timedelta(minutes=1), 1)])
    answer = sentiment_timeline(index, None, NOON, None)
    assert answer.rows[0]["n"] == 1
    assert len(answer.rows) <= 101
    index = MemoryIndex()
    index.put([story(1, NOON - timedelta(hours=2), 1)])
    assert sentiment_timeline(index, None, NOON, None).bucket_seconds in (60, 120)


def test_nothing_is_no_rows_at_all() -> None:
    assert sentiment_timeline(MemoryIndex(), None, NOON, None).rows == []
    assert top_movers(MemoryIndex(), None, NOON, None).rows == []


def test_movers_are_ranked_against_their_own_period_before() -> None:
    index = MemoryIndex()
    hour = timedelta(hours=1)
    rows = [story(n, NOON - hour / 2, -1, "DOWN") for n in range(3)]
    rows += [story(n + 10, NOON - hour * 1.5, 1, "DOWN") for n in range(2)]
    rows += [story(n + 20, NOON - hour / 2, 1, "NEW") for n in range(3)]
    rows += [story(n + 30, NOON - hour / 2, 1, "FEW") for n in range(2)]
    index.put(rows)
    answer = top_movers(index, NOON - hour, NOON, None)
    assert [row["symbol"] for row in answer.rows] == ["DOWN", "NEW"]
    assert answer.rows[0] == {
        "symbol": "DOWN",
        "score": -0.85,
        "n": 3,
        "previous_score": 0.85,
        "previous_n": 2,
        "change": -1.7,
    }
    assert answer.rows[1]["change"] is None
    assert [row["symbol"] for row in top_movers(index, NOON - hour, NOON, "FEW").rows] == ["FEW"]


def test_each_panel_names_a_query_and_says_what_it_shows() -> None:
    panels = load_panels()
    assert set(panels) == {"sentiment_timeline", "top_movers"}
    for panel in panels.values():
        assert panel.query in QUERIES
        assert panel.title
        assert panel.description
        assert panel.empty
        assert panel.spec["$schema"].endswith("/vega-lite/v5.json")
        assert panel.spec["data"] == {"name": "rows"}


def test_panels_use_only_fields_that_their_rows_have() -> None:
    index = MemoryIndex()
    index.put([story(n, NOON - timedelta(minutes=n), 1) for n in range(5)])
    for panel in load_panels().values():
        row = QUERIES[panel.query](index, NOON - timedelta(hours=1), NOON, None).rows[0]
        made = {one["as"] for one in _found(panel.spec, "transform") for one in one if "as" in one}
        fields = {value for value in _found(panel.spec, "field") if isinstance(value, str)}
        assert fields <= set(row) | made, panel.name


def test_rows_are_flat() -> None:
    index = MemoryIndex()
    index.put([story(n, NOON - timedelta(minutes=n), 1) for n in range(5)])
    for query in QUERIES.values():
        for row in query(index, NOON - timedelta(hours=1), NOON, None).rows:
            json.dumps(row, default=str)
            assert not any(isinstance(value, dict | list) for value in row.values())


def _found(node: Any, key: str) -> list[Any]:
    if isinstance(node, dict):
        return [v for k, v in node.items() if k == key] + [one for v in node.values() for one in _found(v, key)]
    return [one for item in node for one in _found(item, key)] if isinstance(node, list) else []
