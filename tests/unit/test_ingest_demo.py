"""The bundled demo, on a clock in the hand."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from ingest.demo import SPAN, demo_stories, replay
from riskwire import wire
from riskwire.clock import ManualClock
from riskwire.testing import MemoryLog
from riskwire.types import Document

END = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def test_the_stories() -> None:
    stories = demo_stories(END)
    assert len(stories) >= 150
    assert {story.origin for story in stories} == {"demo"}
    assert all(END - SPAN <= story.event_time <= story.seen_at <= END for story in stories)
    assert all(story.event_time == story.published_at and story.published_quality == "stated" for story in stories)
    assert [story.seen_at for story in stories] == sorted(story.seen_at for story in stories)
    assert stories == demo_stories(END)
    moved = demo_stories(END + timedelta(days=1))
    assert [story.id for story in moved] == [story.id for story in stories]


def test_corrections_are_revisions_of_their_story() -> None:
    stories = demo_stories(END)
    counts = Counter(story.id for story in stories)
    assert max(counts.values()) > 1
    for story_id in counts:
        assert [story.revision for story in stories if story.id == story_id] == list(range(1, counts[story_id] + 1))


def test_replay_brings_all_in_order_and_ends_at_the_end() -> None:
    stories = demo_stories(END)
    clock, log = ManualClock(END - SPAN), MemoryLog()
    asyncio.run(replay(stories, log, clock, seconds=0.2, end=END))
    assert clock.now() == END
    found = [wire.decode(entry.value, Document) for entry in log.read(10_000)]
    assert found == stories


def test_replay_ends_now_by_default() -> None:
    clock, log = ManualClock(datetime(2020, 1, 1, tzinfo=UTC)), MemoryLog()
    asyncio.run(replay(demo_stories(datetime.now(UTC)), log, clock, seconds=0.1))
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
