"""Deleting by time: stories never roll over, so what is too old is deleted one by one, in pages, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from elasticsearch import Elasticsearch

from stream.elastic.bodies import deletion
from stream.elastic.bulk import Bulk
from stream.elastic.client import asked
from stream.elastic.mapping import ALERTS, REVISIONS, STORIES
from stream.times import to_micros

_PAGE = 2_000

#: By index, what it goes by: a story and its revisions by their own time, an alert by when it was resolved.
_OLD: tuple[tuple[Any, str, dict[str, Any] | None], ...] = (
    (REVISIONS, "event_micros", None),  # before the stories: a revision without its story could not be found again
    (STORIES, "event_micros", None),
    (ALERTS, "updated_micros", {"term": {"status": "resolved"}}),
)


def prune(client: Elasticsearch, bulk: Bulk, prefix: str, before: datetime) -> dict[str, int]:
    """Delete what is older; how many of each alias. Cut off, call it again. Raises StorageError."""
    return {
        kind.alias(prefix): sum(
            len(bulk.write(kind.alias(prefix), [deletion(name) for name in names]))
            for names in _names(client, kind.alias(prefix), field, also, to_micros(before))
        )
        for kind, field, also in _OLD
    }


def _names(
    client: Elasticsearch, alias: str, field: str, also: dict[str, Any] | None, before: int
) -> Iterator[list[str]]:
    conditions: list[dict[str, Any]] = [{"range": {field: {"lt": before}}}, *([also] if also else [])]
    pit = asked(lambda: client.open_point_in_time(index=alias, keep_alive="5m"))["id"]
    after = None
    try:
        while True:
            request: dict[str, Any] = {"search_after": after} if after else {}
            answer = asked(
                partial(
                    client.search,
                    pit={"id": pit, "keep_alive": "5m"},
                    query={"bool": {"filter": conditions}},
                    sort=[{field: "asc"}, {"_shard_doc": "asc"}],
                    size=_PAGE,
                    source=False,
                    track_total_hits=False,
                    **request,
                )
            )
            hits = answer["hits"]["hits"]
            if not hits:
                return
            yield [hit["_id"] for hit in hits]
            after = hits[-1]["sort"]
    finally:
        asked(lambda: client.close_point_in_time(id=pit))
