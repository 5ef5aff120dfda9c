"""The log of documents on SQLite: DocumentLog and KnownStories, and the dead letters.

What was accepted and the memory of it are written in one transaction, so a crash leaves both or neither. An entry lives
until it is acknowledged, then its row is deleted: the log is as long as the backlog.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from riskwire import wire
from riskwire.identity import author_of, canonical_link
from riskwire.ports import AppendResult, KnownStory, LogEntry
from riskwire.types import Document, FailedMessage
from stream.sqlite.database import Database


class SqliteLog:
    """DocumentLog and KnownStories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, documents: Sequence[Document]) -> AppendResult:
        """See DocumentLog.append. A revision older than the known one counts as a duplicate.

        Raises WireError, before anything is stored, when a document can't be written as JSON.
        """
        values = [wire.encode(document) for document in documents]
        appended = 0
        with self._database.write() as connection:
            for document, value in zip(documents, values, strict=True):
                if remember(connection, document):
                    connection.execute("INSERT INTO log (key, value) VALUES (?, ?)", (document.id, value))
                    appended += 1
        return AppendResult(appended, len(documents) - appended)

    def read(self, limit: int) -> list[LogEntry]:
        """See DocumentLog.read."""
        rows = self._database.read("SELECT offset, key, value FROM log ORDER BY offset LIMIT ?", (limit,))
        return [LogEntry(offset, key, bytes(value)) for offset, key, value in rows]

    def ack(self, through: int) -> None:
        """See DocumentLog.ack. A crash before this is durable only repeats the work."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM log WHERE offset <= ?", (through,))

    def depth(self) -> int:
        """See DocumentLog.depth."""
        return int(self._database.read("SELECT count(*) FROM log")[0][0])

    def dead_letter(self, failed: Sequence[FailedMessage]) -> None:
        """See DocumentLog.dead_letter. The same message (stage, key, sha256) is kept once, however often it fails."""
        rows = [(one.stage, one.key or "", one.value_sha256, wire.encode(one)) for one in failed]
        with self._database.write() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO dead_letters (stage, key, value_sha256, body) VALUES (?, ?, ?, ?)", rows
            )

    def dead_letters(self, limit: int = 50) -> list[FailedMessage]:
        """The newest dead letters, newest first."""
        rows = self._database.read("SELECT body FROM dead_letters ORDER BY number DESC LIMIT ?", (limit,))
        return [wire.decode(bytes(body), FailedMessage) for (body,) in rows]

    def dead_letter_count(self) -> int:
        """How many there are."""
        return int(self._database.read("SELECT count(*) FROM dead_letters")[0][0])

    def by_id(self, ids: Sequence[str]) -> dict[str, KnownStory]:
        """See KnownStories.by_id."""
        # The ids travel as one JSON array, so that there is no limit to how many and one prepared statement.
        rows = self._database.read(
            "SELECT id, revision, content_hash, link FROM known_stories WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {row[0]: KnownStory(*row) for row in rows}

    def by_link(self, publisher: str, links: Sequence[str]) -> dict[str, KnownStory]:
        """See KnownStories.by_link."""
        rows = self._database.read(
            "SELECT id, revision, content_hash, link FROM known_stories"
            " WHERE publisher = ? AND link IN (SELECT value FROM json_each(?))",
            (publisher, json.dumps(list(links))),
        )
        return {row[3]: KnownStory(*row) for row in rows}

    def by_author(self, author: str) -> list[KnownStory]:
        """See KnownStories.by_author."""
        rows = self._database.read(
            "SELECT id, revision, content_hash, link FROM known_stories WHERE author = ? ORDER BY id", (author,)
        )
        return [KnownStory(*row) for row in rows]


def remember(connection: sqlite3.Connection, document: Document) -> bool:
    """Note the story as accepted, in the caller's transaction. False when this revision or a newer one was already."""
    changed = connection.execute(
        "INSERT INTO known_stories (id, revision, content_hash, publisher, link, author) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, content_hash = excluded.content_hash,"
        " publisher = excluded.publisher, link = excluded.link, author = excluded.author"
        " WHERE excluded.revision > revision",
        (
            document.id,
            document.revision,
            document.content_hash,
            document.publisher,
            canonical_link(document.link),
            author_of(document),
        ),
    )
    return changed.rowcount > 0
