"""The index on Elasticsearch: what is written. The reading half is `stream.elastic.search`.

A story's `_id` is its id, its external version the revision: whoever comes last, and however often, the newest revision
stands. Nothing here is one transaction, so the order is the promise, and a repetition after a crash changes nothing:

    1  the earlier revisions of a removed story are purged;
    2  a revision that is replaced is written to the revisions index;
    3  the newest revision is written to the stories index.

A story of revision 1, which nearly all are, has no past: it is written without looking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import msgspec
from elasticsearch import Elasticsearch

from riskwire import wire
from riskwire.log import get_logger
from riskwire.ports import IndexResult, Refused
from riskwire.removal import emptied
from riskwire.types import ScoredDocument
from stream.elastic.bodies import action, deletion, revision_body, story_body
from stream.elastic.bulk import Bulk
from stream.elastic.client import asked
from stream.elastic.failures import status_error
from stream.elastic.search import ElasticSearch, revision_id

_log = get_logger("elasticsearch")
#: Ids asked for in one request.
_MOST_IDS = 1_000


class _Put(msgspec.Struct):
    """One id's way through a call: the newest revision of it, those that it replaces, and whether its past goes."""

    story: ScoredDocument
    replaced: list[ScoredDocument] = []  # of this call
    old: dict[str, Any] | None = None  # what the index holds
    old_revision: int = 0
    accepted: int = 1
    purge: bool = False


class ElasticIndex(ElasticSearch):
    """Index."""

    def __init__(self, client: Elasticsearch, bulk: Bulk, prefix: str) -> None:
        super().__init__(client, prefix)
        self._bulk = bulk

    def put(self, documents: Sequence[ScoredDocument]) -> IndexResult:
        """See Index.put. `refused` are those that the mapping can't take, for the dead letters.

        Raises WireError, before anything is written, when a story can't be written as JSON.
        """
        for document in documents:
            if document.revision > 1 or document.status == "removed":
                wire.encode(document)  # the others are encoded below before anything is sent
        puts = self._planned(documents)
        entries = [action(one.story.id, one.story.revision) + story_body(one.story) + b"\n" for one in puts]
        self._purge([one.story.id for one in puts if one.purge])
        copied = self._keep(puts)
        outcomes = self._bulk.write(self._stories, entries)
        indexed, refused, again = 0, [], []
        for one, outcome in zip(puts, outcomes, strict=True):
            if outcome.kind == "written":
                indexed += one.accepted
            elif outcome.kind == "superseded":
                indexed += one.accepted - 1
                if one.story.id in copied:
                    self._forget_if_removed(one.story.id, copied[one.story.id])
            else:
                refused.append(Refused(one.story.id, one.story.revision, outcome.reason))
                again += one.replaced[-1:]
        if again:  # what a refused one was to replace is the newest after all
            result = self.put(again)
            indexed, refused = indexed + result.indexed, [*refused, *result.refused]
        return IndexResult(indexed, len(documents) - indexed - len(refused), tuple(refused))

    def held(self, ids: Sequence[str]) -> dict[str, int]:
        """See Index.held. Realtime: also what no search finds yet."""
        return {one: version for one, (version, _) in self._current(ids, source=False).items()}

    def _planned(self, documents: Sequence[ScoredDocument]) -> list[_Put]:
        """One a story: of several revisions in a call the newest is written, the others are its past."""
        known = self._current([one.id for one in documents if one.revision > 1], source=True)
        puts: dict[str, _Put] = {}
        for document in documents:
            story = emptied(document) if document.status == "removed" else document
            revision, old = known.get(story.id, (0, None))
            before = puts.get(story.id)
            if story.revision <= max(revision, before.story.revision if before else 0):
                continue
            if before is None:
                one = _Put(story, [], old, revision)
            else:
                one = _Put(story, [*before.replaced, before.story], old, revision, before.accepted + 1, before.purge)
            if story.status == "removed":
                one.replaced, one.old, one.purge = [], None, True
            puts[story.id] = one
        return list(puts.values())

    def _keep(self, puts: Iterable[_Put]) -> dict[str, list[str]]:
        """Write what is replaced to the revisions index; by id, the names that were given to it."""
        names: dict[str, list[str]] = {}
        entries = []
        for one in puts:
            kept = [(story.revision, revision_body(story)) for story in one.replaced]
            if one.old is not None:
                kept.insert(0, (one.old_revision, msgspec.json.encode(one.old)))
            for revision, body in kept:
                name = revision_id(one.story.id, revision)
                names.setdefault(one.story.id, []).append(name)
                entries.append(action(name, revision) + body + b"\n")
        if entries:
            for outcome in self._bulk.write(self._revisions, entries):
                if outcome.kind == "refused":  # an id that is just too long with its revision
                    _log.warning("an old revision can't be kept", reason=outcome.reason)
        return names

    def _purge(self, ids: Sequence[str]) -> None:
        """Delete every earlier revision of these stories. What was removed must not be found in its own past either."""
        if not ids:
            return
        # A search sees what was refreshed: without this a revision of the last second would stay.
        asked(lambda: self._client.indices.refresh(index=self._revisions))
        while names := self._revision_names(ids):
            self._bulk.write(self._revisions, [deletion(name) for name in names])
            asked(lambda: self._client.indices.refresh(index=self._revisions))

    def _revision_names(self, ids: Sequence[str]) -> list[str]:
        answer = asked(
            lambda: self._client.search(
                index=self._revisions,
                query={"terms": {"id": list(ids)}},
                source=False,
                size=5_000,
                filter_path="hits.hits._id",
            )
        )
        return [hit["_id"] for hit in answer.get("hits", {}).get("hits", [])]

    def _forget_if_removed(self, document_id: str, names: Sequence[str]) -> None:
        """Another worker was quicker, and it may have removed the story after this one had read its past."""
        story = self.get(document_id)
        if story is not None and story.status == "removed":
            self._bulk.write(self._revisions, [deletion(name) for name in names])

    def _current(self, ids: Sequence[str], *, source: bool) -> dict[str, tuple[int, dict[str, Any] | None]]:
        """By id, the revision that is there and, if wanted, its `_source`."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, tuple[int, dict[str, Any] | None]] = {}
        for start in range(0, len(wanted), _MOST_IDS):
            some = wanted[start : start + _MOST_IDS]
            answer = asked(
                partial(
                    self._client.mget,
                    index=self._stories,
                    ids=some,
                    source=source,
                    filter_path="docs._id,docs._version,docs.found,docs.error" + (",docs._source" if source else ""),
                )
            )
            for row in answer["docs"]:
                if "error" in row:  # "can't say" must not pass for "is not there"
                    raise status_error(404, row["error"])
                if row.get("found"):
                    found[row["_id"]] = (int(row["_version"]), row.get("_source"))
        return found
