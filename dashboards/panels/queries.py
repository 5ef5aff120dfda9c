"""The named queries behind the panels: the Index port → flat rows (`t`, `symbol`, `score`, `n`, …).

Pure but for the index that they are given. Kibana's builder will add the same queries as Elasticsearch bodies.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from riskwire.ports import Index

Row = dict[str, Any]
#: Widths of buckets that people count in, in seconds.
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 7 * 86400, 30 * 86400)
_MOST_BUCKETS = 100
#: A company with fewer stories than this in the period has no score worth showing.
MINIMUM_STORIES = 3
_MOVERS = 10
_BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)


class Rows(msgspec.Struct, frozen=True):
    """A query's answer, and over what it was asked: `since` inclusive, `until` exclusive."""

    rows: list[Row]
    since: datetime
    until: datetime
    bucket_seconds: int | None = None
    minimum: int | None = None


def bucket_for(since: datetime, until: datetime) -> int:
    """The narrowest usual width that makes at most 100 buckets."""
    seconds = (until - since).total_seconds()
    return next((step for step in _STEPS if seconds <= step * _MOST_BUCKETS), _STEPS[-1])


def sentiment_timeline(index: Index, since: datetime | None, until: datetime, symbol: str | None) -> Rows:
    """One row a bucket: mean `score` over `n` stories. Buckets without stories are there with n 0 and no score: a gap
    is not zero. Without `since`, from the first story on."""
    whole = since is None
    if since is None:
        days = index.sentiment_timeline(_BEGINNING, until, 86400, symbol)
        since = days[0].t if days else until - timedelta(days=1)
        if days and days[-1].t == since:  # all on one day
            hours = index.sentiment_timeline(since, until, 600, symbol)
            since = hours[0].t
    width = bucket_for(since, until)
    found = {bucket.t: bucket for bucket in index.sentiment_timeline(since, until, width, symbol)}
    if not found:
        return Rows([], since, until, width)
    since = min(found) if whole else since
    rows: list[Row] = []
    t = datetime.fromtimestamp(since.timestamp() // width * width, UTC)
    while t < until:
        bucket = found.get(t)
        row: Row = {"t": t, "end": t + timedelta(seconds=width), "symbol": symbol or ""}
        if bucket is None:
            row |= {"score": None, "n": 0, "positive": 0, "neutral": 0, "negative": 0}
        else:
            row |= {"score": round(bucket.score, 4), "n": bucket.n}
            row |= {"positive": bucket.positive, "neutral": bucket.neutral, "negative": bucket.negative}
        rows.append(row)
        t += timedelta(seconds=width)
    return Rows(rows, since, until, width)


def top_movers(index: Index, since: datetime | None, until: datetime, symbol: str | None) -> Rows:
    """One row a company, the largest change against its own period before first. Without `since`, the last day: a
    change needs a period before."""
    since = since or until - timedelta(days=1)
    # All are asked for where one is wanted: the port has no filter, and ranks by size.
    movers = index.movers(since, until, 1000 if symbol else _MOVERS, 1 if symbol else MINIMUM_STORIES)
    rows = [
        {
            "symbol": mover.symbol,
            "score": round(mover.score, 4),
            "n": mover.n,
            "previous_score": None if mover.previous_score is None else round(mover.previous_score, 4),
            "previous_n": mover.previous_n,
            "change": None if mover.change is None else round(mover.change, 4),
        }
        for mover in movers
        if symbol is None or mover.symbol == symbol
    ]
    return Rows(rows, since, until, minimum=1 if symbol else MINIMUM_STORIES)


QUERIES: dict[str, Callable[[Index, datetime | None, datetime, str | None], Rows]] = {
    "sentiment_timeline": sentiment_timeline,
    "top_movers": top_movers,
}
