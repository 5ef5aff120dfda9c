"""The real Kafka and Elasticsearch of the tests, as fixtures: one set of servers a session, names of its own a test.

They start at the first test that asks for them, in a folder of their own, and end with the session. TEST_SERVICES=1
takes the ones of `make services` instead, which saves their start while one works on a test (a test that restarts a
server restarts that one). Where Java or Maven is missing the tests are skipped with a line that names what to install;
with CI=true that is a failure.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from downloads import missing
from servers import Elasticsearch, Kafka
from services import FOLDER, Services
from stream.elastic.bodies import deletion
from stream.elastic.mapping import KINDS
from stream.elastic.storage import ElasticStorage


def need_java(*, compiler: bool = False) -> None:
    """Skip, or fail with CI=true, where the servers can't start; `compiler`: where one with users can't."""
    lacking = missing()
    if lacking is None and compiler and shutil.which("javac") is None:
        lacking = "javac is needed for a server with users: apt-get install openjdk-17-jdk-headless"
    if lacking is None and compiler and shutil.which("openssl") is None:
        lacking = "openssl is needed for its certificates: apt-get install openssl"
    if lacking is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Both servers, answering: `.kafka`, `.elasticsearch`, each with `restart(kill=…, pause=…)`; `.environment`."""
    need_java()
    if os.environ.get("TEST_SERVICES"):
        running = Services(FOLDER)
        if not all(server.is_up() for server in running.all):
            pytest.fail("TEST_SERVICES is set, but nothing answers: make services")
        yield running
        for server in running.all:
            server.leave()
        return
    with server_folder() as folder:
        started = Services(folder)
        try:
            started.start()
            yield started
        finally:
            started.stop()


@pytest.fixture
def kafka(services: Services) -> Kafka:
    """The broker. Whoever restarts it does so for all tests that follow, which is no harm."""
    return services.kafka


@pytest.fixture
def elasticsearch(services: Services) -> Elasticsearch:
    """The node without security. For one with, see test_elastic_security.py."""
    return services.elasticsearch


@pytest.fixture
def own_name() -> str:
    """A name that no other test has: the prefix of a test's indices, topics and groups."""
    return f"t{uuid.uuid4().hex[:10]}"


def empty_indices(storage: ElasticStorage, prefix: str) -> None:
    """Delete every document, which takes a tenth of the time that new indices do."""
    client, deleted = storage.client, False
    for kind in KINDS:
        alias = kind.alias(prefix)
        client.indices.refresh(index=alias)
        hits = client.search(index=alias, source=False, size=5_000)["hits"]["hits"]
        if hits:
            deleted = True
            storage.bulk.write(alias, [deletion(hit["_id"]) for hit in hits])
    if deleted:
        # A deleted id is remembered, and its next version 1 would be out of date: index.gc_deletes is 0s in these
        # indices, which means the next refresh that the server's own coarse clock sees as later.
        time.sleep(0.3)
        client.indices.refresh(index=f"{prefix}-*")


def remove_indices(storage: ElasticStorage, prefix: str) -> None:
    """Delete what a test made, so that the one small node has few shards to look after."""
    client = storage.client
    names = list(client.indices.get(index=f"{prefix}-*", features="aliases"))
    if names:
        client.indices.delete(index=",".join(names))
    for kind in KINDS:
        client.options(ignore_status=404).indices.delete_index_template(name=kind.alias(prefix))


class server_folder:  # noqa: N801 - used like a function
    """A new folder that the servers' own user can reach (pytest's tmp_path is closed to others), gone at the end."""

    def __enter__(self) -> Path:
        self._folder = Path(tempfile.mkdtemp(prefix="riskwire-services-"))
        self._folder.chmod(0o755)
        return self._folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
