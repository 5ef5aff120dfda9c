"""Files dropped into a folder: read when complete, never twice, bad rows named, moved when their stories are safe."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from replay import KEY, polls, titles

from ingest.inbox.dropped import read_rows
from ingest.inbox.folder import Folder, FolderIngestor
from riskwire import wire
from riskwire.errors import AddressRefused, FetchError
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

NOW = datetime.now(UTC)
LATER = [NOW + timedelta(seconds=15 * number) for number in range(20)]


def story(number: int, **fields: Any) -> dict[str, Any]:
    return {"guid": str(number), "title": f"Story {number}", "published_at": "2026-03-09T11:00:00Z"} | fields


def drop(path: Path, *rows: Any, age: float = 0) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    if age:
        then = NOW.timestamp() - age
        os.utime(path, (then, then))
    return path


def read(folder: Path, *times: datetime, state: SourceState | None = None, **config: Any) -> Any:
    source = FolderIngestor(Folder(name="desk", path=str(folder), **config), KEY, "run", allowed=True)
    return asyncio.run(polls(source, list(times), state))


def test_jsonl_and_csv_are_read_and_moved_when_they_are_safe(tmp_path: Path) -> None:
    drop(tmp_path / "a.jsonl", story(1, link="https://a.example/1"), story(2, source="wire"), age=120)
    drop(
        tmp_path / "b.csv",
        "\ufeffguid,Title,summary,tags,source_symbols,published_at\n",
        '3,"Story 3, quoted","a\nbreak",x|y,TSLA | AAPL,2026-03-09T11:00:00Z\n',
        age=120,
    )
    first, second, third, fourth = read(tmp_path, *LATER[:4])
    assert titles(first) == ["Story 1", "Story 2"]
    assert [one.document.source for one in first.told] == ["desk", "wire"]
    assert (first.told[0].document.origin, first.told[0].document.publisher) == ("live", "a.example")
    assert titles(second) == ["Story 3, quoted"]
    document = second.told[0].document
    assert (document.tags, document.source_symbols, document.summary) == (("x", "y"), ("TSLA", "AAPL"), "a break")
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["a.jsonl", "b.csv"]
    assert not list(tmp_path.glob("*.*"))
    assert (third.told, fourth.outcome) == ((), "not_modified")


def test_a_file_is_not_moved_before_its_state_was_saved(tmp_path: Path) -> None:
    path = drop(tmp_path / "a.jsonl", story(1), age=120)
    (first,) = read(tmp_path, NOW)
    (again,) = read(tmp_path, NOW)  # killed in between: the state was not saved
    assert path.exists()
    assert [one.document.id for one in again.told] == [one.document.id for one in first.told]


def test_one_that_is_being_written_waits_until_it_has_settled(tmp_path: Path) -> None:
    path = drop(tmp_path / "a.jsonl", story(1))
    (first,) = read(tmp_path, NOW)
    assert first.told == ()
    drop(path, story(1), story(2))
    second, third = read(tmp_path, *LATER[1:3], state=first.state)
    assert (second.told, titles(third)) == ((), ["Story 1", "Story 2"])


def test_the_same_content_is_never_read_twice(tmp_path: Path) -> None:
    drop(tmp_path / "a.jsonl", story(1), age=120)
    first, second = read(tmp_path, *LATER[:2])
    drop(tmp_path / "again.jsonl", story(1), age=120)
    drop(tmp_path / "a.jsonl", story(1), age=100)
    found = read(tmp_path, *LATER[2:5], state=second.state)
    assert titles(first) == ["Story 1"]
    assert not [one for polled in found for one in polled.told]
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["a (2).jsonl", "a.jsonl", "again.jsonl"]


def test_files_that_are_left_where_they_are(tmp_path: Path) -> None:
    path = drop(tmp_path / "a.jsonl", story(1), age=120)
    first, second = read(tmp_path, *LATER[:2], after="leave")
    assert (titles(first), second.outcome, path.exists()) == (["Story 1"], "not_modified", True)
    drop(path, story(1), story(2), age=100)  # appended to: read again, and known stories stay known by their ids
    (third,) = read(tmp_path, *LATER[2:3], state=second.state, after="leave")
    assert titles(third) == ["Story 1", "Story 2"]
    assert third.told[0].document.id == first.told[0].document.id


def test_bad_rows_are_named_and_cost_only_themselves(tmp_path: Path, capsys: Any) -> None:
    drop(
        tmp_path / "a.jsonl",
        story(1), "{broken\n", "[1]\n", story(2, titel="x"), story(3, title=5), story(4, title=""),
        story(5, published_at="2026-03-09T11:00:00"), "[" * 100_000 + "\n", '{"title": "' + "x" * 1_100_000 + '"}\n',
        story(6, link="javascript:alert(1)"), "\n", story(7),
        age=120,
    )  # fmt: skip
    (polled,) = read(tmp_path, NOW)
    assert titles(polled) == ["Story 1", "Story 7"]
    said = capsys.readouterr().out
    rows = read_rows(tmp_path / "a.jsonl", 0, 100, "desk", NOW, "run", KEY)
    assert [bad.row for bad in rows.bad] == list(range(2, 11))
    assert said.count("row_refused") == 9
    assert "titel" in said
    assert "published_at" in said


def test_a_csv_of_another_kind_is_refused_by_its_column(tmp_path: Path, capsys: Any) -> None:
    drop(tmp_path / "a.csv", "headline,when\nx,y\n", age=120)
    drop(tmp_path / "b.csv", "title,guid\nonly one cell\nStory 1,1\n", age=120)
    (tmp_path / "c.csv").write_bytes(b"title,guid\n\xff\xfe,1\nStory 2,2\n")
    os.utime(tmp_path / "c.csv", (NOW.timestamp() - 120,) * 2)
    found = read(tmp_path, *LATER[:4])
    assert [title for polled in found for title in titles(polled)] == ["Story 1", "Story 2"]
    said = capsys.readouterr().out
    assert "headline" in said
    assert "UTF-8" in said


def test_a_large_file_takes_several_polls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.inbox.folder.MAX_ROWS", 50)
    drop(tmp_path / "a.jsonl", *(story(number) for number in range(110)), age=120)
    found = read(tmp_path, *LATER[:4])
    assert [len(polled.told) for polled in found] == [50, 50, 10, 0]
    told = [one.document.title for polled in found for one in polled.told]
    assert told == [f"Story {number}" for number in range(110)]
    assert (tmp_path / "done" / "a.jsonl").exists()


def test_what_is_not_looked_at(tmp_path: Path) -> None:
    outside = drop(tmp_path / "outside.txt", story(1), age=120)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.jsonl").symlink_to(outside)
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "folder.csv").mkdir()
    for name in (".hidden.jsonl", "a.jsonl.part", "a.txt"):
        drop(folder / name, story(1), age=120)
    (polled,) = read(folder, NOW)
    assert polled.told == ()


def test_people_of_social_stories_are_masked(tmp_path: Path) -> None:
    drop(tmp_path / "a.jsonl", story(1, source_type="social", title="@ann_b says up", authors=["@Jo_Trader"]), age=120)
    (polled,) = read(tmp_path, NOW)
    sent = wire.encode(polled.told[0].document).decode()
    assert "@user says up" in sent
    assert "jo_trader" not in sent.lower()
    assert len(polled.told[0].document.authors[0]) == 32


def test_only_where_local_files_are_allowed(tmp_path: Path) -> None:
    config = Folder(name="desk", path=str(tmp_path))
    assert "allow_local_files" in (config.off(IngestSettings()) or "")
    assert config.off(IngestSettings(allow_local_files=True)) is None
    (refused,) = asyncio.run(polls(FolderIngestor(config, KEY), [NOW]))
    assert isinstance(refused, AddressRefused)
    (missing,) = read(tmp_path / "nowhere", NOW)
    assert isinstance(missing, FetchError)
    with pytest.raises(ValueError, match="path: "):
        Folder(name="desk", path=" ").check()
