"""`riskwire index init|status|migrate|prune` on the real server, and a migration under a writer that never stops."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from cluster import remove_indices
from riskwire.errors import StorageBusy, StorageError
from riskwire.ports import SearchQuery
from riskwire.settings import ElasticsearchSettings
from riskwire.testing import a_story
from stream.elastic import migrate, retention, schema
from stream.elastic.mapping import ALERTS, KINDS, REVISIONS, STORIES
from stream.elastic.storage import ElasticStorage

RISKWIRE = Path(sys.executable).parent / "riskwire"
NEXT = msgspec.structs.replace(
    STORIES, version=STORIES.version + 1, properties={**STORIES.properties, "chain_id": {"type": "keyword"}}
)


@pytest.fixture
def settings(elasticsearch, own_name):
    made = ElasticsearchSettings(url=elasticsearch.url, prefix=own_name, shards=2)
    yield made
    with ElasticStorage(made) as storage:
        remove_indices(storage, own_name)


@pytest.fixture
def storage(settings):
    with ElasticStorage(settings, patience=30) as storage:
        schema.init(storage.client, settings)
        yield storage


def documents(storage):
    storage.client.indices.refresh(index=storage.index._stories)
    return storage.index.count(SearchQuery())


def test_init_makes_what_is_missing_and_again_changes_nothing(settings, storage):
    assert schema.init(storage.client, settings) == []
    states = schema.status(storage.client, settings.prefix)
    assert [state.alias for state in states] == [kind.alias(settings.prefix) for kind in KINDS]
    assert all(state.problem == "" and state.version == state.wanted for state in states)
    storage.client.indices.delete(index=STORIES.index(settings.prefix))
    assert "index init" in schema.status(storage.client, settings.prefix)[0].problem
    assert schema.init(storage.client, settings) == [STORIES.index(settings.prefix)]


def test_the_server_keeps_the_mapping_as_it_is_written_here(settings, storage):
    for kind in KINDS:
        index = kind.index(settings.prefix)
        kept = storage.client.indices.get_mapping(index=index)[index]["mappings"]
        # Defaults are left out in the answer, and `dynamic` is a text there.
        assert kept["properties"].keys() == kind.mapping["properties"].keys()
        assert kept["dynamic"] == "false"
        assert kept["_meta"] == kind.mapping["_meta"]


def test_two_that_init_at_once_make_one_index(settings):
    results = []

    def run():
        with ElasticStorage(settings) as storage:
            results.append(schema.init(storage.client, settings))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    with ElasticStorage(settings) as storage:
        assert all(state.problem == "" for state in schema.status(storage.client, settings.prefix))


def test_an_index_with_the_name_of_the_alias_is_told(settings, storage):
    storage.client.indices.delete(index=STORIES.index(settings.prefix))
    storage.client.indices.create(index=STORIES.alias(settings.prefix))
    with pytest.raises(StorageError, match="where an alias is wanted"):
        schema.init(storage.client, settings)


class Writer(threading.Thread):
    """Writes new stories, corrections and removals without a pause, as a worker does: what fails is tried again."""

    def __init__(self, settings):
        super().__init__()
        self._settings, self.over = settings, threading.Event()
        self.newest, self.waited = {}, 0
        self.error = None

    def run(self):
        try:
            with ElasticStorage(self._settings, patience=0.2) as storage:
                number = 1_000
                while not self.over.is_set():
                    number += 10
                    batch = [a_story(n) for n in range(number, number + 10)]
                    batch.append(a_story(number, revision=2, title="Corrected"))
                    batch.append(a_story(number - 9, revision=2, title="Corrected"))
                    batch.append(a_story(number - 8, revision=3, status="removed"))
                    while True:
                        try:
                            storage.index.put(batch)
                            break
                        except StorageBusy:
                            self.waited += 1
                    for one in batch:
                        self.newest[one.id] = max(one.revision, self.newest.get(one.id, 0))
        except BaseException as error:
            self.error = error


def test_nothing_that_is_written_meanwhile_is_lost(settings, storage):
    storage.index.put([a_story(n) for n in range(900)])
    storage.index.put([a_story(1, revision=7)])
    writer = Writer(settings)
    writer.start()
    searches = []

    def progress(alias, done):
        searches.append(storage.index.count(SearchQuery()))

    done = migrate.migrate(storage.client, storage.bulk, NEXT, settings, progress)
    while not (after := len(writer.newest)) or after == len(writer.newest):  # it goes on, on the new index
        assert writer.is_alive()
    writer.over.set()
    writer.join()
    assert writer.error is None
    assert (done.old, done.new) == (STORIES.index(settings.prefix), NEXT.index(settings.prefix))
    assert schema.behind(storage.client, NEXT.alias(settings.prefix)) == done.new
    assert schema.version_of(storage.client, done.new) == NEXT.version
    expected = {a_story(n).id: 1 for n in range(900)} | {a_story(1).id: 7} | writer.newest
    assert storage.index.held(list(expected)) == expected
    assert documents(storage) == len(expected)
    assert min(searches) > 0  # no gap for the readers
    migrate.delete(storage.client, done)
    assert documents(storage) == len(expected)


def test_writers_are_held_up_by_the_last_step_and_told_to_try_again(settings, storage, monkeypatch):
    """The one moment in which a write could fall between the indices: it must fail, in a way that is tried again."""
    storage.index.put([a_story(1)])
    tried = []

    def while_blocked(self):
        with ElasticStorage(settings, patience=0) as other:
            try:
                other.index.put([a_story(2)])
            except StorageBusy as error:
                tried.append(str(error))

    monkeypatch.setattr(migrate._Copier, "drop_deleted", while_blocked)
    migrate.migrate(storage.client, storage.bulk, NEXT, settings)
    assert len(tried) == 1
    assert "tried again" in tried[0]
    assert storage.index.put([a_story(2)]).indexed == 1
    assert documents(storage) == 2


def test_what_is_deleted_meanwhile_does_not_come_back(settings, storage, monkeypatch):
    next_revisions = msgspec.structs.replace(REVISIONS, version=REVISIONS.version + 1)
    storage.index.put([a_story(1, title="Secret"), a_story(2, title="Kept")])
    storage.index.put([a_story(1, revision=2, title="Secret"), a_story(2, revision=2, title="Kept")])
    real = migrate._Copier.copy
    calls = []

    def copy(self):
        copied = real(self)
        if not calls:  # after the first pass has copied the revision
            storage.index.put([a_story(1, revision=3, status="removed")])
        calls.append(copied)
        return copied

    monkeypatch.setattr(migrate._Copier, "copy", copy)
    migrate.migrate(storage.client, storage.bulk, next_revisions, settings)
    hits = storage.client.search(index=REVISIONS.alias(settings.prefix))["hits"]["hits"]
    assert calls[0] == 2
    assert [hit["_source"]["title"] for hit in hits] == ["Kept"]


def test_a_migration_that_fails_leaves_the_old_index_as_it_was_and_can_be_begun_again(settings, storage, monkeypatch):
    storage.index.put([a_story(n) for n in range(5)])

    def broken(*_):
        raise StorageError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "_same_count", broken)
        with pytest.raises(StorageError, match="cut off"):
            migrate.migrate(storage.client, storage.bulk, NEXT, settings)
    assert schema.behind(storage.client, NEXT.alias(settings.prefix)) == STORIES.index(settings.prefix)
    assert storage.index.put([a_story(5)]).indexed == 1  # it takes writes again
    assert migrate.migrate(storage.client, storage.bulk, NEXT, settings).copied == 6
    assert documents(storage) == 6
    assert migrate.migrate(storage.client, storage.bulk, NEXT, settings) is None


def test_an_index_that_a_killed_migration_left_shut_is_told_and_opened(settings, storage):
    storage.client.indices.add_block(index=STORIES.index(settings.prefix), block="write")
    (state, *_) = schema.status(storage.client, settings.prefix)
    assert "cut off" in state.problem
    assert migrate.migrate(storage.client, storage.bulk, STORIES, settings) is None
    assert storage.index.put([a_story(1)]).indexed == 1


def test_an_index_of_a_newer_program_is_left_alone(settings, storage):
    migrate.migrate(storage.client, storage.bulk, NEXT, settings)
    assert "newer Riskwire" in schema.status(storage.client, settings.prefix)[0].problem
    with pytest.raises(StorageError, match="newer Riskwire"):
        migrate.migrate(storage.client, storage.bulk, STORIES, settings)


def test_what_is_derived_is_derived_anew(settings, storage, monkeypatch):
    story = a_story(1, title="Zürich")
    storage.index.put([story])
    storage.client.update(index=STORIES.index(settings.prefix), id=story.id, doc={"canonical_link": "wrong"})
    migrate.migrate(storage.client, storage.bulk, NEXT, settings)
    storage.client.indices.refresh(index=NEXT.index(settings.prefix))
    assert storage.index.search(SearchQuery(text="zurich")).documents == [story]
    (hit,) = storage.client.search(index=NEXT.alias(settings.prefix))["hits"]["hits"]
    assert "canonical_link" not in hit["_source"]


def test_prune_deletes_what_is_older_with_its_revisions(settings, storage):
    then = datetime(2026, 1, 10, tzinfo=UTC)
    storage.index.put([a_story(1, event_time=then - timedelta(days=2)), a_story(2, event_time=then)])
    storage.index.put([a_story(1, revision=2, event_time=then - timedelta(days=2))])
    storage.client.indices.refresh(index=f"{settings.prefix}-*")
    counts = retention.prune(storage.client, storage.bulk, settings.prefix, then)
    assert counts == {
        REVISIONS.alias(settings.prefix): 1,
        STORIES.alias(settings.prefix): 1,
        ALERTS.alias(settings.prefix): 0,
    }
    storage.client.indices.refresh(index=f"{settings.prefix}-*")
    assert [one.id for one in storage.index.search(SearchQuery()).documents] == [a_story(2).id]
    assert storage.index.revisions(a_story(1).id) == []


def test_the_commands(settings, tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RISKWIRE_")}
    environment = clean | {
        "RISKWIRE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "RISKWIRE_ELASTICSEARCH__URL": settings.url,
        "RISKWIRE_ELASTICSEARCH__PREFIX": settings.prefix,
        "NO_COLOR": "1",
    }

    def command(*arguments):
        return subprocess.run(
            [RISKWIRE, "index", *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    before = command("status", "--format", "jsonl")
    assert before.returncode == 1
    assert "riskwire index init" in before.stdout
    made = command("init")
    assert (made.returncode, STORIES.index(settings.prefix) in made.stderr) == (0, True)
    after = command("status", "--format", "jsonl")
    assert after.returncode == 0, after.stdout
    assert len(after.stdout.splitlines()) == len(KINDS)
    assert "is of this version" in command("migrate").stderr
    assert command("prune").returncode == 2
    assert command("prune", "--days", "30").returncode == 0
