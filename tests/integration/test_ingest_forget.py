"""A person is forgotten: the file holds neither a name, nor a pseudonym, nor a word of what the person wrote."""

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from ingest.base import Told
from ingest.documents.authors import author_key, pseudonym
from ingest.intake import Intake
from ingest.net.http import Fetcher
from ingest.social.bluesky.jetstream import Payload, Post
from ingest.social.bluesky.post import post_document
from ingest.social.forget import Account, accounts_of, with_did
from ingest.social.mastodon.post import Status, status_document
from riskwire.clock import ManualClock
from riskwire.errors import IngestError, UsageError
from riskwire.identity import REMOVED
from riskwire.ports import SearchQuery
from riskwire.settings import IngestSettings, StreamSettings
from riskwire.testing import KeywordScorer, UpperCaseLinker
from riskwire.types import Alert, Document, Evidence
from stream.dead_letters import dead_letter
from stream.local import Processor
from stream.sqlite.storage import Storage

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)
KEY = b"the key of this very test, long enough"
PEOPLE = 50
RISKWIRE = Path(sys.executable).parent / "riskwire"


def name(number: int) -> str:
    return f"zorblatt{number:02d}"


def account(number: int) -> tuple[str, str]:
    """Every second is on Bluesky."""
    return ("bluesky", f"did:plc:{name(number)}") if number % 2 else ("mastodon", f"{name(number)}@social.example")


def words(number: int, which: str) -> str:
    """A text with words that nobody else has."""
    return f"q{number:02d}{which}uokkas w{number:02d}{which}ombats TSLA crash {which}"


def post(number: int, which: str, version: int = 1) -> Document:
    other = name((number + 1) % PEOPLE)
    text = f"{words(number, which)} v{version} says @{other}@social.example and @{name(number)}"
    if number % 2:
        event = Payload(
            kind="x#commit", did=account(number)[1], time="2026-08-02T11:00:00Z", collection="app.bsky.feed.post",
            rkey=f"{number}{which}", operation="create",
        )  # fmt: skip
        return post_document(
            event, Post(text=f"{text} https://bsky.app/profile/{other}.bsky.social"), KEY, "b", "r", NOW
        )
    status = {
        "id": f"{1000 + number}{ord(which)}",
        "uri": f"https://social.example/users/{name(number)}/statuses/{number}{which}",
        "content": f"<p>{text} <a href='https://social.example/@{other}'>https://social.example/@{other}</a></p>",
        "created_at": "2026-08-02T11:00:00Z",
        "account": {"acct": name(number), "username": name(number), "url": f"https://social.example/@{name(number)}"},
        "mentions": [{"acct": other, "username": other}],
        "tags": [{"name": f"t{number:02d}{which}agged"}],
    }
    return status_document(
        msgspec.convert(status, Status), source="m", base="https://social.example", feed_url="https://social.example/t",
        key=KEY, run_id="r", now=NOW,
    )  # fmt: skip


def fill(folder: Path) -> None:
    """Posts in two revisions, scored and indexed; some only on the log; dead letters; alerts with their evidence."""
    with Storage(folder / "riskwire.db", kind="live", clock=ManualClock(NOW)) as store:
        intake = Intake(store.log, store.log, ManualClock(NOW))

        async def run() -> None:
            processor = Processor(
                store.log, store.index, store.scored, KeywordScorer(), UpperCaseLinker(), ManualClock(NOW),
                StreamSettings(),
            )  # fmt: skip
            with processor:
                for version in (1, 2):
                    await intake.take([Told(post(number, "a", version)) for number in range(PEOPLE)])
                    await processor.drain()
            await intake.take([Told(post(number, "w")) for number in range(PEOPLE)])

        asyncio.run(run())
        dead = [post(number, "d") for number in range(PEOPLE)]
        store.log.append(dead)
        for entry in store.log.read(1000)[PEOPLE:]:
            error = ValueError("it can't be read")
            store.log.dead_letter([dead_letter(entry.value, key=entry.key, stage="stream", error=error, failed_at=NOW)])
        last = store.log.read(1000)[-1].offset
        with store.database.write() as connection:
            connection.execute("DELETE FROM log WHERE offset > ?", (last - PEOPLE,))
        store.database._writer.execute("PRAGMA secure_delete = OFF")  # as most builds of SQLite have it
        with store.database.write() as connection:
            # What was acknowledged long ago: deleted, and still in the file's free pages.
            old = [("k", words(number, "f") * 100) for number in range(PEOPLE)]
            connection.executemany("INSERT INTO log (key, value) VALUES (?, ?)", old)
            connection.execute("DELETE FROM log WHERE key = 'k'")
        for number in range(PEOPLE):
            story = store.index.get(post(number, "a").id)
            assert story is not None
            other = store.index.get(post((number + 1) % PEOPLE, "a").id)
            evidence = tuple(
                Evidence(id=one.id, title=one.title, link=one.link, score=-0.5) for one in (story, other) if one
            )
            alert = Alert(
                rule="r", labels={"symbol": f"S{number}"}, annotations={"summary": f"Worst: {story.title}"},
                status="firing", starts_at=NOW, updated_at=NOW, fingerprint=f"f{number}", evidence=evidence,
            )  # fmt: skip
            store.alerts.put_alerts([alert, msgspec.structs.replace(alert, transition=2)])


