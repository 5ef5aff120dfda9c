"""A person is forgotten, on SQLite: in every table, and then in the file's own bytes.

What is deleted in a database is not gone from its file: freed pages, the index of words and the write-ahead log keep
it until they are used again. So at the end the words are merged, the file is written anew, and its log cut to nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from riskwire import wire
from riskwire.errors import WireError
from riskwire.identity import REMOVED
from riskwire.ports import Forgotten
from riskwire.removal import emptied, is_telling, tells_of, without_story
from riskwire.types import Alert, Document, FailedMessage, ScoredDocument
from stream.sqlite.database import Database
from stream.sqlite.index import put_story
from stream.times import to_micros

_FIELDS = Document.__struct_fields__
_ID = "json_extract(CAST(body AS TEXT), '$.id')"
_STATUS = "json_extract(CAST(body AS TEXT), '$.status')"


class SqlitePersonalData:
    """PersonalData."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def traces(self, authors: Sequence[str], ids: Sequence[str] = ()) -> Forgotten:
        """See PersonalData.traces."""
        return self._database.reading(lambda connection: _Traces(connection, authors, ids).counted())

    def forget(self, authors: Sequence[str], now: datetime, ids: Sequence[str] = ()) -> Forgotten:
        """See PersonalData.forget. One transaction; to write the file anew takes as much disk as it has once more."""
        with self._database.write() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            traces = _Traces(connection, authors, ids)
            found = traces.counted()
            for document_id in sorted(traces.ids):
                _remove(connection, document_id, now)
            connection.executemany("DELETE FROM dead_letters WHERE number = ?", [(one,) for one in traces.dead_letters])
            for table, row, alert in traces.alerts:
                _rewrite(connection, table, row, alert, traces.ids, traces.titles)
        return msgspec.structs.replace(found, scrubbed=self._database.scrub())


class _Traces:
    """Where these authors are: by the memory of who wrote what, and by their pseudonyms in every row."""

    def __init__(self, connection: sqlite3.Connection, authors: Sequence[str], ids: Sequence[str]) -> None:
        self._connection = connection
        self._authors = [one for one in authors if one]
        self._new = set(self._ids())
        self.ids = self._new | set(ids)
        self._json = json.dumps(sorted(self.ids))
        self.titles = self._titles()
        self.dead_letters = list(self._dead_letters())
        self.alerts = list(self._alerts())

    def counted(self) -> Forgotten:
        """How much that is."""
        return Forgotten(
            ids=tuple(sorted(self.ids)),
            stories=len(self._new),
            revisions=self._count("revisions", "id"),
            waiting=self._count("log", "key"),
            scored=self._count("scored", f"{_STATUS} != 'removed' AND {_ID}"),
            dead_letters=len(self.dead_letters),
            alerts=len({(alert.fingerprint, alert.starts_at) for _, _, alert in self.alerts}),
        )

    def _ids(self) -> Iterator[str]:
        for author in self._authors:
            yield from self._column("SELECT id FROM known_stories WHERE author = ?", author)
            # Also what an earlier version wrote, and authors behind the first.
            mark = f'"{author}"'.encode()
            yield from self._column("SELECT id FROM stories WHERE source_type = 'social' AND instr(body, ?)", mark)
            yield from self._column("SELECT id FROM revisions WHERE instr(body, ?)", mark)
            yield from self._column("SELECT key FROM log WHERE instr(value, ?)", mark)
            yield from self._column(f"SELECT {_ID} FROM scored WHERE instr(body, ?)", mark)  # noqa: S608

    def _titles(self) -> set[str]:
        titles: set[str] = set()
        for table in ("stories", "revisions"):
            rows = self._connection.execute(
                f"SELECT json_extract(CAST(body AS TEXT), '$.title') FROM {table}"  # noqa: S608 - a name from above
                " WHERE id IN (SELECT value FROM json_each(?))",
                (self._json,),
            )
            titles |= {title for (title,) in rows if is_telling(title)}
        return titles

    def _dead_letters(self) -> Iterator[int]:
        for number, body in self._connection.execute("SELECT number, body FROM dead_letters"):
            letter = wire.decode(bytes(body), FailedMessage)
            mine = any(author.encode() in letter.value for author in self._authors)
            if mine or letter.key in self.ids:
                yield number

    def _alerts(self) -> Iterator[tuple[str, int, Alert]]:
        if not self.ids:
            return
        for table in ("alerts", "alert_states"):
            for row, body in self._connection.execute(f"SELECT rowid, body FROM {table}"):  # noqa: S608
                alert = wire.decode(bytes(body), Alert)
                # One that tells nothing any more needs no second pass.
                if tells_of(alert, self.ids):
                    yield table, row, alert

    def _count(self, table: str, column: str) -> int:
        sql = f"SELECT count(*) FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608
        return int(self._connection.execute(sql, (self._json,)).fetchone()[0])

    def _column(self, sql: str, parameter: str | bytes) -> Iterable[str]:
        return [str(value) for (value,) in self._connection.execute(sql, (parameter,)) if value]


def _remove(connection: sqlite3.Connection, document_id: str, now: datetime) -> None:
    """One story, in the caller's transaction: the index, its past, the log, the scored stream, the memory of it."""
    story = _newest(connection, document_id)
    held = connection.execute("SELECT revision FROM known_stories WHERE id = ?", (document_id,)).fetchone()
    if story is not None:
        revision = max(story.revision, held[0] if held else 0) + (story.status != "removed")
        last = emptied(msgspec.structs.replace(story, revision=revision, updated_at=now))
        put_story(connection, last, wire.encode(last))
    connection.execute("DELETE FROM revisions WHERE id = ?", (document_id,))
    connection.execute("DELETE FROM log WHERE key = ?", (document_id,))
    connection.execute(f"DELETE FROM scored WHERE {_ID} = ?", (document_id,))  # noqa: S608
    if story is not None:
        # For who has the story in an open window: a newer revision takes its place.
        connection.execute(
            "INSERT INTO scored (seen_at, published_at, body) VALUES (?, ?, ?)",
            (to_micros(last.seen_at), to_micros(now), wire.encode(last)),
        )
    connection.execute(
        "UPDATE known_stories SET content_hash = ?, link = NULL, author = NULL WHERE id = ?", (REMOVED, document_id)
    )


def _newest(connection: sqlite3.Connection, document_id: str) -> ScoredDocument | None:
    """The story as the index has it, else as it waits on the log; None when only the memory of it is left."""
    row = connection.execute("SELECT body FROM stories WHERE id = ?", (document_id,)).fetchone()
    if row is not None:
        return wire.decode(bytes(row[0]), ScoredDocument)
    for (value,) in connection.execute("SELECT value FROM log WHERE key = ? ORDER BY offset DESC", (document_id,)):
        try:
            document = wire.decode(bytes(value), Document)
        except WireError:
            continue
        own: dict[str, Any] = {field: getattr(document, field) for field in _FIELDS}
        return ScoredDocument(**own, status="unscored")
    return None


def _rewrite(
    connection: sqlite3.Connection, table: str, row: int, alert: Alert, ids: set[str], titles: Collection[str]
) -> None:
    body = wire.encode(without_story(alert, ids, titles))
    connection.execute(f"UPDATE {table} SET body = ? WHERE rowid = ?", (body, row))  # noqa: S608 - a name from above
