"""A panel's query as Kibana asks it: an Elasticsearch body, and the Vega-Lite transforms that flatten the answer.

The rows are those of the same name in `dashboards.panels.queries`; a test compares both over the same stories. Kibana
puts the time range and the dashboard's filters where the `%…%` words stand.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dashboards.kibana import fields

Body = dict[str, Any]
Transform = dict[str, Any]

#: About so many bars. The page takes up to 100 over its own width; a dashboard's panel is narrower.
_BARS = 60
_MOVERS = 10
_MINIMUM_STORIES = 3
#: Companies a period that are looked at; the port looks at all. By stories, most first.
_COMPANIES = 5_000


class KibanaQuery(msgspec.Struct, frozen=True):
    """How Kibana gets the rows of a named query. `path` leads to the list in the answer that is flattened."""

    index: str
    body: Body
    path: str
    transforms: list[Transform]


def bound(which: str, *, shift: int = 0, unit: str = "day") -> dict[str, Any]:
    """The dashboard's earliest (`min`) or latest (`max`) time, moved; Kibana puts milliseconds here."""
    return {"%timefilter%": which} | ({"shift": shift, "unit": unit} if shift else {})


def within(field: str, since: dict[str, Any], until: dict[str, Any]) -> Body:
    """`since` inclusive, `until` exclusive, as everywhere."""
    return {"range": {field: {"gte": since, "lt": until, "format": "epoch_millis"}}}


def in_context(*filters: Body) -> Body:
    """The dashboard's query, filters and controls, and these. All three words are needed, or its filters do nothing."""
    return {
        "bool": {
            "must": ["%dashboard_context-must_clause%"],
            "filter": ["%dashboard_context-filter_clause%", *filters],
            "must_not": ["%dashboard_context-must_not_clause%"],
        }
    }


def bars(field: str, aggregations: Body) -> Body:
    """One bucket a bar over the whole range, empty ones too."""
    return {
        "date_histogram": {
            "field": field,
            "interval": {"%autointerval%": _BARS},
            "min_doc_count": 0,
            # A second less: a range that ends where a bar would begin must not get that bar.
            "extended_bounds": {"min": bound("min"), "max": bound("max", shift=-1, unit="second")},
        },
        "aggs": aggregations,
    }


def bar_rows(*columns: Transform) -> list[Transform]:
    """`t`, `end` and `n` of each bar, and these columns; no rows at all where no bar has a story."""
    return [
        {"calculate": "datum.key", "as": "t"},
        {"calculate": "datum.doc_count", "as": "n"},
        *columns,
        {
            "window": [{"op": "lead", "field": "t", "as": "next"}, {"op": "lag", "field": "t", "as": "before"}],
            "sort": [{"field": "t", "order": "ascending"}],
        },
        # The answer does not name the width; a bar ends where the next begins, the last is as wide as the one before.
        {
            "calculate": "isValid(datum.next) ? datum.next : isValid(datum.before) ? 2 * datum.t - datum.before"
            " : datum.t + 3600000",
            "as": "end",
        },
        {"joinaggregate": [{"op": "sum", "field": "n", "as": "stories"}]},
        {"filter": "datum.stories > 0"},
    ]


def _labels() -> Body:
    return {"filters": {"filters": {label: _label(label) for label in ("positive", "neutral", "negative")}}}


def _label(label: str) -> Body:
    return {"term": {"sentiment.label": label}}


SENTIMENT_TIMELINE = KibanaQuery(
    index=fields.STORIES,
    body={
        "size": 0,
        "query": in_context(within("event_time", bound("min"), bound("max")), {"exists": {"field": "sentiment.label"}}),
        "aggs": {
            "bars": bars("event_time", {"mean": {"avg": {"field": "sentiment.score"}}, "labels": _labels()}),
        },
    },
    path="aggregations.bars.buckets",
    transforms=bar_rows(
        {"calculate": "''", "as": "symbol"},
        {"calculate": "datum.doc_count > 0 ? datum.mean.value : null", "as": "score"},
        *(
            {"calculate": f"datum.labels.buckets.{label}.doc_count", "as": label}
            for label in ("positive", "neutral", "negative")
        ),
    ),
)

