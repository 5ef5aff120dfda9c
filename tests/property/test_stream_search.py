"""The SQLite index answers as a loop over everything does, whatever is put and asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskwire.ports import SearchQuery
from riskwire.testing import MemoryIndex, a_story, sentiment_of
from riskwire.types import EntityMention
from stream.paging import page_token, read_token
from stream.sqlite.database import Database
from stream.sqlite.index import SqliteIndex
from stream.sqlite.match import match_expression

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


@pytest.fixture(scope="module")
def folder():
    with TemporaryDirectory() as folder:
        yield Path(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches=st.lists(st.lists(stories(), max_size=8), max_size=4), asked=st.lists(queries, min_size=1, max_size=8))
def test_searches_equal_a_loop_over_everything(folder, batches, asked):
    with TemporaryDirectory(dir=folder) as here, Database(Path(here) / "riskwire.db") as database:
        index, model = SqliteIndex(database), MemoryIndex()
        for batch in batches:
            assert index.put(batch) == model.put(batch)
        for query in asked:
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
        assert index.sources() == model.sources()
        for number in range(1, 13):
            identity = f"{number:032x}"
            assert index.get(identity) == model.get(identity)
            assert index.revisions(identity) == model.revisions(identity)
        assert database.check() == []


def same_rows(ours, expected):
    assert len(ours) == len(expected)
    for left, right in zip(ours, expected, strict=True):
        for field in left.__struct_fields__:
            value, other = getattr(left, field), getattr(right, field)
            assert value == (pytest.approx(other, abs=1e-9) if isinstance(other, float) else other), field


@pytest.fixture(scope="module")
def filled(folder):
    with Database(folder / "filled.db") as database:
        index = SqliteIndex(database)
        index.put(
            [a_story(n, title=title) for n, title in enumerate(["Tesla recalls cars", "AND OR NOT NEAR", "ß ½ ² é"])]
        )
        yield index


@settings(max_examples=400, deadline=None)
@given(text=st.text(max_size=40) | st.text('"*()^:-+{}ab NEARODT\0', max_size=40))
def test_no_text_is_ever_a_syntax_error(filled, text):
    result = filled.search(SearchQuery(text=text))
    assert len(result.documents) == filled.count(SearchQuery(text=text))
    if match_expression(text) is None:
        assert bool(result.documents) == (not text.strip())


@given(st.integers(-(2**63), 2**63 - 1), st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_page_token_is_read_back(micros, identity):
    assert read_token(page_token(micros, identity)) == (micros, identity)


@settings(max_examples=150, deadline=None)
@given(titles=st.lists(st.text(max_size=60).filter(lambda text: text.isprintable() or "\0" in text), max_size=4))
def test_no_word_of_an_old_revision_is_left_behind(filled, titles):
    index = filled
    for title in titles:
        held = index.held([a_story(99).id]).get(a_story(99).id, 0)
        index.put([a_story(99, revision=held + 1, title=title, summary=title[::-1])])
    held = index.held([a_story(99).id]).get(a_story(99).id, 0)
    index.put([a_story(99, revision=held + 1, status="removed")])
    with index._database.write() as connection:
        connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab (main, words, row)")
        words = {word for (word,) in connection.execute("SELECT term FROM vocabulary")}
    assert words <= {"tesla", "recalls", "cars", "and", "or", "not", "near", "ß", "½", "²", "e"}
