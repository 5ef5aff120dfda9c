"""DocumentLog and KnownStories: what was accepted is there until it is acknowledged, once."""

from datetime import UTC, datetime

import msgspec
import pytest

from riskwire import wire
from riskwire.errors import WireError
from riskwire.testing import a_document
from riskwire.types import Document, FailedMessage


def ids(entries):
    return [wire.decode(entry.value, Document).id for entry in entries]


def test_it_hands_out_what_was_appended_in_order_and_as_it_was(backend):
    documents = [a_document(n, summary="Zürich \u2028 😀") for n in range(5)]
    result = backend.log.append(documents)
    assert (result.appended, result.duplicates) == (5, 0)
    entries = backend.log.read(10)
    assert [wire.decode(entry.value, Document) for entry in entries] == documents
    assert [entry.key for entry in entries] == [document.id for document in documents]
    assert [entry.offset for entry in entries] == sorted(entry.offset for entry in entries)
    assert backend.log.depth() == 5


def test_the_same_id_and_revision_is_taken_once(backend):
    backend.log.append([a_document(1), a_document(1)])
    result = backend.log.append([a_document(1, title="Another text"), a_document(2)])
    assert (result.appended, result.duplicates) == (1, 1)
    assert len(backend.log.read(10)) == 2


def test_a_newer_revision_is_taken_and_an_older_is_a_duplicate(backend):
    backend.log.append([a_document(1), a_document(1, revision=2)])
    assert backend.log.append([a_document(1)]).duplicates == 1
    assert [wire.decode(entry.value, Document).revision for entry in backend.log.read(10)] == [1, 2]


def test_the_same_entries_come_again_until_they_are_acknowledged(backend):
    backend.log.append([a_document(n) for n in range(4)])
    first = backend.log.read(2)
    assert backend.log.read(2) == first
    backend.log.ack(first[-1].offset)
    second = backend.log.read(10)
    assert ids(first + second) == [a_document(n).id for n in range(4)]
    assert backend.log.depth() == 2


def test_after_reopening_only_what_was_not_acknowledged_comes_again(backend):
    backend.log.append([a_document(n) for n in range(4)])
    backend.log.ack(backend.log.read(1)[-1].offset)
    backend.reopen()
    assert ids(backend.log.read(10)) == [a_document(n).id for n in range(1, 4)]


def test_what_was_acknowledged_is_still_known_after_reopening(backend):
    backend.log.append([a_document(1)])
    backend.log.ack(backend.log.read(1)[-1].offset)
    backend.reopen()
    assert backend.log.append([a_document(1)]).duplicates == 1
    assert backend.log.read(10) == []


def test_offsets_go_on_after_everything_was_acknowledged_and_reopened(backend):
    backend.log.append([a_document(1)])
    before = backend.log.read(1)[-1].offset
    backend.log.ack(before)
    backend.reopen()
    backend.log.append([a_document(2)])
    assert backend.log.read(1)[-1].offset > before


def test_to_acknowledge_again_or_nothing_changes_nothing(backend):
    backend.log.append([a_document(n) for n in range(3)])
    offset = backend.log.read(1)[-1].offset
    backend.log.ack(offset)
    backend.log.ack(offset)
    backend.log.ack(0)
    assert backend.log.depth() == 2


def test_a_document_that_can_not_be_written_spoils_its_call_and_nothing_else(backend):
    with pytest.raises(WireError):
        backend.log.append([a_document(1), a_document(2, title="\ud800")])
    assert backend.log.depth() == 0
    assert backend.log.append([a_document(1)]).appended == 1


def test_nothing_appended_is_fine(backend):
    assert backend.log.append([]).appended == 0
    assert backend.log.read(10) == []


def test_bytes_come_out_as_they_went_in(backend):
    backend.poison(b"\x00\xff no JSON")
    assert backend.log.read(1)[0].value == b"\x00\xff no JSON"


def test_known_stories_are_found_by_id_and_by_link(backend):
    link = "https://Example.org/a?utm_source=x#top"
    backend.log.append([a_document(1, publisher="example.org", link=link, content_hash="h1"), a_document(2)])
    known = backend.log.by_id([a_document(1).id, a_document(2).id, "nobody"])
    assert set(known) == {a_document(1).id, a_document(2).id}
    story = known[a_document(1).id]
    assert (story.revision, story.content_hash, story.link) == (1, "h1", "https://example.org/a")
    assert backend.log.by_link("example.org", ["https://example.org/a", "https://example.org/b"]) == {
        "https://example.org/a": story
    }
    assert backend.log.by_link("another.org", ["https://example.org/a"]) == {}
    assert backend.log.by_id([]) == {}
    assert backend.log.by_link("example.org", []) == {}


def test_of_a_known_story_the_newest_accepted_revision_is_told(backend):
    backend.log.append([a_document(1, content_hash="old")])
    backend.log.append([a_document(1, revision=2, content_hash="new")])
    backend.reopen()
    assert backend.log.by_id([a_document(1).id])[a_document(1).id].content_hash == "new"


def test_many_ids_are_asked_at_once(backend):
    backend.log.append([a_document(n) for n in range(20)])
    assert len(backend.log.by_id([f"{n:032x}" for n in range(40_000)])) == 20


def test_dead_letters_are_kept_once_with_their_reason(backend):
    letter = FailedMessage(
        key="k",
        value=b"\xff",
        value_size=1,
        value_sha256="a" * 64,
        stage="stream",
        error_type="WireError",
        error_message="can't be read",
        failed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    backend.log.dead_letter([letter, letter])
    backend.log.dead_letter([letter, msgspec.structs.replace(letter, key="other")])
    backend.reopen()
    assert backend.dead_letters() == [letter, msgspec.structs.replace(letter, key="other")]


def test_what_an_author_wrote_is_known_until_it_is_removed(backend):
    posts = [a_document(n, source_type="social", authors=("jo",), content_hash=f"h{n}") for n in (1, 2)]
    others = [a_document(3, source_type="social", authors=("al",)), a_document(4, authors=("jo",))]  # the last is news
    backend.log.append([*posts, *others])
    backend.reopen()
    assert [story.id for story in backend.log.by_author("jo")] == sorted(post.id for post in posts)
    assert backend.log.by_author("nobody") == []
    backend.log.append([a_document(1, revision=2, removed=True, source_type="social", content_hash="removed")])
    assert [(story.id, story.revision) for story in backend.log.by_author("jo")] == [(posts[1].id, 1)]
    assert backend.log.by_id([posts[0].id])[posts[0].id].content_hash == "removed"
