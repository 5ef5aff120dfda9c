"""Stories and queries of every kind, for tests that hold an index against a loop over everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import strategies as st

from riskwire.ports import SearchQuery
from riskwire.testing import MemoryIndex, a_story, sentiment_of
from riskwire.types import EntityMention

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ["tesla", "recall", "Zürich", "AT&T", "brk.b", "tes", "in", "a-b"]
SYMBOLS = ["TSLA", "F", "XNSE:INFY"]

times = st.integers(-5, 20).map(lambda n: START + timedelta(minutes=7 * n, microseconds=n % 3))
texts = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)


@st.composite
def mentions(draw):
    return EntityMention(
        entity_group="ORG",
        text="x",
        start=0,
        end=1,
        confidence=draw(st.sampled_from([0.0, 0.25, 0.9])),
        symbol=draw(st.sampled_from([*SYMBOLS, None])),
        sentiment=sentiment_of(draw(st.sampled_from([-1, 0, 1]))),
    )


@st.composite
def stories(draw):
    status = draw(st.sampled_from(["scored", "scored", "scored", "unscored", "removed"]))
    found = tuple(draw(st.lists(mentions(), max_size=3))) if status == "scored" else ()
    return a_story(
        draw(st.integers(1, 12)),
        revision=draw(st.integers(1, 3)),
        status=status,
        source=draw(st.sampled_from(["a", "b"])),
        source_type=draw(st.sampled_from(["news", "social"])),
        title=draw(texts),
        summary=draw(texts),
        event_time=draw(times),
        sentiment=sentiment_of(draw(st.sampled_from([-1, 0, 1]))) if status == "scored" else None,
        entities=found,
        symbols=tuple(sorted({one.symbol for one in found if one.symbol})),
    )


queries = st.builds(
    SearchQuery,
    text=st.one_of(
        st.just(""),
        texts,
        texts.map(lambda text: f'"{text}"'),
        st.sampled_from(WORDS).map(lambda word: word[:3] + "*"),
        st.sampled_from(WORDS).map(str.upper),
    ),
    symbol=st.sampled_from([None, None, *SYMBOLS]),
    source=st.sampled_from([None, None, "a"]),
    source_type=st.sampled_from([None, None, "social"]),
    label=st.sampled_from([None, None, "negative"]),
    status=st.sampled_from([None, None, "scored", "removed"]),
    since=st.none() | times,
    until=st.none() | times,
    limit=st.integers(1, 5),
)


def same_rows(ours, expected):
    assert len(ours) == len(expected)
    for left, right in zip(ours, expected, strict=True):
        for field in left.__struct_fields__:
            value, other = getattr(left, field), getattr(right, field)
            assert value == (pytest.approx(other, abs=1e-9) if isinstance(other, float) else other), field


def same_answers(index, model: MemoryIndex, query: SearchQuery) -> None:
    """Count, every page, timeline and movers of this query."""
    assert index.count(query) == model.count(query)
    after, theirs = None, None
    for _ in range(20):
        page = index.search(msgspec.structs.replace(query, after=after))
        expected = model.search(msgspec.structs.replace(query, after=theirs))
        assert page.documents == expected.documents
        assert (page.next is None) == (expected.next is None)
        after, theirs = page.next, expected.next
        if after is None:
            break
    since, until = query.since or START, query.until or START + timedelta(hours=2)
    same_rows(
        index.sentiment_timeline(since, until, 600, query.symbol),
        model.sentiment_timeline(since, until, 600, query.symbol),
    )
    if since < until:
        ours, expected = index.movers(since, until, 100, 1), model.movers(since, until, 100, 1)
        same_rows(sorted(ours, key=lambda row: row.symbol), sorted(expected, key=lambda row: row.symbol))


def same_stories(index, model: MemoryIndex) -> None:
    """Sources, and every story with its revisions."""
    assert index.sources() == model.sources()
    for number in range(1, 13):
        identity = f"{number:032x}"
        assert index.get(identity) == model.get(identity)
        assert index.revisions(identity) == model.revisions(identity)
