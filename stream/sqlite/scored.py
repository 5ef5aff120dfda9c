"""The scored stream on SQLite, and how far its consumers have come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from riskwire import wire
from riskwire.clock import Clock, SystemClock
from riskwire.ports import ScoredEntry
from riskwire.types import ScoredDocument
from stream.sqlite.database import Database
from stream.times import to_micros

#: How long entries are kept: longer than any window that is rebuilt from them.
RETENTION = timedelta(days=7)
#: Entries between two prunings.
_PRUNE_EVERY = 2_000
#: Entries that one pruning drops at most, so that no writer waits long for it.
_PRUNE_MOST = 20_000


class SqliteScoredStream:
    """ScoredStream. Old entries are pruned, but never one that a consumer has yet to handle."""

    def __init__(self, database: Database, clock: Clock | None = None, retention: timedelta = RETENTION) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._retention = retention
        self._since_prune = _PRUNE_EVERY  # the first publish prunes, too: a restart is a good time

    def publish(self, documents: Sequence[ScoredDocument]) -> None:
        """See ScoredStream.publish."""
        now = to_micros(self._clock.now())
        rows = [(to_micros(document.seen_at), now, wire.encode(document)) for document in documents]
        with self._database.write() as connection:
            connection.executemany("INSERT INTO scored (seen_at, published_at, body) VALUES (?, ?, ?)", rows)
        self._since_prune += len(rows)
        if self._since_prune >= _PRUNE_EVERY:
            self._since_prune = 0
            self.prune()

    def prune(self) -> None:
        """Drop what is older than the retention and behind every consumer."""
        with self._database.write() as connection:
            connection.execute(
                # Offsets are in the order of publication: everything before the first young entry is old.
                "DELETE FROM scored WHERE offset < coalesce("
                "  (SELECT offset FROM scored WHERE published_at >= :old ORDER BY offset LIMIT 1), 0x7fffffffffffffff)"
                " AND offset <= coalesce("
                "  (SELECT min(offset) FROM consumer_offsets WHERE instr(consumer, ':') = 0), 0x7fffffffffffffff)"
                " AND offset < (SELECT min(offset) FROM scored) + :most",
                {"old": to_micros(self._clock.now() - self._retention), "most": _PRUNE_MOST},
            )

    def read(self, after: int, limit: int) -> list[ScoredEntry]:
        """See ScoredStream.read."""
        rows = self._database.read(
            "SELECT offset, body FROM scored WHERE offset > ? ORDER BY offset LIMIT ?", (after, limit)
        )
        return [ScoredEntry(offset, wire.decode(bytes(body), ScoredDocument)) for offset, body in rows]

    def offset_before(self, then: datetime) -> int:
        """See ScoredStream.offset_before."""
        ((first,),) = self._database.read("SELECT min(offset) FROM scored WHERE seen_at >= ?", (to_micros(then),))
        return self.end() if first is None else int(first) - 1

    def end(self) -> int:
        """See ScoredStream.end."""
        rows = self._database.read("SELECT seq FROM sqlite_sequence WHERE name = 'scored'")
        return int(rows[0][0]) if rows else 0


class SqliteOffsets:
    """ConsumerOffsets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def committed(self, consumer: str) -> int:
        """See ConsumerOffsets.committed."""
        rows = self._database.read("SELECT offset FROM consumer_offsets WHERE consumer = ?", (consumer,))
        return int(rows[0][0]) if rows else 0

    def commit(self, consumer: str, offset: int) -> None:
        """See ConsumerOffsets.commit."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO consumer_offsets VALUES (?, ?)"
                " ON CONFLICT (consumer) DO UPDATE SET offset = max(offset, excluded.offset)",
                (consumer, offset),
            )
