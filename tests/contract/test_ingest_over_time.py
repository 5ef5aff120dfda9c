"""What every source promises from poll to poll, all the way onto the log: each against a service as it is documented.

Each turn is a start of its own: the source is made anew, and its state was kept as bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from turns import Turns, live
from world import NAMES, TOKEN
from worlds import WORLDS

from ingest.documents.authors import pseudonym
from ingest.social.forget import accounts_of
from riskwire.errors import FetchError
from riskwire.identity import REMOVED

pytestmark = pytest.mark.parametrize("kind", sorted(WORLDS))


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams gather what they are told for a second, which is no part of what is promised here."""
    monkeypatch.setattr("ingest.social.firehose._LINGER", 0.02)
    monkeypatch.setattr("ingest.social.bluesky.source._TICK", 0.02)


def test_ten_polls_add_nothing(kind: str, tmp_path: Path) -> None:
    async def scenario(it: Turns) -> None:
        it.world.write("Alpha rises", "Beta falls", "Gamma holds")
        for _ in range(10):
            await it.turn(hours=5)  # over two days: what is looked at again daily is the same, too
        assert [one.revision for one in it.documents] == [1, 1, 1]
        assert len(it.newest) == 3
        if it.world.worded:
            assert all(len(it.about(word)) == 1 for word in ("Alpha", "Beta", "Gamma"))

    live(kind, tmp_path, scenario)


def test_it_goes_on_from_the_last_one(kind: str, tmp_path: Path) -> None:
    """After a restart, and after a gap that is larger than a page."""

    async def scenario(it: Turns) -> None:
        it.world.write("First one")
        await it.turn()
        assert len(it.documents) == 1
        it.world.write(*(f"Story number {number}" for number in range(it.world.deep - 1)))
        for _ in range(6):
            await it.turn(hours=0.1)
        assert len(it.documents) == len(it.newest) == it.world.deep
        before = len(it.world.asked)
        it.world.write("Last one")
        await it.turn()
        assert len(it.documents) == it.world.deep + 1
        asked = len(it.world.asked) - before
        assert asked <= 4, "what was told is not walked through again"

    live(kind, tmp_path, scenario)


def test_killed_between_the_log_and_the_state_nothing_is_doubled(kind: str, tmp_path: Path) -> None:
    async def scenario(it: Turns) -> None:
        it.world.write("Alpha rises", "Beta falls")
        await it.turn(crash=True)
        it.world.write("Gamma holds")
        await it.turn(crash=True)
        await it.turn()
        await it.turn()
        assert [one.revision for one in it.documents] == [1, 1, 1]
        assert len(it.newest) == 3

    live(kind, tmp_path, scenario)


def test_an_edit_is_a_revision_of_the_same_story(kind: str, tmp_path: Path) -> None:
    async def scenario(it: Turns) -> None:
        if it.world.edits is None:
            it.world.write("Alpha rises")
            await it.turn()
            it.world.edit(1, "Alpha falls")
            await it.turn(hours=25)
            assert [one.revision for one in it.documents] == [1], "there is no such thing there"
            return
        first, _ = it.world.write("Alpha rises", "Beta falls")
        await it.turn()
        it.world.edit(first, "Alpha rises by 5 percent")
        for _ in range(it.world.edits):
            await it.turn(hours=25)
        changed = [one for one in it.documents if one.revision == 2]
        assert len(changed) == 1
        assert "by 5 percent" in changed[0].title
        assert changed[0].id == it.about("Alpha")[0].id
        assert len(it.documents) == 3

    live(kind, tmp_path, scenario)


def test_a_deletion_leaves_nothing_but_the_id(kind: str, tmp_path: Path) -> None:
    async def scenario(it: Turns) -> None:
        _, middle, _ = it.world.write("Alpha rises", "Beta falls", "Gamma holds")
        await it.turn(hours=25)
        it.world.delete(middle)
        for _ in range((it.world.deletes or 1) + 1):
            await it.turn(hours=25)
        removed = [one for one in it.documents if one.removed]
        if it.world.deletes is None:
            assert removed == [], "it can't be known there"
            return
        assert len(removed) == 1
        assert removed[0].id == it.about("Beta")[0].id
        assert (removed[0].title, removed[0].summary, removed[0].content, removed[0].authors) == ("", "", "", ())
        assert sum(not one.removed for one in it.newest.values()) == 2
        await it.turn(hours=25)
        assert len(it.documents) == 4, "and it is told once"

    live(kind, tmp_path, scenario)


def test_nobody_is_named(kind: str, tmp_path: Path) -> None:
    async def scenario(it: Turns) -> None:
        it.world.write("Alpha rises", "Beta falls")
        await it.turn()
        said = b"".join(entry.value for entry in it.log.read(100)) + it.state
        assert not any(name.encode() in said for name in (*NAMES, TOKEN))
        if it.world.people:
            authors = {one.authors for one in it.documents}
            assert len(authors) == 1, "the same person is the same pseudonym"
            assert all(len(author) >= 32 for one in authors for author in one)

    live(kind, tmp_path, scenario)


def test_who_wrote_it_can_be_forgotten(kind: str, tmp_path: Path) -> None:
    """By what people know of an account the pseudonym of its stories is found, and nothing comes back afterwards."""

    async def scenario(it: Turns) -> None:
        if not it.world.people:
            return
        it.world.write("Alpha rises")
        await it.turn()
        wanted = {pseudonym(b"key", one.platform, one.name) for one in accounts_of(it.world.user, sources=("s",))}
        (story,) = it.documents
        assert set(story.authors) <= wanted
        (known,) = it.log.by_author(story.authors[0])
        gone = msgspec.structs.replace(
            story, revision=2, title="", summary="", content_hash=REMOVED, removed=True, authors=()
        )  # fmt: skip
        it.log.append([gone])  # as `forget` leaves it
        assert known.id == gone.id
        for _ in range(3):
            await it.turn(hours=25)
        assert [one.revision for one in it.documents] == [1, 2]

    live(kind, tmp_path, scenario)


def test_a_limit_that_is_used_up_is_kept(kind: str, tmp_path: Path) -> None:
    async def scenario(it: Turns) -> None:
        if not it.world.asks:
            return
        it.world.write("Alpha rises")
        if it.world.used_up is not None:
            it.headers = it.world.used_up
            polled = await it.turn(hours=0)
            assert polled is not None
            assert polled.wait == pytest.approx(300, abs=2)
        it.status, it.headers = 429, {"Retry-After": "90"}
        with pytest.raises(FetchError) as caught:
            await it.turn()
        assert caught.value.retry_after == 90
        assert TOKEN not in f"{caught.value!r} {caught.value}"
        it.status, it.headers = 200, {}
        await it.turn()
        assert len(it.newest) == 1

    live(kind, tmp_path, scenario)


def test_the_url_and_the_name_hold_no_secret(kind: str, tmp_path: Path) -> None:
    async def scenario(it: Turns) -> None:
        if kind != "webhook":
            source: Any = it.world.make(it._base, it._context)
            assert TOKEN not in f"{source.url} {source.name} {source!r}"

    live(kind, tmp_path, scenario)
