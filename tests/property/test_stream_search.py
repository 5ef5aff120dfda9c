"""The SQLite index answers as a loop over everything does, whatever is put and asked."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskwire.ports import SearchQuery
from riskwire.testing import MemoryIndex, a_story
from strategies import queries, same_answers, same_stories, stories
from stream.paging import page_token, read_token
from stream.sqlite.database import Database
from stream.sqlite.index import SqliteIndex
from stream.sqlite.match import match_expression


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
            same_answers(index, model, query)
        same_stories(index, model)
        assert database.check() == []


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
