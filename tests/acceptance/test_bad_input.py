"""Bad input: a clear message, a non-zero exit, no traceback, nothing lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from program import Cli, Entry, FeedServer, Up, feeds_file, rss

PACKAGED = Path(__file__).parents[2] / "models" / "pretrained" / "riskwire-minilm"


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    text = (done.stdout + done.stderr).decode()
    assert "Traceback" not in text
    return text


FILES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "empty"),
    "binary": ("a.csv", bytes(range(256)) * 40, "binary"),
    "wrong columns": ("a.csv", b"colour,size\nred,1\n", "colour"),
    "broken gzip": ("a.csv.gz", b"\x1f\x8b\x08 and then nothing of the kind", "read to its end"),
    "a spreadsheet": ("a.xlsx", b"PK\x03\x04\x00\x00\xff\x00" * 40, "CSV"),
    "invalid UTF-8": ("a.csv", b"title\nProfit rises\nBad \xff\xfe bytes\nProfit falls\n", "3"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_backfill_of_a_bad_file(cli: Cli, tmp_path: Path, name: str) -> None:
    file, data, word = FILES[name]
    (tmp_path / file).write_bytes(data)
    done = cli("backfill", tmp_path / file)
    assert done.returncode == 1, said(done)
    assert word in said(done)
    assert file in said(done)


def test_a_ten_megabyte_line_and_its_neighbours(cli: Cli, tmp_path: Path) -> None:
    rows = [{"title": "Profit rises at the mill"}, {"title": "x" * 10_500_000}, {"title": "Profit falls at the mill"}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    done = cli("backfill", tmp_path / "a.jsonl")
    assert done.returncode in (0, 1)
    said(done)
    assert {"Profit rises at the mill", "Profit falls at the mill"} <= {row["title"] for row in cli.stories()}
    scored = cli("score", tmp_path / "a.jsonl", "--format", "jsonl")
    assert [json.loads(line)["title"][:12] for line in scored.stdout.splitlines()] == [
        "Profit rises",
        "x" * 12,
        "Profit falls",
    ]


def test_a_file_that_is_not_there_is_no_text_to_score(cli: Cli, tmp_path: Path) -> None:
    done = cli("score", tmp_path / "absent.jsonl")
    assert done.returncode == 1, said(done)
    assert "absent.jsonl" in said(done)
    assert "is not there" in said(done)


def test_score_answers_every_row_even_the_bad_ones(cli: Cli) -> None:
    good = b'{"id": %d, "text": "Profit rises"}\n'
    lines = good % 1 + b'{"id": 2, "text": 5}\n{broken\n\xff\xfe\n' + good % 5
    done = cli("score", "-", "--format", "jsonl", stdin=lines)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["status"] for row in rows] == ["scored", "unscored", "unscored", "unscored", "scored"]
    assert done.returncode == 1
    assert "stdin:2" in said(done)
    assert "stdin:4" in said(done)


def test_a_model_with_one_byte_flipped_is_refused(cli: Cli, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(PACKAGED, copy)
    onnx = next(copy.glob("*.onnx"))
    data = bytearray(onnx.read_bytes())
    data[len(data) // 2] ^= 1
    onnx.write_bytes(data)
    cli.extra |= {"RISKWIRE_MODEL__PATH": str(copy)}
    done = cli("score", "Profit rises")
    assert done.returncode == 1
    assert onnx.name in said(done)
    assert "SHA-256" in said(done)
    doctor = cli("doctor")
    assert doctor.returncode == 1
    assert onnx.name in said(doctor)


def test_a_second_up_on_the_same_folder(cli: Cli, up: Callable[..., Up], tmp_path: Path) -> None:
    feeds = feeds_file(tmp_path / "feeds.toml", {"a": "https://feeds.example/a"})
    first = up("--feeds", feeds).healthy()
    done = cli("up", "--feeds", feeds, "--port", "0")
    assert done.returncode == 1
    assert str(first.process.pid) in said(done)
    assert first.process.poll() is None


def test_a_port_that_is_taken(cli: Cli, up: Callable[..., Up], tmp_path: Path) -> None:
    feeds = feeds_file(tmp_path / "feeds.toml", {"a": "https://feeds.example/a"})
    first = up("--feeds", feeds).healthy()
    other = Cli(tmp_path / "other", tmp_path)
    done = other("up", "--feeds", feeds, "--port", first.port)
    assert done.returncode == 1
    assert str(first.port) in said(done)


def test_a_folder_holds_the_demo_or_other_stories_never_both(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("title\nProfit rises at the mill\n")
    assert cli("backfill", tmp_path / "a.csv").returncode == 0
    done = cli("up", "--demo", "--port", "0")
    assert done.returncode == 2
    assert "demo" in said(done)
    assert len(cli.stories()) == 1


def test_a_locked_database_is_waited_for_and_then_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("title\nProfit rises at the mill\n")
    assert cli("backfill", tmp_path / "a.csv").returncode == 0
    lock = sqlite3.connect(cli.folder / "riskwire.db", isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
        (tmp_path / "b.csv").write_text("title\nProfit falls at the mill\n")
        done = cli("backfill", tmp_path / "b.csv")
        assert done.returncode == 1
        assert "riskwire.db" in said(done)
        lock.execute("ROLLBACK")
    finally:
        lock.close()
    assert cli("backfill", tmp_path / "b.csv").returncode == 0
    assert len(cli.stories()) == 2


def test_a_file_that_is_no_database(cli: Cli) -> None:
    cli.folder.mkdir()
    (cli.folder / "riskwire.db").write_bytes(b"this is not a database, honestly" * 200)
    done = cli("search")
    assert done.returncode == 1
    assert "riskwire.db" in said(done)


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.argv = ["riskwire", *sys.argv[2:]]
from riskwire.cli import main
main()
"""


def test_no_space_left_loses_nothing(cli: Cli, tmp_path: Path) -> None:
    """A real limit of the operating system on the size of files: writes fail as on a full disk."""
    from program import environment

    titles = [f"Company {n} raises its outlook after a good quarter" for n in range(400)]
    (tmp_path / "a.csv").write_text("title\n" + "\n".join(titles))
    assert cli("search").returncode == 0  # makes the database
    size = (cli.folder / "riskwire.db").stat().st_size
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(size + 300_000), "backfill", str(tmp_path / "a.csv")],
        capture_output=True,
        env=environment(cli.folder),
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, said(done)
    assert "riskwire.db" in said(done) or "space" in said(done)
    assert len(cli.stories()) < 400
    assert cli("backfill", tmp_path / "a.csv").returncode == 0
    assert sorted(row["title"] for row in cli.stories()) == sorted(titles)


def test_a_port_beyond_the_loopback_demands_a_token(cli: Cli, tmp_path: Path) -> None:
    done = cli("up", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "token" in said(done)


def test_hostile_names_of_feeds_stay_in_their_line(cli: Cli, server: FeedServer, tmp_path: Path) -> None:
    server.pages["/a"] = rss([Entry("1", "\x1b[31mProfit <script>alert(1)</script> rises")], server.url)
    feeds = feeds_file(tmp_path / "feeds.toml", {"a": f"{server.url}/a"})
    done = cli("up", "--once", "--feeds", feeds, "--allow-private-addresses")
    assert b"\x1b" not in done.stdout
    assert "<script>" not in cli.stories()[0]["title"]