#: The last day of the dashboard's range against the day before it: Kibana can shift a bound, but can't double a range.
TOP_MOVERS = KibanaQuery(
    index=fields.STORIES,
    body={
        "size": 0,
        "query": in_context(
            within("event_time", bound("max", shift=-2), bound("max")), {"exists": {"field": "sentiment.label"}}
        ),
        "aggs": {
            "periods": {
                "date_range": {
                    "field": "event_time",
                    "format": "epoch_millis",
                    "ranges": [
                        {"key": "before", "from": bound("max", shift=-2), "to": bound("max", shift=-1)},
                        {"key": "now", "from": bound("max", shift=-1), "to": bound("max")},
                    ],
                },
                "aggs": {
                    "companies": {
                        "nested": {"path": fields.COMPANIES},
                        "aggs": {
                            "symbols": {
                                "terms": {"field": fields.COMPANY_SYMBOL, "size": _COMPANIES},
                                "aggs": {"mean": {"avg": {"field": fields.COMPANY_SCORE}}},
                            }
                        },
                    }
                },
            }
        },
    },
    path="aggregations.periods.buckets",
    transforms=[
        {"calculate": "datum.key == 'now'", "as": "is_now"},
        {"flatten": ["companies.symbols.buckets"], "as": ["company"]},
        # A period without companies flattens to one row with none.
        {"filter": "isValid(datum.company)"},
        {"calculate": "datum.company.key", "as": "symbol"},
        {"calculate": "datum.is_now ? datum.company.mean.value : null", "as": "score_now"},
        {"calculate": "datum.is_now ? null : datum.company.mean.value", "as": "score_before"},
        {"calculate": "datum.is_now ? datum.company.doc_count : 0", "as": "n_now"},
        {"calculate": "datum.is_now ? 0 : datum.company.doc_count", "as": "n_before"},
        {
            "aggregate": [
                {"op": "max", "field": "score_now", "as": "score"},
                {"op": "max", "field": "score_before", "as": "score_before"},
                {"op": "sum", "field": "n_now", "as": "n"},
                {"op": "sum", "field": "n_before", "as": "previous_n"},
            ],
            "groupby": ["symbol"],
        },
        {"filter": f"datum.n >= {_MINIMUM_STORIES}"},
        {"calculate": "datum.previous_n > 0 ? datum.score_before : null", "as": "previous_score"},
        {"calculate": "datum.previous_n > 0 ? datum.score - datum.score_before : null", "as": "change"},
        {"calculate": "datum.previous_n > 0 ? abs(datum.change) : -1", "as": "size"},
        {
            "window": [{"op": "row_number", "as": "rank"}],
            "sort": [
                {"field": "size", "order": "descending"},
                {"field": "n", "order": "descending"},
                {"field": "symbol", "order": "ascending"},
            ],
        },
        {"filter": f"datum.rank <= {_MOVERS}"},
    ],
)

#: From seen to scored. A mean of differences is the difference of means, so that no script is needed.
LATENCY = KibanaQuery(
    index=fields.STORIES,
    body={
        "size": 0,
        "query": in_context(within("seen_at", bound("min"), bound("max")), {"exists": {"field": "scored_at"}}),
        "aggs": {
            "bars": bars("seen_at", {"seen": {"avg": {"field": "seen_at"}}, "scored": {"avg": {"field": "scored_at"}}})
        },
    },
    path="aggregations.bars.buckets",
    transforms=bar_rows(
        {
            "calculate": "datum.doc_count > 0 ? (datum.scored.value - datum.seen.value) / 1000 : null",
            "as": "seconds",
        },
    ),
)

#: By the name that a panel gives in `usermeta.query`.
QUERIES = {"sentiment_timeline": SENTIMENT_TIMELINE, "top_movers": TOP_MOVERS, "latency": LATENCY}
