"""Small things by name on Elasticsearch: sources, offsets, notices, backfills. One document each, read in realtime."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from elasticsearch import ConflictError, Elasticsearch, NotFoundError

from riskwire.errors import StorageError
from riskwire.ports import HealthEntry, SourceHealth, SourceState
from stream.backfill.summary import Checkpoint
from stream.elastic.bodies import deletion
from stream.elastic.bulk import Bulk
from stream.elastic.client import asked
from stream.elastic.mapping import STATE
from stream.times import to_micros

R = TypeVar("R", bound=msgspec.Struct)
_encode = msgspec.json.Encoder().encode

#: Seconds a passing failure is waited out before the caller hears of it.
_PATIENCE = 10.0
_MOST = 10_000
_HEALTH = "health"
#: Changes of one source's health that are kept: a flapping one must not fill the disk.
_KEPT = 200


class State:
    """The documents, by kind and name."""

    def __init__(self, client: Elasticsearch, bulk: Bulk, prefix: str) -> None:
        self._client, self._bulk, self._alias = client, bulk, STATE.alias(prefix)

    def load(self, kind: str, name: str, record: type[R]) -> R | None:
        """What is kept under this name."""
        found = self._get(kind, name)
        return None if found is None else msgspec.convert(found["_source"]["body"], record)

    def save(self, kind: str, name: str, record: msgspec.Struct) -> None:
        """Durable; replaces what was there."""
        asked(
            lambda: self._client.index(
                index=self._alias, id=_identity(kind, name), document=_document(kind, name, record), require_alias=True
            ),
            patience=_PATIENCE,
        )

    def delete(self, kind: str, name: str) -> None:
        """Forget it, if it is there."""

        def deleted() -> None:
            try:
                self._client.delete(index=self._alias, id=_identity(kind, name))
            except NotFoundError as error:
                if not isinstance(error.body, dict) or error.body.get("result") != "not_found":
                    raise

        asked(deleted, patience=_PATIENCE)

    def all(self, kind: str, record: type[R]) -> list[R]:
        """Every one of a kind, by name, the ones of the last moment too."""

        def found() -> Any:
            self._client.indices.refresh(index=self._alias)
            query = {"term": {"kind": kind}}
            return self._client.search(index=self._alias, query=query, sort=[{"name": "asc"}], size=_MOST)

        answer = asked(found, patience=_PATIENCE)
        return [msgspec.convert(hit["_source"]["body"], record) for hit in answer["hits"]["hits"]]

    def write(self, entries: Sequence[bytes]) -> None:
        """Bulk entries, durably: see `entry`. Raises StorageError when not all were written."""
        for outcome in self._bulk.write(self._alias, entries) if entries else ():
            if outcome.kind == "refused":
                raise StorageError(f"a state can't be kept: {outcome.reason}", about=self._alias)

    def numbered(
        self, kind: str, name: str | None = None, *, after: int = -1, newest: bool = False, skip: int = 0, limit: int
    ) -> list[tuple[str, int, Any]]:
        """(`_id`, number, body) of a kind behind a number, in the order of the numbers, or the newest first."""
        conditions: list[dict[str, Any]] = [{"term": {"kind": kind}}, {"range": {"number": {"gt": after}}}]
        if name is not None:
            conditions.append({"term": {"name": name}})

        def found() -> Any:
            self._client.indices.refresh(index=self._alias)
            return self._client.search(
                index=self._alias,
                query={"bool": {"filter": conditions}},
                sort=[{"number": "desc" if newest else "asc"}],
                from_=skip,
                size=min(limit, _MOST - skip),
            )

        hits = asked(found, patience=_PATIENCE)["hits"]["hits"]
        return [(hit["_id"], hit["_source"]["number"], hit["_source"]["body"]) for hit in hits]

    def number(self, kind: str, name: str) -> int:
        """A number that only grows; 0 at first."""
        found = self._get(kind, name)
        return 0 if found is None else int(found["_version"])

    def raise_to(self, kind: str, name: str, number: int) -> None:
        """Durable; never goes back, whoever comes last: the number is the document's own version."""

        def raised() -> None:
            with contextlib.suppress(ConflictError):  # it is as high already
                self._client.index(
                    index=self._alias,
                    id=_identity(kind, name),
                    document={"kind": kind, "name": name, "body": {"number": number}},
                    version=number,
                    version_type="external",
                    require_alias=True,
                )

        asked(raised, patience=_PATIENCE)

    def _get(self, kind: str, name: str) -> Any:
        def found() -> Any:
            try:
                return self._client.get(index=self._alias, id=_identity(kind, name))
            except NotFoundError as error:
                if isinstance(error.body, dict) and error.body.get("found") is False:
                    return None
                raise

        return asked(found, patience=_PATIENCE)


