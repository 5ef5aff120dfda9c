"""Small things by name on Elasticsearch: sources, offsets, notices, backfills. One document each, read in realtime."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any, TypeVar

import msgspec
from elasticsearch import ConflictError, Elasticsearch, NotFoundError

from riskwire.ports import SourceState
from stream.backfill.summary import Checkpoint
from stream.elastic.client import asked
from stream.elastic.mapping import STATE

R = TypeVar("R", bound=msgspec.Struct)

#: Seconds a passing failure is waited out before the caller hears of it.
_PATIENCE = 10.0
_MOST = 10_000


class State:
    """The documents, by kind and name."""

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        self._client, self._alias = client, STATE.alias(prefix)

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
    """SourceStates."""

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, name: str) -> SourceState | None:
        """See SourceStates.load."""
        return self._state.load("source", name, SourceState)

    def save(self, state: SourceState) -> None:
        """See SourceStates.save."""
        self._state.save("source", state.name, state)

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


def _document(kind: str, name: str, record: msgspec.Struct) -> dict[str, Any]:
    return {"kind": kind, "name": name, "body": msgspec.to_builtins(record)}
