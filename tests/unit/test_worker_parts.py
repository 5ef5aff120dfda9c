"""The worker's pure parts: the ledger, the watchdog's judgement, what becomes of a message."""

from datetime import UTC, datetime

import msgspec
import pytest

from riskwire import wire
from riskwire.errors import StorageError, WireError
from riskwire.ports import Refused
from riskwire.testing import a_document, a_story
from riskwire.types import Document, ScoredDocument
from stream.dead_letters import refusals
from stream.decoding import read_document
from stream.kafka.admin import Lag
from stream.topics import MESSAGE_BYTES
from stream.worker.batch import Batch, Taken, prepare, writable
from stream.worker.ledger import Ledger, Place
from stream.worker.watchdog import Standstill, Watchdog

HERE = Place("documents", 0)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def ledger_at(committed, generation=1):
    ledger = Ledger()
    ledger.assigned(HERE, generation)
    assert ledger.gap(HERE, generation, committed or 0, committed) is None
    return ledger


@pytest.mark.parametrize("committed", [10, None])
def test_nothing_in_flight_is_committed_past(committed):
    # Faust 0.15.3 commits 12 here, with 10 in flight (and in a new group 6, with 0 to 4 in flight).
    ledger = ledger_at(committed)
    first = committed or 0
    tickets = [ledger.took(HERE, 1, first + n) for n in range(6)]
    ledger.done([tickets[1]])
    assert ledger.committable() == {}
    ledger.done([tickets[5], tickets[2]])
    assert ledger.committable() == {}
    ledger.done([tickets[0]])
    assert ledger.committable() == {HERE: first + 3}
    ledger.done([tickets[3], tickets[4]])
    assert ledger.committable() == {HERE: first + 6}


def test_a_failed_commit_is_said_again_and_a_stored_one_is_not():
    ledger = ledger_at(0)
    ledger.done([ledger.took(HERE, 1, 0)])
    assert ledger.committable() == ledger.committable() == {HERE: 1}
    ledger.committed({HERE: 1})
    assert ledger.committable() == {}


def test_what_was_in_hand_when_a_partition_was_revoked_moves_nothing():
    ledger = ledger_at(0)
    old = [ledger.took(HERE, 1, n) for n in range(3)]
    ledger.revoked([HERE])
    ledger.done(old)
    assert ledger.committable() == {}
    ledger.assigned(HERE, 2)
    ledger.gap(HERE, 2, 0, None)
    new = ledger.took(HERE, 2, 0)
    ledger.done(old)
    assert ledger.committable() == {}
    ledger.done([new])
    assert ledger.committable() == {HERE: 1}


def test_messages_of_an_older_generation_and_repeated_ones_are_left():
    ledger = ledger_at(5, generation=7)
    assert ledger.took(HERE, 6, 5) is None
    assert ledger.took(HERE, 7, 5) is not None
    assert ledger.took(HERE, 7, 5) is None
    assert ledger.took(Place("documents", 1), 7, 5) is None


def test_a_hole_in_the_offsets_is_told():
    ledger = Ledger()
    ledger.assigned(HERE, 1)
    assert ledger.gap(HERE, 1, 15, 10) == 10
    ledger = ledger_at(10)
    ledger.took(HERE, 1, 10)
    assert ledger.gap(HERE, 1, 13, 10) == 11
    assert ledger.gap(HERE, 1, 11, 10) is None


def test_standing_still_counts_only_while_messages_wait():
    standstill = Standstill(60)
    assert standstill.look(0, {0: Lag(5, 5), 1: Lag(5, 9)}, {0, 1}) == []
    assert standstill.look(59, {0: Lag(5, 9), 1: Lag(6, 9)}, {0, 1}) == []
    assert standstill.look(118, {0: Lag(5, 9), 1: Lag(6, 9)}, {0, 1}) == []
    assert standstill.look(119, {0: Lag(5, 9), 1: Lag(6, 9)}, {0, 1}) == [0, 1]
    assert standstill.look(200, {0: Lag(5, 9), 1: Lag(6, 9)}, {1}) == [1]  # 0 is another's
    assert standstill.look(201, {0: Lag(5, 9), 1: Lag(9, 9)}, set()) == []
    assert standstill.look(300, {0: Lag(5, 9), 1: Lag(9, 9)}, set()) == [0]  # nobody has it


