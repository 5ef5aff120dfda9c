"""The one SQLite file: its connections, its transactions, its errors.

One writer, guarded by a lock, and as many readers as ask at once. WAL lets readers see a settled state while the writer
works, in other processes too. `synchronous=FULL` syncs the WAL at each commit: with WAL's usual NORMAL a power cut may
undo the last commits, and then what was acknowledged (a feed's new state, an offset) would be gone. It costs one fsync
a transaction, which is why callers write in batches.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from riskwire.closing import Closing
from riskwire.errors import StorageError, UsageError
from stream.sqlite.failures import storage_error
from stream.sqlite.schema import MIGRATIONS, VERSION

Kind = Literal["live", "demo"]
T = TypeVar("T")

#: Seconds a writer waits for another process's transaction before it gives up with StorageBusy.
BUSY_SECONDS = 10.0
#: Idle connections for reading that are kept; more are made when more threads read at once, and closed afterwards.
_IDLE_READERS = 4


class Database(Closing):
    """`riskwire.db`. Made with its folder (0700, it holds what people wrote) when it is not there; close it.

    Raises StorageError when it can't be opened, is damaged, or was made by a newer Riskwire.
    """

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._busy = busy_seconds
        self._write_lock = threading.RLock()
        self._pool_lock = threading.Lock()  # its own: a reader never waits for a writer
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)
        except OSError as error:
            raise storage_error(error, path) from error
        self._writer = self._connect()
        try:
            with self._translated():
                self._prepare()
        except BaseException:
            self._writer.close()
            raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or, when the block raises, nothing. Durable when the block ends.

        Raises StorageBusy, StorageFull, StorageError.
        """
        with self._write_lock, self._translated():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # SQLite itself has rolled back after some errors (disk full)
                    self._writer.execute("ROLLBACK")
                raise

    def read(self, sql: str, parameters: tuple[Any, ...] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one SELECT, on a settled state that includes what other processes committed."""
        return self.reading(lambda connection: connection.execute(sql, parameters).fetchall())

    def reading(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Several SELECTs on one settled state."""
        with self._translated():
            reader = self._take_reader()
            try:
                reader.execute("BEGIN")
                return work(reader)
            finally:
                if reader.in_transaction:
                    reader.execute("ROLLBACK")
                self._give_reader(reader)

    def claim(self, kind: Kind) -> None:
        """Mark the folder as one of demo stories or of others.

        Raises UsageError when it is the other: simulated stories among real ones would spoil both.
        """
        with self.write() as connection:
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('kind', ?)", (kind,))
            (held,) = connection.execute("SELECT value FROM meta WHERE key = 'kind'").fetchone()
        if held != kind:
            raise UsageError(
                "holds the demo's stories"
                if held == "demo"
                else "holds real stories, and the demo must not mix with them",
                about=str(self.path.parent),
                hint="Choose another folder: --data DIR.",
            )

    def kind(self) -> Kind | None:
        """What the folder was claimed for; None when nobody has."""
        rows = self.read("SELECT value FROM meta WHERE key = 'kind'")
        return rows[0][0] if rows else None

    def reset(self) -> None:
        """Empty a demo folder, so that the demo can start anew. Raises UsageError for any other."""
        if self.kind() != "demo":
            raise UsageError("is no demo folder, and is not emptied", about=str(self.path.parent))
        with self.write() as connection:
            tables = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
                " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'words%' AND name != 'meta'"
            ).fetchall()
            for (table,) in tables:
                connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 - a name from the schema
            connection.execute("INSERT INTO words (words) VALUES ('delete-all')")

    def scrub(self) -> bool:
        """Leave no byte of what was deleted in the file: merge the index of words, write the file anew, empty its log.

        False when readers of another process kept the log from being emptied: then once more, later. Needs as much disk
        as the file has once more. Raises StorageError.
        """
        with self.write() as connection:
            connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        with self._pool_lock:
            while self._readers:  # ours: an idle connection holds no lock, but its cache the pages of before
                self._readers.pop().close()
        with self._write_lock, self._translated():
            self._writer.execute("VACUUM")
            return bool(self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)

    def check(self) -> list[str]:
        """What SQLite's own check finds wrong; empty when all is well. For `riskwire doctor`: it reads every page."""
        found = [str(row[0]) for row in self.read("PRAGMA quick_check(20)")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close every connection. Calling it again does nothing."""
        with self._write_lock, self._pool_lock:
            self._closed = True
            while self._readers:
                self._readers.pop().close()
            self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        with self._translated():
            # autocommit off the library's hands: transactions are begun and ended here and nowhere else.
            connection = sqlite3.connect(
                self.path, timeout=self._busy, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            try:
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA temp_store = MEMORY")
                connection.execute("PRAGMA journal_size_limit = 67108864")  # the WAL shrinks back to 64 MB
                connection.execute("PRAGMA cache_size = -16000")  # 16 MB
            except BaseException:
                connection.close()
                raise
            return connection

    def _prepare(self) -> None:
        self._use_wal()
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            return
        with self.write() as connection:
            # Asked again inside the transaction: another process may have done it meanwhile.
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StorageError(
                    f"was made by a newer Riskwire (schema {version}, this one knows {VERSION})",
                    about=str(self.path),
                    hint="Update riskwire, or choose another folder: --data DIR.",
                )
            for script in MIGRATIONS[version:]:
                for statement in _statements(script):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def _use_wal(self) -> None:
        # Two processes that open a new file at once: this one switch does not wait by itself for the other's lock.
        deadline = time.monotonic() + self._busy
        while self._writer.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                self._writer.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _take_reader(self) -> sqlite3.Connection:
        with self._pool_lock:
            if self._readers:
                return self._readers.pop()
        return self._connect()

    def _give_reader(self, reader: sqlite3.Connection) -> None:
        with self._pool_lock:
            if not self._closed and len(self._readers) < _IDLE_READERS:
                self._readers.append(reader)
                return
        reader.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise storage_error(error, self.path) from error


def _statements(script: str) -> Iterator[str]:
    # executescript() would commit the transaction that makes a migration all or nothing.
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
