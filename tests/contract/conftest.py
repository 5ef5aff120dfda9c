"""Every port suite runs against every implementation. To add one: another class here, and its name in BACKENDS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from riskwire.testing import MemoryIndex, MemoryLog
from stream.sqlite.storage import Storage


class MemoryBackend:
    """The fakes that ship. To reopen them loses nothing: they stand for a process that goes on."""

    def __init__(self, folder: Path) -> None:
        self.log = self.sources = MemoryLog()
        self.index = self.scored = self.offsets = self.alerts = self.notifications = MemoryIndex()

    def reopen(self) -> None:
        """Nothing to do."""

    def dead_letters(self) -> list[Any]:
        return self.log.dead_letters

    def poison(self, value: bytes) -> None:
        self.log.append_raw("poison", value)

    def close(self) -> None:
        """Nothing to do."""


class SqliteBackend:
    """The one-machine setting."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "riskwire.db"
        self._open()

    def _open(self) -> None:
        self._storage = Storage(self._path)
        self.log, self.sources = self._storage.log, self._storage.sources
        self.index, self.scored, self.offsets = self._storage.index, self._storage.scored, self._storage.offsets
        self.alerts, self.notifications = self._storage.alerts, self._storage.notifications

    def reopen(self) -> None:
        self.close()
        self._open()

    def dead_letters(self) -> list[Any]:
        return self.log.dead_letters()[::-1]

    def poison(self, value: bytes) -> None:
        with self._storage.database.write() as connection:
            connection.execute("INSERT INTO log (key, value) VALUES ('poison', ?)", (value,))

    def close(self) -> None:
        self._storage.close()


BACKENDS = {"memory": MemoryBackend, "sqlite": SqliteBackend}


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """An empty backend: `log`, `sources`, `index`, `scored`, `offsets`, `alerts`, `notifications`, and `reopen()`."""
    made = BACKENDS[request.param](tmp_path)
    yield made
    made.close()
