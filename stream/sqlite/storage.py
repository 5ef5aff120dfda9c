"""The one-machine setting's whole storage, opened at once: what `riskwire.cli` wires to the ports."""

from __future__ import annotations

from pathlib import Path

from riskwire.clock import Clock
from riskwire.closing import Closing
from stream.sqlite.alerts import SqliteAlertStore, SqliteNotificationLog
from stream.sqlite.backfills import SqliteCheckpoints
from stream.sqlite.database import Database, Kind
from stream.sqlite.forget import SqlitePersonalData
from stream.sqlite.index import SqliteIndex
from stream.sqlite.log import SqliteLog
from stream.sqlite.scored import SqliteOffsets, SqliteScoredStream
from stream.sqlite.sources import SqliteSourceStates


class Storage(Closing):
    """Every port on one Database. Close it, or use it in a `with`.

    `kind` claims the folder for live or demo stories; without it nothing is claimed (commands that only read).
    Raises StorageError, and UsageError when the folder holds the other kind.
    """

    def __init__(self, path: Path, *, kind: Kind | None = None, clock: Clock | None = None) -> None:
        self.database = Database(path)
        try:
            if kind is not None:
                self.database.claim(kind)
        except BaseException:
            self.database.close()
            raise
        self.log = SqliteLog(self.database)  # DocumentLog and KnownStories
        self.spool = self.known = self.log  # what ingest writes to and asks: see ClusterStore
        self.index = SqliteIndex(self.database)
        self.scored = SqliteScoredStream(self.database, clock)
        self.offsets = SqliteOffsets(self.database)
        self.alerts = SqliteAlertStore(self.database)
        self.notifications = SqliteNotificationLog(self.database)
        self.sources = SqliteSourceStates(self.database)
        self.checkpoints = SqliteCheckpoints(self.database)
        self.people = SqlitePersonalData(self.database)

    def forwarder(self, clock: Clock) -> None:
        """Nothing need be moved from the spool: it is the log itself."""

    def close(self) -> None:
        """Close the file."""
        self.database.close()
