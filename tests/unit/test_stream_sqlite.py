"""The file itself: claims, errors, plans, pruning, permissions."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from riskwire.clock import ManualClock
from riskwire.errors import StorageBusy, StorageError, StorageFull, UsageError
from riskwire.ports import SearchQuery
from riskwire.testing import a_document, a_story
from stream.sqlite.database import Database
from stream.sqlite.failures import storage_error
from stream.sqlite.filters import plan
from stream.sqlite.lock import only_one
from stream.sqlite.log import SqliteLog
from stream.sqlite.match import match_expression
from stream.sqlite.schema import VERSION
from stream.sqlite.scored import SqliteOffsets, SqliteScoredStream
from stream.sqlite.storage import Storage
from stream.times import from_micros, to_micros

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "riskwire.db"


@pytest.fixture
def database(path):
    with Database(path, busy_seconds=0.1) as database:
        yield database


def test_what_it_makes_is_for_its_owner_alone(path, database):
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_commits_are_synced_and_readers_never_wait(database):
    with database.write() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        assert database.read("SELECT * FROM meta") == []
    assert database.read("SELECT * FROM meta") == [("a", "b")]


def test_a_block_that_raises_leaves_nothing(database):
    def half():
        with database.write() as connection:
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert database.read("SELECT * FROM meta") == []


def test_many_threads_read_and_write_at_once(path):
    with Database(path) as database:
        log, failed = SqliteLog(database), []

        def work(number):
            try:
                for step in range(20):
                    log.append([a_document(number * 100 + step)])
                    log.depth()
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert log.depth() == 160


# -- whose folder it is


def test_demo_and_other_stories_do_not_mix(database):
    assert database.kind() is None
    database.claim("demo")
    database.claim("demo")
    with pytest.raises(UsageError, match=r"demo.*--data") as caught:
        database.claim("live")
    assert caught.value.exit_code == 2


def test_the_demo_does_not_go_into_a_live_folder(path):
    with Storage(path, kind="live"):
        pass
    with pytest.raises(UsageError, match="real stories"):
        Storage(path, kind="demo")


def test_only_a_demo_folder_is_emptied(path):
    with Storage(path, kind="demo") as storage:
        storage.log.append([a_document(1)])
        storage.index.put([a_story(1, title="Words"), a_story(1, revision=2)])
        storage.scored.publish([a_story(1)])
        storage.database.reset()
        assert storage.index.count(SearchQuery()) == storage.index.count(SearchQuery(text="story")) == 0
        assert storage.log.depth() == 0
        assert storage.log.append([a_document(1)]).appended == 1
        assert storage.index.put([a_story(1)]).indexed == 1
        assert storage.index.count(SearchQuery(text="story")) == 1
        assert storage.database.kind() == "demo"
        assert storage.database.check() == []


def test_no_other_folder_is_emptied(database):
    for _ in range(2):
        with pytest.raises(UsageError):
            database.reset()
        database.claim("live")


def test_one_up_a_folder(tmp_path):
    program = (
        "import sys; from pathlib import Path; from stream.sqlite.lock import only_one\n"
        f"with only_one(Path({str(tmp_path)!r})):\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(StorageBusy, match=rf"another riskwire up \(pid {other.pid}\) uses this folder"),
            only_one(tmp_path),
        ):
            pass
        other.kill()
    with only_one(tmp_path), pytest.raises(StorageBusy, match=f"pid {os.getpid()}"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


# -- what can go wrong with the file


@pytest.mark.parametrize("data", [b"this is no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_left_as_it_is(path, data):
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(StorageError, match=r"riskwire\.db.*(damaged|failed)"):
        Database(path)
    assert path.read_bytes() == data


def test_a_damaged_page_is_found_by_the_check(path):
    with Storage(path) as storage:
        storage.index.put([a_story(n) for n in range(200)])
        ((page,),) = storage.database.read("SELECT rootpage FROM sqlite_schema WHERE name = 'stories_by_time'")
        assert storage.database.check() == []
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xaa" * 4096
    path.write_bytes(data)
    with Database(path) as database:
        assert database.check() != []


def test_a_newer_schema_is_refused(path):
    with Database(path) as database, database.write() as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StorageError, match="newer Riskwire"):
        Database(path)


def test_a_file_of_another_program_is_not_taken_over(path):
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE log (x)")
    other.close()
    with pytest.raises(StorageError):
        Database(path)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("log",)]
    other.close()


def test_a_locked_database_is_busy_and_says_so(path, database):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageBusy, match="another process"):
        SqliteLog(database).append([a_document(1)])
    assert SqliteLog(database).depth() == 0  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    assert SqliteLog(database).append([a_document(1)]).appended == 1


def test_a_folder_that_is_a_file_is_an_error_with_its_path(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(StorageError, match=r"x/riskwire\.db.*--data"):
        Database(tmp_path / "x" / "riskwire.db")


def test_what_can_not_be_written_is_an_error_that_says_what_to_do(path, database):
    # Asked of SQLite itself, since a test that runs as root may write everywhere.
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as caught:
        reader.execute("CREATE TABLE x (y)")
    reader.close()
    assert "can't be opened for writing" in str(storage_error(caught.value, path))
    assert "--data" in str(storage_error(caught.value, path))


def test_a_full_disk_accepts_nothing_of_the_call_and_goes_on_when_there_is_room(path):
    with Storage(path) as storage:
        with storage.database.write() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        many = [a_document(n, summary="x" * 4000) for n in range(100)]
        stories = [a_story(n, summary="x y " * 1000) for n in range(100)]
        for step in (
            lambda: storage.log.append(many),
            lambda: storage.index.put(stories),
            lambda: storage.scored.publish(stories),
        ):
            with pytest.raises(StorageFull, match="no space left"):
                step()
        assert (storage.log.depth(), storage.scored.end()) == (0, 0)
        assert storage.log.by_id([one.id for one in many]) == {}
        assert storage.index.count(SearchQuery()) == storage.index.count(SearchQuery(text="story")) == 0
        with storage.database.write() as connection:
            connection.execute("PRAGMA max_page_count = 1000000")
        assert storage.log.append(many).appended == 100
        assert storage.index.put(stories).indexed == 100
        assert storage.database.check() == []


# -- what is kept, and for how long


def test_the_log_is_as_long_as_its_backlog(path, database):
    log = SqliteLog(database)
    for start in range(0, 4000, 100):
        log.append([a_document(n, summary="x" * 500) for n in range(start, start + 100)])
        log.ack(log.read(100)[-1].offset)
    assert database.read("SELECT count(*) FROM log") == [(0,)]
    assert path.stat().st_size < 4000 * 500


def test_old_scored_entries_go_but_never_before_a_consumer_has_them(database):
    clock = ManualClock(NOW)
    stream, offsets = SqliteScoredStream(database, clock, timedelta(days=1)), SqliteOffsets(database)
    stream.publish([a_story(1), a_story(2)])
    offsets.commit("alerts", 1)
    offsets.commit("alerts:health", 0)  # of another stream: it holds nothing of this one
    clock.advance(timedelta(days=2))
    stream.publish([a_story(3)])
    stream.prune()
    assert [entry.offset for entry in stream.read(0, 10)] == [2, 3]
    offsets.commit("alerts", 3)
    stream.prune()
    assert [entry.offset for entry in stream.read(0, 10)] == [3]
    clock.advance(timedelta(days=2))
    stream.prune()
    assert stream.read(0, 10) == []
    assert stream.end() == 3
    assert stream.offset_before(NOW) == 3


# -- how it is found


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (SearchQuery(), "stories_by_time"),
        (
            SearchQuery(label="negative", status="scored", source_type="social"),
            "COVERING INDEX stories_by_time|INDEX stories_by_time",
        ),
        (SearchQuery(source="a", since=NOW), "stories_by_source"),
        (SearchQuery(symbol="TSLA", until=NOW), "PRIMARY KEY"),
        (SearchQuery(since=NOW, until=NOW), "stories_by_time"),
    ],
)
def test_no_listing_sorts_or_reads_everything(database, query, index):
    found = plan(query)
    sql = (
        f"EXPLAIN QUERY PLAN SELECT s.body FROM {found.source} WHERE {found.where}"
        f" ORDER BY {found.order}.event_time DESC, {found.order}.id DESC LIMIT 50"
    )
    steps = " ".join(row[3] for row in database.read(sql, found.parameters))
    assert any(name in steps for name in index.split("|")), steps
    assert "TEMP B-TREE" not in steps


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("tesla recall", '"tesla" "recall"'),
        ('"profit warning" x', '"profit warning" "x"'),
        ("bank*", '"bank*"*'),
        ("a OR b", '"a" "OR" "b"'),
        ('say "unclosed words', '"say" "unclosed words"'),
        ("!? -", None),
        ("a\0b", '"a" "b"'),
    ],
)
def test_words_become_quoted_strings(text, expression):
    assert match_expression(text) == expression


def test_times_are_exact():
    for then in (
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
        NOW,
        datetime.max.replace(tzinfo=UTC),
    ):
        assert from_micros(to_micros(then)) == then
