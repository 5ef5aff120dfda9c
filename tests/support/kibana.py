"""What Kibana does with our saved objects before Elasticsearch sees them, after how its sources behave (the parser of
Vega panels, Lens' aggregations): the words between percent signs filled in, a Lens panel turned into a body."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import datetime
from typing import Any

from dashboards.kibana.objects import Object

Json = dict[str, Any]

_UNITS = {"week": 7 * 86_400_000, "day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1000}
#: Up to this many milliseconds a bar → the interval it gets.
_ROUNDED = (
    (500, "100ms"),
    (5_000, "1s"),
    (7_500, "5s"),
    (15_000, "10s"),
    (45_000, "30s"),
    (180_000, "1m"),
    (450_000, "5m"),
    (1_200_000, "10m"),
    (2_700_000, "30m"),
    (7_200_000, "1h"),
    (21_600_000, "3h"),
    (86_400_000, "12h"),
    (604_800_000, "24h"),
    (1_814_400_000, "1w"),
    (3_628_800_000, "30d"),
)


def milliseconds(then: datetime) -> int:
    return int(then.timestamp() * 1000)


def auto_interval(since: datetime, until: datetime, bars: int) -> str:
    """The width that Kibana's Vega panel takes for so many bars."""
    width = (milliseconds(until) - milliseconds(since)) / bars
    return next((interval for most, interval in _ROUNDED if width <= most), "1y")


def interval_seconds(interval: str) -> int:
    return int(interval[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[interval[-1]]


def _interval(interval: str) -> Json:
    # One of a unit that calendars know is a calendar's; several are fixed. Weeks and more are always a calendar's.
    calendar = interval in {"1m", "1h", "1d", "1w", "1M", "1q", "1y"}
    return {"calendar_interval" if calendar else "fixed_interval": interval}


def filled(body: Json, since: datetime, until: datetime) -> Json:
    """The body as Kibana sends it, with a dashboard that filters nothing."""

    def visit(node: Any, key: str = "") -> Any:
        if isinstance(node, list):
            return [visit(item) for item in node if not (isinstance(item, str) and "%dashboard_context" in item)]
        if not isinstance(node, dict):
            return node
        if "%timefilter%" in node:
            bound = {"min": since, "max": until}[node["%timefilter%"]]
            return milliseconds(bound) + node.get("shift", 0) * _UNITS[node.get("unit", "day")]
        found = {name: visit(value, name) for name, value in node.items() if name != "interval"}
        if "interval" in node and key == "date_histogram":
            found |= _interval(auto_interval(since, until, node["interval"]["%autointerval%"]))
        return found

    result: Json = visit(deepcopy(body))
    assert "%" not in json.dumps(result)
    return result


def lens_body(panel: Object, time_field: str, since: datetime, until: datetime) -> Json:
    """The aggregation behind a Lens panel: its buckets inside each other, its metrics in the innermost."""
    state = panel["attributes"]["state"]
    (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
    columns = layer["columns"]
    range_ = {"range": {time_field: {"gte": milliseconds(since), "lt": milliseconds(until), "format": "epoch_millis"}}}
    filters = [range_, *_kql(state["query"]["query"])]
    metrics: Json = {key: _metric(column) for key, column in columns.items() if not column["isBucketed"]}
    aggregations = {key: metric for key, metric in metrics.items() if metric}
    for key in reversed([key for key in layer["columnOrder"] if columns[key]["isBucketed"]]):
        aggregations = {key: _bucket(columns[key], columns) | ({"aggs": aggregations} if aggregations else {})}
    return {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": filters}}, "aggs": aggregations}


def _bucket(column: Json, columns: Json) -> Json:
    if column["operationType"] == "date_histogram":
        return {"date_histogram": {"field": column["sourceField"], "fixed_interval": "1h", "min_doc_count": 0}}
    order = column["params"]["orderBy"]["columnId"]
    by = "_count" if columns[order]["operationType"] == "count" else order
    return {
        "terms": {
            "field": column["sourceField"],
            "size": column["params"]["size"],
            "order": {by: column["params"]["orderDirection"]},
        }
    }


def _metric(column: Json) -> Json:
    if column["operationType"] == "count":
        # A count without a filter is the bucket's own.
        return {"filter": {"bool": {"filter": _kql(column["filter"]["query"])}}} if "filter" in column else {}
    return {{"average": "avg", "max": "max"}[column["operationType"]]: {"field": column["sourceField"]}}


def _kql(query: str) -> list[Json]:
    """Only what our panels say: nothing, or `field: word`."""
    if not query:
        return []
    field, value = query.split(": ")
    assert value.isalpha()
    return [{"term": {field: value}}]
