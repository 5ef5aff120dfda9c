"""What SQLite says, as our own errors, each with what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from riskwire.errors import StorageBusy, StorageError, StorageFull


def storage_error(error: sqlite3.Error | OSError, path: Path) -> StorageError:
    """The StorageError that says the same. Raise it `from` the error."""
    about = str(path)
    if isinstance(error, OSError):
        return StorageError("the data folder can't be used", about=about, hint="Choose another with --data.")
    # The low byte is the primary code; the rest says more of the same.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StorageBusy(
                "another process is writing to it and did not finish in time", about=about, hint="Try again."
            )
        case sqlite3.SQLITE_FULL:
            return StorageFull(
                "no space left on the disk", about=about, hint="Free some: nothing is lost, it is tried again."
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return StorageError(
                "is damaged, or no database of Riskwire",
                about=about,
                hint="Move it and its -wal file away (keep them) and start again, or restore a copy.",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return StorageError(
                "can't be opened for writing", about=about, hint="Check the folder's rights, or choose another: --data."
            )
        case sqlite3.SQLITE_IOERR:
            return StorageError(
                "reading or writing failed", about=about, hint="Check the disk: its space, its quota, its health."
            )
    return StorageError("the database failed", about=about, hint="`riskwire doctor` checks it.")
