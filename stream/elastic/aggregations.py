"""The figures of the page as requests to Elasticsearch: what SQLite's GROUP BY answers, from one pass there. Pure.

Kibana's panels may take these bodies as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from stream.elastic.query import between

#: Companies and sources that one answer may hold; beyond that the rarest are left out.
MOST_GROUPS = 20_000
#: Buckets of one request; a longer timeline takes several.
_MOST_BUCKETS = 5_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timeline(
    since: datetime, until: datetime, bucket_seconds: int, symbol: str | None, after: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Buckets that begin at multiples of their length: `buckets` has `score` and `labels`, of a company's own rows
    (`companies.own`) with a symbol, else of the stories."""
    own = "companies" if symbol else "sentiment"
    figures = {
        "score": {"avg": {"field": f"{own}.score"}},
        "labels": {"terms": {"field": f"{own}.label", "size": 10}},
    }
    has: dict[str, Any] = {"exists": {"field": "sentiment.label"}}
    if symbol:
        is_company = {"term": {"companies.symbol": symbol}}
        has = {"nested": {"path": "companies", "query": is_company}}
        figures = {
            "companies": {"nested": {"path": "companies"}, "aggs": {"own": {"filter": is_company, "aggs": figures}}}
        }
    composite: dict[str, Any] = {
        "size": _MOST_BUCKETS,
        "sources": [{"t": {"date_histogram": {"field": "event_time", "fixed_interval": f"{bucket_seconds}s"}}}],
    }
    if after is not None:
        composite["after"] = after
    return {
        "size": 0,
        "query": {"bool": {"filter": [between(since, until), has]}},
        "aggs": {"buckets": {"composite": composite, "aggs": figures}},
    }


def movers(since: datetime, until: datetime) -> dict[str, Any]:
    """By company, its mean score `now` (in the period) and `before` (in the one of the same length before it)."""
    companies = {
        "companies": {
            "nested": {"path": "companies"},
            "aggs": {
                "symbols": {
                    "terms": {"field": "companies.symbol", "size": MOST_GROUPS},
                    "aggs": {"score": {"avg": {"field": "companies.score"}}},
                }
            },
        }
    }
    earlier = since - (until - since)
    return {
        "size": 0,
        "query": {"bool": {"filter": [between(earlier, until)]}},
        "aggs": {
            "now": {"filter": between(since, until), "aggs": companies},
            "before": {"filter": between(earlier, since), "aggs": companies},
        },
    }


def sources() -> dict[str, Any]:
    """Stories a source, and the newest."""
    newest = {"newest": {"max": {"field": "event_micros"}}}
    return {"size": 0, "aggs": {"sources": {"terms": {"field": "source", "size": MOST_GROUPS}, "aggs": newest}}}


def time_of(micros: float) -> datetime:
    """A time from an aggregation's answer."""
    return _EPOCH + timedelta(microseconds=int(micros))
