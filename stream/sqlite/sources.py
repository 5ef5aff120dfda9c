"""State and health of the sources between polls and restarts, on SQLite."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from riskwire.ports import HealthEntry, SourceHealth, SourceState
from stream.sqlite.database import Database

_decode = msgspec.json.Decoder(SourceState).decode
_decode_health = msgspec.json.Decoder(SourceHealth).decode
_encode = msgspec.json.Encoder().encode
#: Changes of one source's health that are kept: a flapping one must not fill the disk.
_KEPT = 200


class SqliteSourceStates:
    """SourceStates and SourceHealths."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, name: str) -> SourceState | None:
        """See SourceStates.load."""
        rows = self._database.read("SELECT body FROM source_states WHERE name = ?", (name,))
        return _decode(bytes(rows[0][0])) if rows else None

    def save(self, state: SourceState) -> None:
        """See SourceStates.save."""
        self.save_all([state])

    def save_all(self, states: Sequence[SourceState], changes: Sequence[SourceHealth] = ()) -> None:
        """See SourceStates.save_all. One transaction, that is one fsync, however many there are."""
        with self._database.write() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO source_states VALUES (?, ?)", [(state.name, _encode(state)) for state in states]
            )
            for change in changes:
                connection.execute(
                    "INSERT INTO source_health (name, body) VALUES (?, ?)", (change.name, _encode(change))
                )
                connection.execute(
                    "DELETE FROM source_health WHERE name = ?1 AND offset <= ("
                    " SELECT offset FROM source_health WHERE name = ?1 ORDER BY offset DESC LIMIT 1 OFFSET ?2)",
                    (change.name, _KEPT),
                )

    def all(self) -> list[SourceState]:
        """See SourceStates.all."""
        return [_decode(bytes(body)) for (body,) in self._database.read("SELECT body FROM source_states ORDER BY name")]

    def read_health(self, after: int, limit: int) -> list[HealthEntry]:
        """See SourceHealths.read_health."""
        rows = self._database.read(
            "SELECT offset, body FROM source_health WHERE offset > ? ORDER BY offset LIMIT ?", (after, limit)
        )
        return [HealthEntry(offset, _decode_health(bytes(body))) for offset, body in rows]
