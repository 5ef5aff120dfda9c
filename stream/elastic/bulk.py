"""Writing in bulk: many documents a request, several requests in flight, every item judged by itself.

A bulk request is not atomic: HTTP 200 says only that it was read. Of each item: 2xx is written; 409 is done, since the
same or a newer version is there; 429, 5xx and a lost connection are tried again, that item alone, with back-off and the
server's Retry-After; 400 will never succeed, and its reason goes with the document to the dead letters; anything else
(no rights, no alias) is wrong for all and ends the call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import msgspec
from elastic_transport import TlsError
from elasticsearch import ApiError, Elasticsearch, TransportError

from riskwire.errors import StorageError
from stream.elastic.client import BACKOFF_FIRST, BACKOFF_MAX
from stream.elastic.failures import is_passing, reason_of, retry_after, status_error, storage_error

#: Documents of one request at most. More gain nothing, and an item that is tried again takes few with it.
MOST_ITEMS = 1_000


class Outcome(msgspec.Struct, frozen=True):
    """What became of one entry. `reason` says why it was refused."""

    kind: Literal["written", "superseded", "refused"]
    reason: str = ""


_WRITTEN, _SUPERSEDED = Outcome("written"), Outcome("superseded")


class Bulk:
    """Sends entries: an action line and, but for a delete, a document. Safe from several threads; close it.

    `patience` is how long, in seconds, passing failures are waited out before the caller hears of them: it must be able
    to stop meanwhile. With `refresh` what was written is found by a search at once (for tests: it is dear).
    """

    def __init__(
        self, client: Elasticsearch, *, most_bytes: int, concurrency: int, patience: float, refresh: bool = False
    ) -> None:
        self._client, self._most_bytes, self._patience, self._refresh = client, most_bytes, patience, refresh
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="riskwire-bulk")

    def close(self) -> None:
        """End the threads, when what they do is done."""
        self._threads.shutdown()

    def write(self, index: str, entries: Sequence[bytes], *, alias: bool = True) -> list[Outcome]:
        """The outcome of each entry, in order. Returns when the last one has one: that is the back-pressure.

        `index` must be an alias, but for a migration: to a name that is none, a forgotten `index init` or a deleted
        alias would have an index made by a guess at its mapping.

        Raises StorageError when an entry has none; the others may have been written, and writing again is harmless.
        """
        outcomes: dict[int, Outcome] = {}
        end = time.monotonic() + self._patience
        chunks = list(self._chunks(entries))
        if len(chunks) == 1:  # the usual one: no other thread need wake
            outcomes = self._send(index, alias, chunks[0], end)
        else:
            futures = [self._threads.submit(self._send, index, alias, chunk, end) for chunk in chunks]
            failed: StorageError | None = None
            for future in futures:  # all are waited for, also when one fails: nothing is in flight afterwards
                try:
                    outcomes |= future.result()
                except StorageError as error:
                    failed = failed or error
            if failed is not None:
                raise failed
        return [outcomes[number] for number in range(len(entries))]

    def _chunks(self, entries: Sequence[bytes]) -> Iterator[dict[int, bytes]]:
        chunk: dict[int, bytes] = {}
        size = 0
        for number, entry in enumerate(entries):
            if chunk and (size + len(entry) > self._most_bytes or len(chunk) >= MOST_ITEMS):
                yield chunk
                chunk, size = {}, 0
            chunk[number] = entry
            size += len(entry)
        if chunk:
            yield chunk

    def _send(self, index: str, alias: bool, chunk: dict[int, bytes], end: float) -> dict[int, Outcome]:
        """One request, and again with what is left of it, until all have an outcome or the patience is at its end."""
        outcomes: dict[int, Outcome] = {}
        pending, pause = chunk, BACKOFF_FIRST
        while pending:
            wait, failure = pause, None
            try:
                answer = self._client.bulk(
                    index=index,
                    operations=b"".join(pending.values()),  # type: ignore[arg-type] # taken as it is
                    require_alias=alias,
                    refresh=self._refresh,
                    filter_path="items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason",
                )
            except (ApiError, TransportError) as error:
                if isinstance(error, ApiError) and error.meta.status in (400, 413):
                    return outcomes | self._halved(index, alias, pending, end, error)
                if isinstance(error, TlsError) or not is_passing(error):
                    raise storage_error(error) from None
                failure, wait = storage_error(error), max(pause, retry_after(error) or 0.0)
            else:
                again: dict[int, bytes] = {}
                for (number, entry), item in zip(pending.items(), answer["items"], strict=True):
                    (result,) = item.values()
                    outcome = _judged(result)
                    if outcome is None:
                        again[number] = entry
                        failure = failure or status_error(result["status"], result.get("error", {}))
                    else:
                        outcomes[number] = outcome
                pending = again
            if failure is not None:
                if time.monotonic() + wait > end:
                    raise failure
                time.sleep(wait)
                pause = min(pause * 2, BACKOFF_MAX)
        return outcomes

    def _halved(
        self, index: str, alias: bool, pending: dict[int, bytes], end: float, error: ApiError
    ) -> dict[int, Outcome]:
        """The request as a whole is too large or can't be read: which entry it is, is found by halving."""
        if len(pending) == 1:
            return dict.fromkeys(pending, Outcome("refused", reason_of(error)))
        numbers = list(pending)
        middle = len(numbers) // 2
        outcomes: dict[int, Outcome] = {}
        for half in (numbers[:middle], numbers[middle:]):
            outcomes |= self._send(index, alias, {number: pending[number] for number in half}, end)
        return outcomes


def _judged(result: Mapping[str, Any]) -> Outcome | None:
    """The outcome of one item; None when it is to be tried again. Raises StorageError when trying can't help."""
    status, cause = int(result["status"]), result.get("error", {})
    if status < 300 or (status == 404 and not cause):  # the second: what was to be deleted is not there
        return _WRITTEN
    if status == 409:
        return _SUPERSEDED
    if status == 429 or status >= 500 or cause.get("type") == "cluster_block_exception":
        return None
    if status == 400 and "no write index is defined" not in str(cause.get("reason")):
        return Outcome("refused", reason_of(cause))
    raise status_error(status, cause)