def file_bytes(folder: Path) -> bytes:
    """Everything that lies in the folder's files, but for the key."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("riskwire.db*")))


def hits(data: bytes, numbers: range) -> list[str]:
    """Which of these people's names, pseudonyms and words are in there, in any letter case, and in base64, too."""
    haystack = data.lower()
    for piece in re.findall(rb"[A-Za-z0-9+/]{200,}", data):
        for start in range(4):  # a page of the file may begin anywhere in it
            part = piece[start:]
            haystack += base64.b64decode(part[: len(part) // 4 * 4]).lower()
    marks = [mark for number in numbers for mark in (name(number), pseudonym(KEY, *account(number)))]
    marks += [word for number in numbers for which in "awdf" for word in words(number, which).split()[:2]]
    marks += [f"t{number:02d}{which}agged" for number in numbers for which in "awd"]
    return [mark for mark in marks if mark.encode() in haystack]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    author_key(tmp_path, None)
    (tmp_path / "author.key").write_bytes(KEY)
    fill(tmp_path)
    return tmp_path


def test_of_fifty_people_nothing_is_left_in_the_file(folder: Path) -> None:
    before = file_bytes(folder)
    assert not [name(number) for number in range(PEOPLE) if name(number).encode() in before.lower()]
    found = hits(before, range(PEOPLE))
    assert len(found) > 7 * PEOPLE  # pseudonyms and words: the test looks in the right place
    ids = {which: [post(number, which).id for number in range(PEOPLE)] for which in "awd"}
    with Storage(folder / "riskwire.db") as store:
        for number in range(PEOPLE):
            gone = store.people.forget([pseudonym(KEY, *account(number))], NOW + timedelta(hours=1))
            assert (gone.stories, gone.revisions, gone.waiting, gone.scored, gone.dead_letters) == (3, 1, 1, 2, 1)
            assert gone.scrubbed
            if number == 24:  # those who are still there are whole
                assert hits(file_bytes(folder), range(25)) == []
                assert store.index.count(SearchQuery(text="q25auokkas")) == 1
                assert store.index.count(SearchQuery(text="q24auokkas")) == 0
                with store.database.write() as connection:
                    connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        assert hits(file_bytes(folder), range(PEOPLE)) == []
        with store.database.write() as connection:
            # The index of words keeps beginnings that terms share apart from their ends: asked for itself.
            connection.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, words, row)")
            assert connection.execute("SELECT term FROM temp.vocabulary").fetchall() == []
            connection.execute("DROP TABLE temp.vocabulary")
        for identifier in ids["a"]:
            (story,) = store.index.revisions(identifier)
            assert (story.status, story.revision, story.title, story.authors, story.link) == (
                "removed",
                3,
                "",
                (),
                None,
            )
        assert store.index.count(SearchQuery(status="removed")) == 2 * PEOPLE
        assert store.log.depth() == store.log.dead_letter_count() == 0
        alert = store.alerts.list_alerts(limit=1)[0]
        assert [(one.title, one.link, one.score) for one in alert.evidence] == [("(removed)", None, -0.5)] * 2
        assert alert.annotations == {"summary": "Worst: (removed)"}
        known = store.log.by_id([one for which in ids.values() for one in which])
        assert len(known) == 3 * PEOPLE
        assert {(one.content_hash, one.link) for one in known.values()} == {(REMOVED, None)}
        assert [entry.document.status for entry in store.scored.read(0, 1000)] == ["removed"] * 2 * PEOPLE


def test_what_was_forgotten_does_not_come_back(folder: Path) -> None:
    with Storage(folder / "riskwire.db", clock=ManualClock(NOW)) as store:
        store.people.forget([pseudonym(KEY, *account(0))], NOW)
        intake = Intake(store.log, store.log, ManualClock(NOW))
        told = [Told(post(0, which)) for which in "awd"]
        decision = asyncio.run(intake.take(told))
        assert (decision.new, decision.corrected) == ((), ())
        assert store.people.traces([pseudonym(KEY, *account(0))]).stories == 0


def test_traces_change_nothing(folder: Path) -> None:
    with Storage(folder / "riskwire.db") as store:
        traces = store.people.traces([pseudonym(KEY, *account(3))])
        assert (traces.stories, traces.dead_letters, traces.alerts) == (3, 1, 2)
        assert store.people.traces(["f" * 32]).stories == 0
        assert store.people.traces([]).stories == 0
    assert hits(file_bytes(folder), range(3, 4))


def test_a_reader_in_another_process_is_waited_for_or_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.sqlite.database.BUSY_SECONDS", 0.5)
    with Storage(folder / "riskwire.db") as holder, Storage(folder / "riskwire.db") as store:
        store.database._writer.execute("PRAGMA busy_timeout = 300")
        begun, end = threading.Event(), threading.Event()

        def hold() -> None:
            holder.database.reading(
                lambda connection: (
                    connection.execute("SELECT count(*) FROM stories").fetchone(),
                    begun.set(),
                    end.wait(),
                )
            )

        reader = threading.Thread(target=hold)
        reader.start()
        begun.wait()
        try:
            assert not store.people.forget([pseudonym(KEY, *account(0))], NOW).scrubbed
        finally:
            end.set()
            reader.join()
        assert store.people.forget([], NOW).scrubbed
    assert hits(file_bytes(folder), range(1)) == []


def riskwire(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RISKWIRE_")}
    return subprocess.run(
        [RISKWIRE, "forget", *args], capture_output=True, text=True, timeout=60, check=False, cwd=folder,
        env=clean | {"RISKWIRE_DATA": str(folder), "NO_COLOR": "1"},
    )  # fmt: skip


def test_the_command(folder: Path) -> None:
    dry = riskwire(folder, f"@{name(2)}@social.example", "--dry-run", "--format", "jsonl")
    assert json.loads(dry.stdout)["stories"] == 3, dry.stderr
    left = folder / "refresh" / "texts.txt"  # of a `model refresh` that was cut off
    left.parent.mkdir()
    left.write_text("what somebody wrote\n")
    done = riskwire(folder, f"https://social.example/@{name(2)}", "--format", "jsonl")
    assert (done.returncode, json.loads(done.stdout)["stories"], json.loads(done.stdout)["scrubbed"]) == (0, 3, True)
    assert hits(file_bytes(folder), range(2, 3)) == []
    assert not left.parent.exists()
    again = riskwire(folder, f"{name(2)}@social.example", "--platform", "mastodon")
    assert again.returncode == 0, again.stderr
    did = riskwire(folder, account(3)[1], "--platform", "bluesky", "--format", "jsonl")
    assert json.loads(did.stdout)["stories"] == 3
    assert hits(file_bytes(folder), range(2, 4)) == []
    assert hits(file_bytes(folder), range(4, 6))


def test_the_command_beside_a_running_up(folder: Path) -> None:
    from stream.sqlite.lock import only_one

    with only_one(folder), Storage(folder / "riskwire.db") as running:
        late: list[Alert] = []

        def the_engine_is_late() -> None:
            time.sleep(2.5)
            story = post(4, "a")
            evidence = (Evidence(id=story.id, title=story.title, link=story.link),)
            late.append(
                Alert(
                    rule="r", labels={}, status="firing", starts_at=NOW, updated_at=NOW, fingerprint="late",
                    evidence=evidence,
                )
            )  # fmt: skip
            running.alerts.put_alerts(late)

        engine = threading.Thread(target=the_engine_is_late)
        engine.start()
        done = riskwire(folder, f"{name(4)}@social.example", "--format", "jsonl")
        engine.join()
        assert done.returncode == 0, done.stderr
    assert late
    assert hits(file_bytes(folder), range(4, 5)) == []


def test_the_command_used_wrongly(folder: Path, tmp_path: Path) -> None:
    for args in (("jo doe",), ("jo", "--platform", "bluesky"), ("jo", "--platform", "twitter"), ("",)):
        wrong = riskwire(folder, *args)
        assert (wrong.returncode, wrong.stdout) == (2, ""), args
        assert re.fullmatch(r"riskwire: .+\n", wrong.stderr)
    (folder / "author.key").unlink()
    missing = riskwire(folder, "jo@social.example")
    assert missing.returncode == 1
    assert not (folder / "author.key").exists()  # another key would find nobody
    assert riskwire(tmp_path, "jo@a.example").returncode == 1


# --- whom a name means


@pytest.mark.parametrize(
    ("user", "platform", "found"),
    [
        ("@Jo@social.example", None, [("mastodon", "Jo@social.example")]),
        ("https://social.example/@jo", None, [("mastodon", "jo@social.example")]),
        ("https://social.example/users/jo", None, [("mastodon", "jo@social.example")]),
        ("jo", "mastodon", [("mastodon", "jo@one.example"), ("mastodon", "jo@two.example")]),
        ("did:plc:abc", None, [("bluesky", "did:plc:abc")]),
        ("https://bsky.app/profile/did:plc:abc", None, [("bluesky", "did:plc:abc")]),
        ("jo.bsky.social", None, [("bluesky", "jo.bsky.social")]),
        ("/u/jo", None, [("reddit", "jo")]),
        ("https://www.reddit.com/user/jo/", None, [("reddit", "jo")]),
        ("https://news.ycombinator.com/user?id=jo", None, [("hackernews", "jo")]),
        ("https://stocktwits.com/jo", None, [("stocktwits", "jo")]),
        ("12345", "twitter", [("twitter", "12345")]),
        ("jo", "my-webhook", [("my-webhook", "jo")]),
        (
            "jo",
            None,
            [
                ("mastodon", "jo@one.example"),
                ("mastodon", "jo@two.example"),
                ("reddit", "jo"),
                ("stocktwits", "jo"),
                ("hackernews", "jo"),
                ("desk", "jo"),
            ],
        ),
    ],
)
def test_whom_a_name_means(user: str, platform: str | None, found: list[tuple[str, str]]) -> None:
    accounts = accounts_of(user, platform, instances=["one.example", "two.example"], sources=["desk"])
    assert [(one.platform, one.name) for one in accounts] == found


@pytest.mark.parametrize(
    ("user", "platform"), [("", None), ("a b", None), ("a\nb", None), ("jo", "twitter"), ("x" * 400, None)]
)
def test_names_that_are_nobodys(user: str, platform: str | None) -> None:
    with pytest.raises(UsageError):
        accounts_of(user, platform)


def test_a_handle_is_looked_up() -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.query["handle"] == "jo.bsky.social":
            return web.json_response({"did": "did:plc:jo"})
        if request.query["handle"] == "odd.bsky.social":
            return web.json_response({"did": "<script>"})
        return web.json_response({"error": "InvalidRequest"}, status=400)

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/xrpc/com.atproto.identity.resolveHandle", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with Fetcher(IngestSettings(allow_private_addresses=True, timeout=3)) as fetcher:
                accounts = [Account("bluesky", "jo.bsky.social"), Account("mastodon", "jo@a.example")]
                named = await with_did(accounts, fetcher, base)
                assert named == [Account("bluesky", "did:plc:jo"), Account("mastodon", "jo@a.example")]
                for nobody in ("nobody.bsky.social", "odd.bsky.social"):
                    with pytest.raises(IngestError, match="Give the DID"):
                        await with_did([Account("bluesky", nobody)], fetcher, base)
        finally:
            await runner.cleanup()

    asyncio.run(run())
