"""To a new mapping version without downtime, and with nothing lost that is written meanwhile.

    1  the new index is made beside the old one;
    2  everything is copied, while the workers go on writing to the old one;
    3  what was written since is copied, again and again, until little is left;
    4  the old index takes no more writes: Elasticsearch answers when none is under way any more. The workers get an
       error that means "try again", and do; nothing is acknowledged meanwhile. Searches go on;
    5  the last of it is copied, what was deleted is deleted, both are counted, and the alias is moved in one step.

Writers wait for the length of the steps 4 and 5: seconds. Each copy has the document's own version, so a step that is
repeated changes nothing: a migration that was cut off goes on when it is started again. What is new since a pass is
found by the sequence numbers that each shard gives to its writes, never by a clock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
from elasticsearch import Elasticsearch

from riskwire.errors import StorageError
from riskwire.settings import ElasticsearchSettings
from stream.elastic import schema
from stream.elastic.bodies import action, deletion, story_body, story_of
from stream.elastic.bulk import Bulk
from stream.elastic.client import asked
from stream.elastic.mapping import STORIES, Kind

#: Documents read and written at once.
_PAGE = 1_000
#: A pass that copies fewer than this is followed by the last one, with the writers waiting.
_LITTLE = 500
_PASSES = 20

#: By shard, the highest sequence number that was copied.
Marks = dict[int, int]


class Migration(msgspec.Struct, frozen=True):
    """What was done to one index."""

    alias: str
    old: str
    new: str
    copied: int
    last: int  #: copied while the writers waited


def migrate(
    client: Elasticsearch,
    bulk: Bulk,
    kind: Kind,
    settings: ElasticsearchSettings,
    progress: Callable[[str, int], None] | None = None,
) -> Migration | None:
    """Bring one index to this program's mapping version; None when it is there. `progress` is told of each page.

    Raises StorageError; the old index is then what it was, and takes writes again.
    """
    alias, new = kind.alias(settings.prefix), kind.index(settings.prefix)
    old = schema.behind(client, alias)
    if old is None:
        raise StorageError("is missing", about=alias, hint="`riskwire index init` makes it.")
    if old == new:
        _allow_writes(client, old)  # of a migration that was cut off
        return None
    version = schema.version_of(client, old)
    if version is not None and version > kind.version:
        raise StorageError("was made by a newer Riskwire", about=old, hint="Update this one.")
    schema.put_template(client, kind, settings)
    schema.create(client, kind, settings, new)

    def told(done: int) -> None:
        if progress is not None:
            progress(alias, done)

    copier = _Copier(client, bulk, kind, old, new, told)
    for _ in range(_PASSES):
        if copier.copy() < _LITTLE:
            break
    before = copier.copied
    try:
        asked(lambda: client.indices.add_block(index=old, block="write"))
        copier.copy()
        copier.drop_deleted()
        _same_count(client, old, new)
        asked(
            lambda: client.indices.update_aliases(
                actions=[
                    {"remove": {"index": old, "alias": alias, "must_exist": True}},
                    {"add": {"index": new, "alias": alias, "is_write_index": True}},
                ]
            )
        )
    except BaseException:
        with contextlib.suppress(StorageError):
            _allow_writes(client, old)
        raise
    return Migration(alias, old, new, copier.copied, copier.copied - before)


def delete(client: Elasticsearch, done: Migration) -> None:
    """Delete the index that was moved away from. Raises StorageError while anything still points to it."""
    if schema.behind(client, done.alias) != done.new:
        raise StorageError("does not point to the new index", about=done.alias)
    asked(lambda: client.indices.delete(index=done.old))


class _Copier:
    """Copies what is new in `old` since its last pass to `new`."""

    def __init__(
        self, client: Elasticsearch, bulk: Bulk, kind: Kind, old: str, new: str, told: Callable[[int], None]
    ) -> None:
        self._client, self._bulk, self._kind, self._old, self._new, self._told = client, bulk, kind, old, new, told
        answer = asked(lambda: client.indices.get_settings(index=old, flat_settings=True))
        self._marks: Marks = dict.fromkeys(range(int(answer[old]["settings"]["index.number_of_shards"])), -1)
        self.copied = 0

    def copy(self) -> int:
        """One pass; how many it copied."""
        asked(lambda: self._client.indices.refresh(index=self._old))
        before = self.copied
        for shard in self._marks:
            for hits in self._new_hits(shard):
                entries = [action(hit["_id"], hit["_version"]) + self._body(hit["_source"]) + b"\n" for hit in hits]
                outcomes = self._bulk.write(self._new, entries, alias=False)
                if refused := [one.reason for one in outcomes if one.kind == "refused"]:
                    raise StorageError(
                        f"{len(refused)} documents can't be moved; the first: {refused[0]}", about=self._new
                    )
                self._marks[shard] = hits[-1]["_seq_no"]
                self.copied += len(hits)
                self._told(self.copied)
        return self.copied - before

    def drop_deleted(self) -> None:
        """Delete from the new index what is no longer in the old one: retention and removals go on meanwhile."""
        asked(lambda: self._client.indices.refresh(index=self._new))
        if _count(self._client, self._old) == _count(self._client, self._new):
            return
        for names in self._all_names(self._new):
            answer = asked(
                partial(self._client.mget, index=self._old, ids=names, source=False, filter_path="docs._id,docs.found")
            )
            gone = [row["_id"] for row in answer["docs"] if not row.get("found")]
            if gone:
                self._bulk.write(self._new, [deletion(name) for name in gone], alias=False)
        asked(lambda: self._client.indices.refresh(index=self._new))

    def _body(self, source: dict[str, Any]) -> bytes:
        # What is derived is derived anew: that is what a new mapping version is mostly for.
        return story_body(story_of(source)) if self._kind.name == STORIES.name else msgspec.json.encode(source)

    def _new_hits(self, shard: int) -> Iterator[list[dict[str, Any]]]:
        while True:
            answer = asked(
                lambda: self._client.search(
                    index=self._old,
                    preference=f"_shards:{shard}",
                    query={"range": {"_seq_no": {"gt": self._marks[shard]}}},
                    sort=[{"_seq_no": "asc"}],
                    size=_PAGE,
                    version=True,
                    seq_no_primary_term=True,
                    track_total_hits=False,
                )
            )
            hits: list[dict[str, Any]] = answer["hits"]["hits"]
            if hits:
                yield hits
            if len(hits) < _PAGE:
                return

    def _all_names(self, index: str) -> Iterator[list[str]]:
        last = -1
        for shard in range(len(self._marks)):
            last = -1
            while True:
                answer = asked(
                    partial(
                        self._client.search,
                        index=index,
                        preference=f"_shards:{shard}",
                        query={"range": {"_seq_no": {"gt": last}}},
                        sort=[{"_seq_no": "asc"}],
                        size=_PAGE,
                        source=False,
                        track_total_hits=False,
                    )
                )
                hits = answer["hits"]["hits"]
                if hits:
                    yield [hit["_id"] for hit in hits]
                    last = hits[-1]["sort"][0]
                if len(hits) < _PAGE:
                    break


def _allow_writes(client: Elasticsearch, index: str) -> None:
    asked(lambda: client.indices.put_settings(index=index, settings={"index.blocks.write": None}))


def _count(client: Elasticsearch, index: str) -> int:
    return int(asked(lambda: client.count(index=index))["count"])


def _same_count(client: Elasticsearch, old: str, new: str) -> None:
    asked(lambda: client.indices.refresh(index=f"{old},{new}"))
    before, after = _count(client, old), _count(client, new)
    if before != after:
        raise StorageError(f"holds {before} documents, {new} {after}: not switched", about=old)
