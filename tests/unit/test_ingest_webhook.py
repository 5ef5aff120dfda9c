"""Signed stories by POST: 401 before anything is parsed, 422 with the field's name, 202 when they are on the log."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from ingest.inbox.signatures import Signatures
from ingest.inbox.webhook import MAX_BODY, PATH, sign, stories_endpoint
from ingest.intake import Intake
from riskwire import wire
from riskwire.clock import ManualClock
from riskwire.errors import StorageFull
from riskwire.testing import MemoryLog
from riskwire.types import Document

SECRET = "a shared secret"
NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
STORY = {"source": "desk", "guid": "1", "title": "Harbour Mills raises outlook", "link": "https://desk.example/1"}


class FullLog(MemoryLog):
    """Says that the disk is full as often as told."""

    full = 0

    def append(self, documents: Any) -> Any:
        if self.full:
            self.full -= 1
            raise StorageFull("no space left")
        return super().append(documents)


class Hook:
    """The endpoint in an application, called as a server calls it."""

    def __init__(self, secret: str | None = SECRET, folder: Path | None = None) -> None:
        self.log = FullLog()
        self.clock = ManualClock(NOW)
        endpoint = stories_endpoint(secret, Intake(self.log, self.log), self.clock, "run-1", folder=folder)
        self.app = Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])

    def post(self, body: bytes, stamp: str = STAMP, signature: str | None = None, **headers: str) -> tuple[int, Any]:
        sent = {"riskwire-timestamp": stamp, "riskwire-signature": signature or sign(SECRET, stamp, body)} | headers
        return asyncio.run(self._call(body, {name: value for name, value in sent.items() if value}))

    def send(self, stories: Any, stamp: str = STAMP) -> tuple[int, Any]:
        return self.post(json.dumps(stories).encode(), stamp)

    @property
    def documents(self) -> list[Document]:
        return [wire.decode(entry.value, Document) for entry in self.log.read(10_000)]

    async def _call(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        scope = {
            "type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
            "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        chunks = [body[start : start + 65536] for start in range(0, len(body), 65536)] or [b""]
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in messages[1:])
        return messages[0]["status"], json.loads(answer)


def test_a_story_is_on_the_log_when_it_is_answered() -> None:
    hook = Hook()
    status, answer = hook.send(
        STORY | {"published_at": "2026-03-09T11:00:00+02:00", "source_symbols": ["HMLS"], "summary": "<b>Up</b> 4%"}
    )
    (document,) = hook.documents
    assert status == 202
    assert answer == {"accepted": 1, "new": 1, "corrected": 0, "duplicates": 0, "ids": [document.id]}
    assert (document.origin, document.source, document.publisher, document.run_id) == (
        "webhook", "desk", "desk.example", "run-1",
    )  # fmt: skip
    assert (document.summary, document.source_symbols) == ("Up 4%", ("HMLS",))
    assert document.event_time == datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    assert document.seen_at == NOW


def test_the_same_again_is_a_duplicate_and_another_text_a_correction() -> None:
    hook = Hook()
    hook.send([STORY, STORY | {"guid": "2", "title": "Another", "link": None}])
    later = str(int(STAMP) + 1)
    status, answer = hook.send([STORY, STORY | {"guid": "2", "title": "Another, corrected", "link": None}], later)
    assert (status, answer["duplicates"], answer["corrected"]) == (202, 1, 1)
    assert [document.revision for document in hook.documents] == [1, 1, 2]


def test_off_without_a_secret() -> None:
    status, answer = Hook(secret=None).send(STORY)
    assert status == 404
    assert "ingest.webhook_secret" in answer["error"]


@pytest.mark.parametrize(
    ("stamp", "signature"),
    [
        ("", None),
        (STAMP, "v1=" + "0" * 64),
        (STAMP, "nonsense"),
        (STAMP, "v1=é"),
        (STAMP, sign("another secret", STAMP, b"{broken")),
        (STAMP, sign(SECRET, STAMP, b"another body")),
        ("soon", None),
        ("-5", None),
        (str(int(STAMP) - 301), None),
        (str(int(STAMP) + 301), None),
        ("9" * 30, None),
    ],
)
def test_401_before_parsing(stamp: str, signature: str | None) -> None:
    hook = Hook()
    assert hook.post(b"{broken", stamp, signature)[0] == 401
    assert hook.documents == []


def test_a_signature_is_taken_once() -> None:
    hook = Hook()
    assert hook.send(STORY)[0] == 202
    assert hook.send(STORY)[0] == 401
    hook.clock.advance(timedelta(seconds=299))
    assert hook.send(STORY)[0] == 401


def test_a_full_disk_is_503_and_the_same_request_may_come_again() -> None:
    hook = Hook()
    hook.log.full = 1
    status, answer = hook.send(STORY)
    assert (status, hook.documents) == (503, [])
    assert "again" in answer["error"]
    assert hook.send(STORY)[0] == 202


@pytest.mark.parametrize(
    ("story", "names"),
    [
        (STORY | {"titel": "x"}, "titel"),
        (STORY | {"title": 5}, "title"),
        ({"title": "no source"}, "source"),
        (STORY | {"source": " "}, "source"),
        ({"source": "desk", "guid": "1"}, "title"),
        (STORY | {"title": "<script>x</script>"}, "title"),
        (STORY | {"published_at": "2026-03-09T11:00:00"}, "published_at"),
        (STORY | {"published_at": "yesterday"}, "published_at"),
        (STORY | {"link": "javascript:alert(1)"}, "link"),
        (STORY | {"source_type": "gossip"}, "source_type"),
        ([], "1 to 1000"),
        ([STORY] * 1001, "1 to 1000"),
        ([STORY, STORY | {"titel": "x"}], "[1]"),
        ("text", "str"),
    ],
)
def test_422_names_the_field(story: Any, names: str) -> None:
    hook = Hook()
    status, answer = hook.send(story)
    assert status == 422
    assert names in answer["error"]
    assert hook.documents == []


def test_bodies_that_are_not_read() -> None:
    hook = Hook()
    assert hook.post(b"x" * (MAX_BODY + 1))[0] == 413
    assert hook.post(b"{}", **{"content-length": str(MAX_BODY + 1)})[0] == 413
    assert hook.post(b"{broken")[0] == 400
    assert hook.post(b"\xff\xfe")[0] == 400
    assert hook.post(b"[" * 100_000)[0] == 422
    assert hook.post(b'{"source": ' + b'{"a":' * 20)[0] == 422
    assert hook.post(b'"' + b'\\"' * 500_000)[0] == 400  # a string without an end takes no time either
    assert hook.send(STORY | {"title": "{{{{{{{{{{[[[[[[[["})[0] == 202


def test_a_date_in_the_future_is_marked() -> None:
    hook = Hook()
    hook.send(STORY | {"published_at": "2027-01-01T00:00:00Z"})
    (document,) = hook.documents
    assert (document.published_quality, document.event_time) == ("future", NOW)


def test_two_senders_without_links_do_not_share_guids() -> None:
    hook = Hook()
    base = {"guid": "1", "title": "a"}
    hook.send([base | {"source": "one"}, base | {"source": "two"}])
    assert len({document.id for document in hook.documents}) == 2


def test_a_signature_is_taken_once_also_after_a_restart(tmp_path: Path) -> None:
    assert Hook(folder=tmp_path).send(STORY)[0] == 202
    again = Hook(folder=tmp_path)
    assert again.send(STORY)[0] == 401
    assert again.documents == []
    assert (tmp_path / "webhook.used").stat().st_mode & 0o077 == 0


def test_what_was_refused_may_come_again_after_a_restart(tmp_path: Path) -> None:
    hook = Hook(folder=tmp_path)
    hook.log.full = 1
    assert hook.send(STORY)[0] == 503
    assert Hook(folder=tmp_path).send(STORY)[0] == 202


def test_used_signatures_that_are_no_longer_good_are_dropped(tmp_path: Path) -> None:
    path, lines = tmp_path / "webhook.used", 300
    used = Signatures(path, lifetime=600)
    for number in range(lines):
        assert used.claim(f"v1={number:064x}", number)
    path.write_text(path.read_text() + "700 v1=broken off")
    later = Signatures(path, lifetime=600)
    assert not later.claim(f"v1={lines - 1:064x}", 700)
    assert later.claim(f"v1={0:064x}", 700)
    assert len(path.read_text().splitlines()) == lines - 100 + 1


def test_a_signature_that_cannot_be_remembered_is_503(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    assert Hook(folder=tmp_path / "data").send(STORY)[0] == 503


def test_social_authors_are_masked() -> None:
    hook = Hook()
    hook.send(STORY | {"source_type": "social", "authors": ["Jo Trader"], "title": "@ann_b says up"})
    (document,) = hook.documents
    assert (document.title, document.authors) == ("@user says up", ())
