"""Backfills of files into a real database: exactly once, resumed, bad rows reported, nothing lost."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from riskwire.clock import ManualClock
from riskwire.errors import InputError, StorageFull, UsageError
from riskwire.ports import SearchQuery
from riskwire.testing import KeywordScorer, UpperCaseLinker, a_document
from stream.backfill.run import Backfill
from stream.sqlite.storage import Storage

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path):
    with Storage(tmp_path / "data" / "riskwire.db", kind="live") as storage:
        yield storage


def backfill(storage, scorer=None, **options):
    return Backfill(
        log=storage.log,
        known=storage.log,
        index=options.pop("index", storage.index),
        scored=storage.scored,
        checkpoints=storage.checkpoints,
        scorer=scorer or KeywordScorer(),
        linker=UpperCaseLinker(),
        clock=ManualClock(NOW),
        batch_size=options.pop("batch_size", 4),
    )


def write(tmp_path, rows, name="news.csv"):
    path = tmp_path / name
    path.write_text("Headline,Date\n" + "".join(f"{title},{day}\n" for title, day in rows), encoding="utf-8")
    return path


ROWS = [(f"Acme{n} profit rises", f"2019-03-{n + 1:02}") for n in range(10)]
MAP = "title=Headline,published_at=Date"


def test_a_file_is_taken_in_once_however_often_it_is_given(storage, tmp_path):
    path = write(
        tmp_path, [*ROWS, ROWS[0], (" Acme1 profit rises ", "2019-03-02"), ("Acme0 profit rises", "2019-04-01")]
    )
    first = backfill(storage).run(path, columns=MAP)
    assert (first.rows, first.new, first.duplicates, first.bad, first.undated) == (13, 11, 2, 0, 0)
    again = backfill(storage).run(path, columns=MAP)
    assert (again.rows, again.new, again.duplicates) == (13, 0, 13)
    assert storage.index.count(SearchQuery()) == 11
    assert storage.scored.end() == 11


def test_a_story_says_where_it_came_from_and_is_not_back_dated(storage, tmp_path):
    backfill(storage).run(write(tmp_path, ROWS[:1]), columns=MAP)
    (story,) = storage.index.search(SearchQuery()).documents
    assert (story.origin, story.source, story.status) == ("backfill", "news", "scored")
    assert (story.seen_at, story.scored_at) == (NOW, NOW)
    assert story.event_time == story.published_at == datetime(2019, 3, 1, tzinfo=UTC)
    assert story.run_id


def test_the_same_story_in_another_file_or_shape_adds_nothing(storage, tmp_path):
    backfill(storage).run(write(tmp_path, ROWS))
    path = tmp_path / "news.jsonl.gz"
    lines = [json.dumps({"published": day, "title": f"<p>{title}</p>", "n": 1}) for title, day in ROWS]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert backfill(storage).run(path).duplicates == 10


def test_a_bad_row_is_reported_and_kept_and_the_rest_goes_on(storage, tmp_path):
    path = tmp_path / "news.csv"
    path.write_bytes(
        b"title,date\nGood news,2020-01-01\nCaf\xe9 closes,2020-01-01\n,2020-01-01\nMore news,soon\nUpdate,\n"
    )
    summary = backfill(storage, batch_size=2).run(path)
    assert (summary.rows, summary.new, summary.bad, summary.unscored, summary.undated) == (5, 3, 2, 1, 2)
    assert "news.csv:3: is not UTF-8 (byte 4" in summary.errors[0]
    assert "news.csv:4: has no text" in summary.errors[1]
    letters = storage.log.dead_letters()
    assert {(one.key, one.stage) for one in letters} == {("news.csv:3", "backfill"), ("news.csv:4", "backfill")}
    assert b"Caf\xe9 closes,2020-01-01" in [one.value for one in letters]
    backfill(storage).run(path)
    assert storage.log.dead_letter_count() == 2


class Crash(Exception):
    pass


@pytest.mark.parametrize("step", ["publish", "put", "save"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_an_interrupted_run_goes_on_where_it_was(storage, tmp_path, monkeypatch, step, call):
    target = {"publish": storage.scored, "put": storage.index, "save": storage.checkpoints}[step]
    real, calls = getattr(target, step), []

    def failing(*given):
        calls.append(1)
        if len(calls) == call:
            raise Crash
        return real(*given)

    path = write(tmp_path, ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(target, step, failing)
        with pytest.raises(Crash):
            backfill(storage).run(path)
    scorer = KeywordScorer()
    summary = backfill(storage, scorer).run(path)
    assert summary.rows == 10
    assert summary.new + summary.duplicates == 10
    assert storage.index.count(SearchQuery()) == 10
    assert {entry.document.id for entry in storage.scored.read(0, 100)} == {
        story.id for story in storage.index.search(SearchQuery()).documents
    }
    if step == "save":  # the rows before the last checkpoint were not read again, those behind it not scored again
        assert sum(scorer.calls) == 10 - len({*range(4 * call)} & {*range(10)})


def test_rows_that_share_an_id_or_a_link_but_not_their_text_are_all_kept(storage, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(
            f"id,title,url\n1,Story {name} one,https://e.org/\n2,Story {name} two,https://e.org/\n"
        )
    for _ in range(2):
        for name in ("a", "b"):
            backfill(storage).run(tmp_path / f"{name}.csv")
    assert storage.index.count(SearchQuery()) == 4


def test_rows_with_one_link_for_all_are_all_kept(storage, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("title,url\n" + "".join(f"Story number {n},https://e.org/\n" for n in range(9)))
    assert backfill(storage).run(path).new == 9
    assert backfill(storage).run(path).new == 0


def test_a_story_that_came_live_is_not_taken_again(storage, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("title,url\nAcme profit rises,https://www.e.org/a?utm_source=x\n")
    backfill(storage).run(path)
    (story,) = storage.index.search(SearchQuery()).documents
    live = a_document(77, title=story.title, link="https://e.org/b", publisher="e.org", content_hash=story.content_hash)
    storage.log.append([live])
    path.write_text("title,url\nAcme profit rises,https://e.org/b\n")
    assert backfill(storage).run(path).duplicates == 1
    # And the other way round: ingest knows what a backfill brought.
    assert storage.log.by_id([story.id])[story.id].content_hash == story.content_hash


@pytest.mark.parametrize(
    ("data", "columns", "error"),
    [
        (b"", "", InputError),
        (b"open,close\n1,2\n", "", InputError),
        (b"title\nA b\n", "published_at=When", InputError),
        (b"title\nA b\n", "headline=title", UsageError),
    ],
)
def test_a_file_that_can_not_be_used_changes_nothing(storage, tmp_path, data, columns, error):
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    with pytest.raises(error):
        backfill(storage).run(path, columns=columns)
    assert storage.index.count(SearchQuery()) == 0


def test_a_damaged_gz_keeps_what_was_read_before(storage, tmp_path):
    rows = [(f"Story number {n} of many", "2020-01-01") for n in range(50_000)]
    whole = gzip.compress(write(tmp_path, rows).read_bytes())
    path = tmp_path / "half.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="to its end"):
        backfill(storage, batch_size=1000).run(path)
    assert storage.index.count(SearchQuery()) > 1000


def test_a_full_disk_stops_it_and_it_goes_on_later(storage, tmp_path):
    path = write(tmp_path, [(f"Story number {n} {'x ' * 300}", "2020-01-01") for n in range(2_000)])
    with storage.database.write() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 200}")
    with pytest.raises(StorageFull, match="no space left"):
        backfill(storage, batch_size=50).run(path)
    there = storage.index.count(SearchQuery())
    assert 0 < there < 2_000
    with storage.database.write() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    summary = backfill(storage, batch_size=50).run(path)
    assert (summary.rows, summary.new) == (2_000, 2_000)
    assert storage.index.count(SearchQuery()) == storage.index.count(SearchQuery(text="story")) == 2_000


def test_progress_is_told(storage, tmp_path):
    told = []
    path = write(tmp_path, ROWS)
    backfill(storage).run(path, progress=told.append)
    assert [one.summary.rows for one in told] == [4, 8, 10]
    assert told[-1].position == told[-1].size == path.stat().st_size


def test_the_source_can_be_named(storage, tmp_path):
    backfill(storage).run(write(tmp_path, ROWS[:1]), source="archive")
    assert storage.index.sources()[0].source == "archive"
