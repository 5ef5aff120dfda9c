"""The index on SQLite: what is read. Every call sees what other processes committed before it."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from riskwire import wire
from riskwire.movers import mover, ranked
from riskwire.ports import Mover, SearchPage, SearchQuery, SentimentBucket, SourceCount
from riskwire.types import ScoredDocument
from stream.paging import page_token
from stream.sqlite.database import Database
from stream.sqlite.filters import Plan, plan
from stream.times import from_micros, to_micros

#: A text that is found in at most so many stories is answered from these; one that is in more by going through the
#: stories from the newest, since then the first page is near.
RARE = 2_000


class SqliteSearch:
    """The reading half of Index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, document_id: str) -> ScoredDocument | None:
        """See Index.get."""
        rows = self._database.read("SELECT body FROM stories WHERE id = ?", (document_id,))
        return _story(rows[0][0]) if rows else None

    def revisions(self, document_id: str) -> list[ScoredDocument]:
        """See Index.revisions."""
        rows = self._database.read(
            "SELECT revision, body FROM revisions WHERE id = :id"
            " UNION ALL SELECT revision, body FROM stories WHERE id = :id ORDER BY revision",
            {"id": document_id},
        )
        return [_story(body) for _, body in rows]

    def search(self, query: SearchQuery) -> SearchPage:
        """See Index.search. Raises UsageError when `after` is no token of ours."""
        found = plan(query)
        limit = max(query.limit, 0)
        if found is None or not limit:
            return SearchPage([])

        def page(connection: sqlite3.Connection) -> list[tuple[bytes, int, str]]:
            sql = (
                f"SELECT s.body, s.event_time, s.id FROM {found.source} WHERE {_where(found, connection)}"  # noqa: S608
                f" ORDER BY {found.order}.event_time DESC, {found.order}.id DESC LIMIT :limit"
            )
            return connection.execute(sql, found.parameters | {"limit": limit + 1}).fetchall()

        rows = self._database.reading(page)
        documents = [_story(body) for body, _, _ in rows[:limit]]
        return SearchPage(documents, page_token(*rows[limit - 1][1:]) if len(rows) > limit else None)

    def count(self, query: SearchQuery) -> int:
        """See Index.count."""
        found = plan(_without_page(query))
        if found is None:
            return 0

        def counted(connection: sqlite3.Connection) -> int:
            sql = f"SELECT count(*) FROM {found.source} WHERE {_where(found, connection)}"  # noqa: S608
            return int(connection.execute(sql, found.parameters).fetchone()[0])

        return self._database.reading(counted)

    def sentiment_timeline(
        self, since: datetime, until: datetime, bucket_seconds: int, symbol: str | None = None
    ) -> list[SentimentBucket]:
        """See Index.sentiment_timeline."""
        size = bucket_seconds * 1_000_000
        table = "companies WHERE symbol = :symbol AND" if symbol else "stories WHERE label IS NOT NULL AND"
        # SQLite's division cuts towards zero; the second term makes it floor for times before 1970.
        rows = self._database.read(
            "SELECT (event_time / :size - (event_time % :size < 0)) * :size AS t, avg(score), count(*),"  # noqa: S608
            " sum(label = 'positive'), sum(label = 'neutral'), sum(label = 'negative')"
            f" FROM {table} event_time >= :since AND event_time < :until GROUP BY t ORDER BY t",
            {"size": size, "symbol": symbol, "since": to_micros(since), "until": to_micros(until)},
        )
        return [SentimentBucket(from_micros(t), symbol or "", *values) for t, *values in rows]

    def movers(self, since: datetime, until: datetime, limit: int = 10, minimum: int = 3) -> list[Mover]:
        """See Index.movers."""
        rows = self._database.read(
            "SELECT symbol, avg(score) FILTER (WHERE now), count(*) FILTER (WHERE now) AS n,"
            " avg(score) FILTER (WHERE NOT now), count(*) FILTER (WHERE NOT now) FROM"
            " (SELECT symbol, score, event_time >= :since AS now FROM companies"
            "  WHERE event_time >= :before AND event_time < :until)"
            " GROUP BY symbol HAVING n >= max(:minimum, 1)",
            {
                "since": to_micros(since),
                "until": to_micros(until),
                "before": to_micros(since - (until - since)),
                "minimum": minimum,
            },
        )
        return ranked((mover(*row) for row in rows), limit)

    def sources(self) -> list[SourceCount]:
        """See Index.sources. Most stories first."""
        rows = self._database.read(
            "SELECT source, count(*) AS n, max(event_time) FROM stories GROUP BY source ORDER BY n DESC, source"
        )
        return [SourceCount(source, n, from_micros(newest)) for source, n, newest in rows]


def _where(found: Plan, connection: sqlite3.Connection) -> str:
    if found.match is None:
        return found.where
    hits = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)", (found.match, RARE + 1)
    ).fetchone()[0]
    # The unary plus keeps the planner from driving by row number, which would read and sort every hit.
    number = "s.number" if hits <= RARE else "+s.number"
    return f"{found.where} AND {number} IN (SELECT rowid FROM words WHERE words MATCH :match)"  # noqa: S608


def _without_page(query: SearchQuery) -> SearchQuery:
    return SearchQuery(
        text=query.text,
        symbol=query.symbol,
        source=query.source,
        source_type=query.source_type,
        label=query.label,
        status=query.status,
        since=query.since,
        until=query.until,
    )


def _story(body: bytes) -> ScoredDocument:
    return wire.decode(bytes(body), ScoredDocument)