class ElasticSourceStates:
    """SourceStates and SourceHealths."""

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, name: str) -> SourceState | None:
        """See SourceStates.load."""
        return self._state.load("source", name, SourceState)

    def save(self, state: SourceState) -> None:
        """See SourceStates.save."""
        self._state.save("source", state.name, state)

    def save_all(self, states: Sequence[SourceState], changes: Sequence[SourceHealth] = ()) -> None:
        """See SourceStates.save_all. Where it fails in between, the same call again completes it;
        a change may then be there twice, as in any stream."""
        if changes:
            newest = self._state.numbered(_HEALTH, newest=True, limit=1)
            # One process polls a source: that two of them number a change in the same microsecond is not feared.
            first = max(newest[0][1] + 1 if newest else 1, to_micros(datetime.now(UTC)))
            self._state.write([_change(first + number, change) for number, change in enumerate(changes)])
        self._state.write([entry("source", state.name, _document("source", state.name, state)) for state in states])
        for name in {change.name for change in changes}:
            old = self._state.numbered(_HEALTH, name, newest=True, skip=_KEPT, limit=_MOST)
            self._state.write([deletion(identity) for identity, _, _ in old])

    def read_health(self, after: int, limit: int) -> list[HealthEntry]:
        """See SourceHealths.read_health."""
        found = self._state.numbered(_HEALTH, after=after, limit=limit)
        return [HealthEntry(number, msgspec.convert(body, SourceHealth)) for _, number, body in found]

    def all(self) -> list[SourceState]:
        """See SourceStates.all."""
        return self._state.all("source", SourceState)


class ElasticOffsets:
    """ConsumerOffsets."""

    def __init__(self, state: State) -> None:
        self._state = state

    def committed(self, consumer: str) -> int:
        """See ConsumerOffsets.committed."""
        return self._state.number("offset", consumer)

    def commit(self, consumer: str, offset: int) -> None:
        """See ConsumerOffsets.commit."""
        self._state.raise_to("offset", consumer, offset)


class ElasticCheckpoints:
    """Checkpoints of backfills."""

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, run: str) -> Checkpoint | None:
        """See Checkpoints.load."""
        return self._state.load("backfill", run, Checkpoint)

    def save(self, run: str, checkpoint: Checkpoint) -> None:
        """See Checkpoints.save."""
        self._state.save("backfill", run, checkpoint)

    def finish(self, run: str) -> None:
        """See Checkpoints.finish."""
        self._state.delete("backfill", run)


def _identity(kind: str, name: str) -> str:
    # An `_id` has 512 bytes; a name may be as long as it likes.
    return f"{kind}:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def entry(kind: str, name: str, document: dict[str, Any]) -> bytes:
    """What a bulk request says to replace a document."""
    return b'{"index":{"_id":%s}}\n%s\n' % (_encode(_identity(kind, name)), _encode(document))


def _change(number: int, change: SourceHealth) -> bytes:
    return entry(_HEALTH, f"{change.name}\n{number}", {**_document(_HEALTH, change.name, change), "number": number})


def _document(kind: str, name: str, record: msgspec.Struct) -> dict[str, Any]:
    return {"kind": kind, "name": name, "body": msgspec.to_builtins(record)}
