"""The index on Elasticsearch: what is read. `get` and `held` see every write, a search after the next refresh."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from elasticsearch import Elasticsearch, NotFoundError

from riskwire.movers import compared
from riskwire.ports import Mover, SearchPage, SearchQuery, SentimentBucket, SourceCount
from riskwire.types import ScoredDocument
from stream.elastic import aggregations
from stream.elastic.bodies import story_of
from stream.elastic.client import asked
from stream.elastic.mapping import REVISIONS, STORIES
from stream.elastic.query import ORDER, search_after, story_filter
from stream.paging import page_token
from stream.times import to_micros

#: Stories fetched in one request; a longer page takes several.
_MOST_HITS = 5_000
#: Seconds a read waits out a passing failure: a person is waiting.
_PATIENCE = 2.0
#: What is searched with and never shown.
_HIDDEN = ["companies", "entity_names", "canonical_link", "event_micros"]


class ElasticSearch:
    """The reading half of Index."""

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        self._client = client
        self._stories, self._revisions = STORIES.alias(prefix), REVISIONS.alias(prefix)

    def get(self, document_id: str) -> ScoredDocument | None:
        """See Index.get."""
        if not document_id:
            return None

        def found() -> ScoredDocument | None:
            try:
                answer = self._client.get(index=self._stories, id=document_id, source_excludes=_HIDDEN)
            except NotFoundError as error:
                if isinstance(error.body, dict) and error.body.get("found") is False:
                    return None
                raise  # the index is missing: that is something else than a story that is not there
            return story_of(answer["_source"])

        return asked(found, patience=_PATIENCE)

    def revisions(self, document_id: str) -> list[ScoredDocument]:
        """See Index.revisions."""
        current = self.get(document_id)
        if current is None:
            return []
        answer = self._asked(
            index=self._revisions,
            query={"term": {"id": document_id}},
            sort=[{"revision": "asc"}],
            size=_MOST_HITS,
            source_excludes=_HIDDEN,
        )
        earlier = [story_of(hit["_source"]) for hit in answer["hits"]["hits"]]
        # After a crash between the two writes the current one is there, too.
        return [*(story for story in earlier if story.revision < current.revision), current]

    def search(self, query: SearchQuery) -> SearchPage:
        """See Index.search. Raises UsageError when `after` is no token of ours."""
        after = search_after(query.after)
        limit, found = max(query.limit, 0), story_filter(query)
        if found is None or not limit:
            return SearchPage([])
        hits: list[dict[str, Any]] = []
        while len(hits) <= limit:
            size = min(limit + 1 - len(hits), _MOST_HITS)
            answer = self._asked(
                index=self._stories,
                query=found,
                sort=ORDER,
                size=size,
                search_after=after,
                track_total_hits=False,
                source_excludes=_HIDDEN,
            )
            page = answer["hits"]["hits"]
            hits += page
            if len(page) < size:
                break
            after = page[-1]["sort"]
        documents = [story_of(hit["_source"]) for hit in hits[:limit]]
        more = len(hits) > limit
        return SearchPage(
            documents, page_token(to_micros(documents[-1].event_time), documents[-1].id) if more else None
        )

    def count(self, query: SearchQuery) -> int:
        """See Index.count."""
        found = story_filter(query)
        if found is None:
            return 0
        return int(asked(lambda: self._client.count(index=self._stories, query=found), patience=_PATIENCE)["count"])

    def sentiment_timeline(
        self, since: datetime, until: datetime, bucket_seconds: int, symbol: str | None = None
    ) -> list[SentimentBucket]:
        """See Index.sentiment_timeline."""
        rows: list[SentimentBucket] = []
        after: dict[str, Any] | None = None
        while True:
            body = aggregations.timeline(since, until, bucket_seconds, symbol, after)
            found = self._asked(index=self._stories, **body)["aggregations"]["buckets"]
            for bucket in found["buckets"]:
                counted = bucket["companies"]["own"] if symbol else bucket
                if counted["doc_count"]:
                    labels = {one["key"]: one["doc_count"] for one in counted["labels"]["buckets"]}
                    rows.append(
                        SentimentBucket(
                            t=datetime.fromtimestamp(bucket["key"]["t"] / 1000, UTC),
                            symbol=symbol or "",
                            score=counted["score"]["value"],
                            n=counted["doc_count"],
                            positive=labels.get("positive", 0),
                            neutral=labels.get("neutral", 0),
                            negative=labels.get("negative", 0),
                        )
                    )
            after = found.get("after_key")
            if after is None or not found["buckets"]:
                return rows

    def movers(self, since: datetime, until: datetime, limit: int = 10, minimum: int = 3) -> list[Mover]:
        """See Index.movers."""
        answer = self._asked(index=self._stories, **aggregations.movers(since, until))["aggregations"]
        now, before = (
            {
                one["key"]: (one["score"]["value"], one["doc_count"])
                for one in answer[period]["companies"]["symbols"]["buckets"]
            }
            for period in ("now", "before")
        )
        return compared(now, before, minimum=minimum, limit=limit)

    def sources(self) -> list[SourceCount]:
        """See Index.sources. Most stories first."""
        found = self._asked(index=self._stories, **aggregations.sources())["aggregations"]["sources"]["buckets"]
        rows = [
            SourceCount(one["key"], one["doc_count"], aggregations.time_of(one["newest"]["value"])) for one in found
        ]
        return sorted(rows, key=lambda row: (-row.n, row.source))

    def _asked(self, **request: Any) -> Any:
        given = {name: value for name, value in request.items() if value is not None}
        return asked(lambda: self._client.search(**given), patience=_PATIENCE)


def revision_id(document_id: str, revision: int) -> str:
    """The `_id` of a replaced revision."""
    return f"{document_id}@{revision}"
