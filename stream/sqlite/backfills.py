"""How far backfills have come, on SQLite."""

from __future__ import annotations

import msgspec

from stream.backfill.summary import Checkpoint
from stream.sqlite.database import Database

_decode = msgspec.json.Decoder(Checkpoint).decode


class SqliteCheckpoints:
    """Checkpoints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, run: str) -> Checkpoint | None:
        """See Checkpoints.load."""
        rows = self._database.read("SELECT body FROM backfills WHERE run = ?", (run,))
        return _decode(bytes(rows[0][0])) if rows else None

    def save(self, run: str, checkpoint: Checkpoint) -> None:
        """See Checkpoints.save."""
        body = msgspec.json.encode(checkpoint)
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO backfills VALUES (?, ?)", (run, body))

    def finish(self, run: str) -> None:
        """See Checkpoints.finish."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM backfills WHERE run = ?", (run,))
