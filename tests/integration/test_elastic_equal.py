"""Elasticsearch answers as a loop over everything does, whatever is put and asked, and so as SQLite does."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster import empty_indices, remove_indices
from riskwire.ports import SearchQuery
from riskwire.settings import ElasticsearchSettings
from riskwire.testing import MemoryIndex, a_story
from strategies import queries, same_answers, same_stories, stories
from stream.elastic import schema
from stream.elastic.storage import ElasticStorage
from stream.elastic.words import terms

EXAMPLES = 200 if os.environ.get("RISKWIRE_SOAK") else 12


@pytest.fixture(scope="module")
def storage(services):
    made = ElasticsearchSettings(url=services.elasticsearch.url, prefix="t-equal", shards=2)
    with ElasticStorage(made, refresh=True) as storage:
        remove_indices(storage, made.prefix)
        schema.init(storage.client, made)
        storage.client.indices.put_settings(index=f"{made.prefix}-*", settings={"index.gc_deletes": "0s"})
        yield storage
        remove_indices(storage, made.prefix)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=st.lists(st.lists(stories(), max_size=8), max_size=4), asked=st.lists(queries, min_size=1, max_size=8))
def test_searches_equal_a_loop_over_everything(storage, batches, asked):
    empty_indices(storage, "t-equal")
    index, model = storage.index, MemoryIndex()
    for batch in batches:
        assert index.put(batch) == model.put(batch)
    for query in asked:
        same_answers(index, model, query)
    same_stories(index, model)


@settings(max_examples=5 * EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=40) | st.text('"*()^:-+{}[]\\/~?ab NEARODT\0', max_size=40))
def test_no_text_is_ever_a_syntax_error(storage, text):
    storage.index.put([a_story(1, title="Tesla recalls cars"), a_story(2, title="AND OR NOT NEAR")])
    result = storage.index.search(SearchQuery(text=text))
    assert len(result.documents) == storage.index.count(SearchQuery(text=text))
    if text.strip() and not terms(text):
        assert result.documents == []
