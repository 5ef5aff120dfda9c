"""State of the sources between polls and restarts, on SQLite."""

from __future__ import annotations

import msgspec

from riskwire.ports import SourceState
from stream.sqlite.database import Database

_decode = msgspec.json.Decoder(SourceState).decode


class SqliteSourceStates:
    """SourceStates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, name: str) -> SourceState | None:
        """See SourceStates.load."""
        rows = self._database.read("SELECT body FROM source_states WHERE name = ?", (name,))
        return _decode(bytes(rows[0][0])) if rows else None

    def save(self, state: SourceState) -> None:
        """See SourceStates.save."""
        body = msgspec.json.encode(state)
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO source_states VALUES (?, ?)", (state.name, body))

    def all(self) -> list[SourceState]:
        """See SourceStates.all."""
        return [_decode(bytes(body)) for (body,) in self._database.read("SELECT body FROM source_states ORDER BY name")]