@pytest.mark.parametrize(
    ("excused", "kafka", "left"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_the_watchdog_leaves_unless_the_storage_or_kafka_is_away(excused, kafka, left):
    gone = []

    def lags():
        if not kafka:
            raise StorageError("away")
        return {0: Lag(3, 9)}

    dog = Watchdog(
        lags=lags, mine=lambda: {0}, excused=lambda: excused, stuck_after=0.2, leave=lambda: gone.append(True)
    )
    dog.start()
    dog.join(0.8)
    dog.stop()
    dog.join(5)
    assert bool(gone) is left


def taken(value, key=b"k"):
    ledger = ledger_at(0)
    return Taken(ledger.took(HERE, 1, 0), key, value)


GOOD = wire.encode(a_document(1, title="Acme profit rises"))
POISON = {
    "no JSON": (b"{not json", "can't be read"),
    "nothing": (b"", "can't be read"),
    "no value": (None, "no value"),
    "NUL byte": (GOOD.replace(b"Acme", b"Ac\x00me"), "can't be read"),
    "NUL escape": (GOOD.replace(b"Acme", b"Ac\\u0000me"), "NUL"),
    "lone surrogate": (GOOD.replace(b"Acme", b"Ac\\ud800me"), "can't be read"),
    "surrogate bytes": (GOOD.replace(b"Acme", b"Ac\xed\xa0\x80me"), "can't be read"),
    "schema": (GOOD.replace(b'"schema_version":1', b'"schema_version":99'), "schema version 99"),
    "type": (GOOD.replace(b'"revision":1', b'"revision":"one"'), "revision"),
    "size": (b'{"title":"' + b"x" * 5_000_000 + b'"}', "5000012 bytes"),
}


@pytest.mark.parametrize("kind", POISON)
def test_poison_is_put_aside_with_its_reason_and_the_rest_goes_on(kind):
    value, reason = POISON[kind]
    batch = prepare(Batch(taken=[taken(value), taken(GOOD)]), lambda ids: {}, NOW)
    assert [one.title for one in batch.needed] == ["Acme profit rises"]
    (letter,) = batch.failed
    assert letter.stage == "decode"
    assert reason in letter.error_message
    assert letter.value_size == len(value or b"")
    assert len(wire.encode(letter)) < 100 * 1024


def test_what_the_index_holds_is_left_out_and_what_it_holds_older_is_not():
    values = [wire.encode(a_document(1)), wire.encode(a_document(2, revision=2)), wire.encode(a_document(3))]
    held = {a_document(1).id: 1, a_document(2).id: 1}
    batch = prepare(Batch(taken=[taken(value) for value in values]), lambda ids: held, NOW)
    assert [(one.id, one.revision) for one in batch.needed] == [(a_document(2).id, 2), (a_document(3).id, 1)]


def test_a_removal_comes_through_as_one():
    removal = ScoredDocument(**{**msgspec.structs.asdict(a_document(1, revision=2)), "status": "removed"})
    read = read_document(wire.encode(removal))
    assert isinstance(read, ScoredDocument)
    assert read.status == "removed"
    assert type(read_document(wire.encode(a_document(1, title='says "removed"')))) is Document


def test_a_text_that_speaks_of_nul_holds_none():
    document = a_document(1, title=r"the escape \u0000 in JSON")
    assert read_document(wire.encode(document)) == document


def test_a_story_that_can_not_travel_is_put_aside_as_a_document_to_be_tried_again():
    large = a_story(1, content="x" * MESSAGE_BYTES)
    good, failed = writable([large, a_story(2)], NOW)
    assert [one.id for one in good] == [a_story(2).id]
    assert (failed[0].stage, failed[0].key) == ("score", a_story(1).id)
    assert failed[0].value.startswith(b'{"schema_version":1,"id":"')
    _, failed = writable([a_story(1, title="\ud800")], NOW)
    assert b"ud800" in failed[0].value


def test_what_the_index_refuses_becomes_a_letter_whose_value_is_a_document():
    stories = [a_story(1), a_story(2)]
    (letter,) = refusals(stories, [Refused(stories[1].id, stories[1].revision, "mapper says no")], NOW)
    assert letter.stage == "index"
    assert "mapper says no" in letter.error_message
    assert read_document(letter.value).id == stories[1].id


def test_messages_are_told_by_headers():
    from stream.kafka.events import document_event

    event = document_event(a_document(1, source="Reuters", seen_at=NOW))
    headers = dict(event.headers)
    assert headers["ce_type"] == b"riskwire.document.v1"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_id"] == f"{a_document(1).id}@1".encode()
    assert headers["content-type"] == b"application/json"
    assert event.time == int(NOW.timestamp() * 1000)
    with pytest.raises(WireError):
        document_event(a_document(1, title="\ud800"))
