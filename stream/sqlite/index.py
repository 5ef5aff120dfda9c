"""The index on SQLite: what is written. The reading half is `stream.sqlite.search`.

One call of `put` is one transaction over the stories, their old revisions, their words and their companies: a crash
leaves all of them or none, and no search sees one without the others.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from riskwire import wire
from riskwire.companies import company_sentiments
from riskwire.ports import IndexResult
from riskwire.removal import emptied
from riskwire.types import ScoredDocument
from stream.sqlite.database import Database
from stream.sqlite.log import remember
from stream.sqlite.search import SqliteSearch
from stream.times import to_micros


class SqliteIndex(SqliteSearch):
    """Index."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)

    def put(self, documents: Sequence[ScoredDocument]) -> IndexResult:
        """See Index.put.

        What is put is also noted as known (KnownStories), so that a story that came by backfill is no news to ingest.
        Raises WireError, before anything is written, when a story can't be written as JSON.
        """
        rows = []
        for document in documents:
            story = emptied(document) if document.status == "removed" else document
            rows.append((story, wire.encode(story)))
        indexed = 0
        with self._database.write() as connection:
            for story, body in rows:
                indexed += put_story(connection, story, body)
        return IndexResult(indexed, len(rows) - indexed)

    def held(self, ids: Sequence[str]) -> dict[str, int]:
        """See Index.held."""
        rows = self._database.read(
            "SELECT id, revision FROM stories WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
        )
        return dict(rows)


def put_story(connection: sqlite3.Connection, story: ScoredDocument, body: bytes) -> bool:
    """Write one story, in the caller's transaction. False when it is there in the same or a newer revision."""
    held = connection.execute("SELECT number, revision, body FROM stories WHERE id = ?", (story.id,)).fetchone()
    if held is not None and held[1] >= story.revision:
        return False
    if held is not None:
        _take_out(connection, held[0], wire.decode(bytes(held[2]), ScoredDocument))
        if story.status != "removed":
            connection.execute("INSERT OR REPLACE INTO revisions VALUES (?, ?, ?)", (story.id, held[1], held[2]))
    if story.status == "removed":
        # What was removed must not be found in its own past either.
        connection.execute("DELETE FROM revisions WHERE id = ?", (story.id,))
    event_time = to_micros(story.event_time)
    sentiment = story.sentiment
    (number,) = connection.execute(
        "INSERT INTO stories (number, id, revision, event_time, source, source_type, status, label, score, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
        (
            held[0] if held else None,
            story.id,
            story.revision,
            event_time,
            story.source,
            story.source_type,
            story.status,
            sentiment.label if sentiment else None,
            sentiment.score if sentiment else None,
            body,
        ),
    ).fetchone()
    if words := _words(story):
        connection.execute("INSERT INTO words (rowid, title, summary, content) VALUES (?, ?, ?, ?)", (number, *words))
    connection.executemany(
        "INSERT INTO companies VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (symbol, event_time, story.id, number, company.score, company.confidence, company.label)
            for symbol, company in company_sentiments(story).items()
        ],
    )
    remember(connection, story)
    return True


def _take_out(connection: sqlite3.Connection, number: int, old: ScoredDocument) -> None:
    if words := _words(old):
        # A contentless table keeps no text: to forget a row it must be told what was in it.
        connection.execute(
            "INSERT INTO words (words, rowid, title, summary, content) VALUES ('delete', ?, ?, ?, ?)", (number, *words)
        )
    connection.execute("DELETE FROM companies WHERE story = ?", (number,))
    connection.execute("DELETE FROM stories WHERE number = ?", (number,))


def _words(story: ScoredDocument) -> tuple[str, str, str] | None:
    texts = (story.title, story.summary, story.content)
    return texts if any(texts) else None
