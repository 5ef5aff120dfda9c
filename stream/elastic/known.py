"""What the index remembers of stories, for an ingest that has no memory of its own yet: KnownStories.

`by_id` sees every write; `by_link` and `by_author` what was refreshed, a second behind. Ingest asks its own state
first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from elasticsearch import Elasticsearch

from riskwire.ports import KnownStory
from stream.elastic.client import asked
from stream.elastic.failures import status_error
from stream.elastic.mapping import STORIES

_FIELDS = ["id", "revision", "content_hash", "canonical_link"]
_MOST = 1_000
_PATIENCE = 10.0


class ElasticKnownStories:
    """KnownStories."""

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        self._client, self._stories = client, STORIES.alias(prefix)

    def by_id(self, ids: Sequence[str]) -> dict[str, KnownStory]:
        """See KnownStories.by_id."""
        known: dict[str, KnownStory] = {}
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), _MOST):
            some = wanted[start : start + _MOST]
            answer = asked(
                partial(self._client.mget, index=self._stories, ids=some, source_includes=_FIELDS),
                patience=_PATIENCE,
            )
            for row in answer["docs"]:
                if "error" in row:
                    raise status_error(404, row["error"])
                if row.get("found"):
                    known[row["_id"]] = _story(row["_source"])
        return known

    def by_link(self, publisher: str, links: Sequence[str]) -> dict[str, KnownStory]:
        """See KnownStories.by_link."""
        known: dict[str, KnownStory] = {}
        wanted = list(dict.fromkeys(links))
        for start in range(0, len(wanted), _MOST):
            conditions = [
                {"term": {"publisher": publisher}},
                {"terms": {"canonical_link": wanted[start : start + _MOST]}},
            ]
            answer = asked(
                partial(
                    self._client.search,
                    index=self._stories,
                    query={"bool": {"filter": conditions}},
                    sort=[{"revision": "asc"}],
                    size=10_000,
                    source_includes=_FIELDS,
                    track_total_hits=False,
                ),
                patience=_PATIENCE,
            )
            for hit in answer["hits"]["hits"]:
                story = _story(hit["_source"])
                if story.link is not None:
                    known[story.link] = story
        return known

    def by_author(self, author: str) -> list[KnownStory]:
        """See KnownStories.by_author."""
        found: list[KnownStory] = []
        conditions = {
            "filter": [{"term": {"source_type": "social"}}, {"term": {"authors": author}}],
            "must_not": [{"term": {"status": "removed"}}],
        }
        while True:
            answer = asked(
                partial(
                    self._client.search,
                    index=self._stories,
                    query={"bool": conditions},
                    sort=[{"id": "asc"}],
                    size=_MOST,
                    source_includes=_FIELDS,
                    track_total_hits=False,
                    search_after=[found[-1].id] if found else None,
                ),
                patience=_PATIENCE,
            )
            hits = answer["hits"]["hits"]
            found += [_story(hit["_source"]) for hit in hits]
            if len(hits) < _MOST:
                return found


def _story(source: Mapping[str, Any]) -> KnownStory:
    return KnownStory(
        source["id"], source.get("revision", 1), source.get("content_hash", ""), source.get("canonical_link")
    )
