"""ScoredStream and ConsumerOffsets: everything published is read by every consumer, from where it stopped."""

from datetime import UTC, datetime, timedelta

from riskwire.testing import a_story


def test_entries_come_in_order_from_behind_an_offset(backend):
    stories = [a_story(n) for n in range(5)]
    backend.scored.publish(stories[:3])
    backend.scored.publish(stories[3:])
    entries = backend.scored.read(0, 100)
    assert [entry.document for entry in entries] == stories
    assert [entry.document for entry in backend.scored.read(entries[1].offset, 2)] == stories[2:4]
    assert backend.scored.end() == entries[-1].offset
    assert backend.scored.read(backend.scored.end(), 10) == []


def test_an_empty_stream_ends_at_nothing(backend):
    assert backend.scored.end() == 0
    assert backend.scored.read(0, 10) == []
    assert backend.scored.offset_before(datetime(2026, 1, 1, tzinfo=UTC)) == 0
    backend.scored.publish([])
    assert backend.scored.end() == 0


def test_what_was_published_is_there_after_reopening_and_offsets_go_on(backend):
    backend.scored.publish([a_story(1)])
    end = backend.scored.end()
    backend.reopen()
    backend.scored.publish([a_story(1)])  # it may repeat
    assert [entry.document.id for entry in backend.scored.read(0, 10)] == [a_story(1).id] * 2
    assert backend.scored.end() > end


def test_offset_before_is_where_to_begin_to_see_everything_since(backend):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    backend.scored.publish([a_story(n, seen_at=start + timedelta(minutes=n)) for n in (0, 5, 3, 9)])
    everything = backend.scored.read(0, 10)
    assert backend.scored.offset_before(start) == everything[0].offset - 1
    after = backend.scored.offset_before(start + timedelta(minutes=3))
    assert [entry.document.id for entry in backend.scored.read(after, 10)] == [f"{n:032x}" for n in (5, 3, 9)]
    assert backend.scored.offset_before(start + timedelta(minutes=10)) == backend.scored.end()


def test_a_consumer_starts_at_nothing_and_never_goes_back(backend):
    assert backend.offsets.committed("alerts") == 0
    backend.offsets.commit("alerts", 7)
    backend.offsets.commit("alerts", 3)
    backend.reopen()
    assert backend.offsets.committed("alerts") == 7
    assert backend.offsets.committed("page") == 0
