"""Every port suite runs against every implementation. To add one: another class here, and its name in BACKENDS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import empty_indices, remove_indices
from kafka_backend import KafkaBackend
from riskwire.settings import ElasticsearchSettings
from riskwire.testing import MemoryIndex, MemoryLog
from services import Services
from stream.elastic import schema
from stream.elastic.storage import ElasticStorage
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


class ElasticBackend:
    """The index side of the cluster setting, on the real server. The indices are emptied after each test."""

    def __init__(self, settings: ElasticsearchSettings) -> None:
        self._settings = settings
        self._open()

    def _open(self) -> None:
        # `refresh`: the suites ask at once for what they wrote.
        self._storage = ElasticStorage(self._settings, refresh=True)
        self.index, self.alerts = self._storage.index, self._storage.alerts
        self.notifications, self.offsets = self._storage.notifications, self._storage.offsets
        self.sources = self._storage.sources

    def reopen(self) -> None:
        self._storage.close()
        self._open()

    def close(self) -> None:
        empty_indices(self._storage, self._settings.prefix)
        self._storage.close()


@pytest.fixture(scope="session")
def elastic_settings(services: Services) -> Iterator[ElasticsearchSettings]:
    """Indices for the suites, under a prefix of their own."""
    settings = ElasticsearchSettings(url=services.elasticsearch.url, prefix=f"t{uuid.uuid4().hex[:10]}")
    with ElasticStorage(settings) as storage:
        schema.init(storage.client, settings)
        # See empty_indices.
        storage.client.indices.put_settings(index=f"{settings.prefix}-*", settings={"index.gc_deletes": "0s"})
        yield settings
        remove_indices(storage, settings.prefix)


BACKENDS = {"memory": MemoryBackend, "sqlite": SqliteBackend, "elastic": ElasticBackend, "kafka": KafkaBackend}
#: Which suites run on Elasticsearch: the log and the scored stream of the cluster are Kafka's.
ON_ELASTIC = {"test_port_index", "test_port_alerts", "test_port_sources"}
#: And those that run on Kafka alone of the two.
ON_KAFKA = {"test_port_log", "test_port_scored"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        module = metafunc.module.__name__.rpartition(".")[2]
        only = {"elastic": ON_ELASTIC, "kafka": ON_KAFKA}
        names = [name for name in sorted(BACKENDS) if module in only.get(name, {module})]
        metafunc.parametrize("backend", names, indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """An empty backend: `log`, `sources`, `index`, `scored`, `offsets`, `alerts`, `notifications`, and `reopen()`."""
    if request.param == "elastic":
        made: Any = ElasticBackend(request.getfixturevalue("elastic_settings"))
    elif request.param == "kafka":
        services = request.getfixturevalue("services")
        made = KafkaBackend(services.kafka.bootstrap_servers, request.getfixturevalue("own_name"), tmp_path)
    else:
        made = BACKENDS[request.param](tmp_path)
    yield made
    made.close()
