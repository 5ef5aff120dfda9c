"""From messages to what is to be scored and what is to be put aside. Pure, but for the question to the index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from riskwire import wire
from riskwire.errors import WireError
from riskwire.types import Document, FailedMessage, ScoredDocument
from stream.batching import still_needed
from stream.dead_letters import dead_letter, document_of
from stream.decoding import read_document
from stream.removal import without_removed
from stream.topics import MESSAGE_BYTES
from stream.worker.ledger import Ticket

#: What a document's JSON holds besides the text that is scored, in bytes, and the length of a token.
_FRAME, _BYTES_A_TOKEN = 500, 4
#: The fewest and the most tokens that a document is taken for: its title; 1,000 code points.
_LEAST, _MOST = 8, 250


class Taken(msgspec.Struct, frozen=True):
    """A message in hand."""

    ticket: Ticket
    key: bytes | None
    value: bytes | None

    @property
    def weight(self) -> int:
        """About how many tokens it has for the model; known before anything is decoded."""
        return min(max((len(self.value or b"") - _FRAME) // _BYTES_A_TOKEN, _LEAST), _MOST)


class Batch(msgspec.Struct):
    """Messages that go through the pipeline together, and what has become of them."""

    taken: list[Taken]
    documents: list[Document] = []
    needed: list[Document] = []
    stories: list[ScoredDocument] = []
    failed: list[FailedMessage] = []

    @property
    def removals(self) -> set[str]:
        """The stories that are to be removed."""
        return {document.id for document in self.needed if document.removed}

    @property
    def ids(self) -> set[str]:
        """The stories that are to be written."""
        return {story.id for story in self.stories}


def prepare(batch: Batch, held: Callable[[Sequence[str]], Mapping[str, int]], now: datetime) -> Batch:
    """Decode all; leave out what the index holds in the same or a newer revision (promise 1). Raises StorageError."""
    documents, failed = [], []
    for taken in batch.taken:
        try:
            documents.append(_read(taken.value))
        except WireError as error:
            key = None if taken.key is None else taken.key.decode("utf-8", "backslashreplace")
            failed.append(dead_letter(taken.value or b"", key=key, stage="decode", error=error, failed_at=now))
    held_now = held([document.id for document in documents]) if documents else {}
    return Batch(taken=batch.taken, documents=documents, needed=still_needed(documents, held_now), failed=failed)


def with_removals(
    batch: Batch,
    held: Callable[[Sequence[str]], Mapping[str, int]],
    get: Callable[[str], ScoredDocument | None],
) -> Batch:
    """The batch with each removal as the story that it removes, which the index has by now. Raises StorageError."""
    stories = {one: story for one in batch.removals if (story := get(one)) is not None}
    needed = still_needed(batch.documents, held([document.id for document in batch.documents]))
    batch.needed = without_removed(needed, stories)
    return batch


def writable(stories: Sequence[ScoredDocument], now: datetime) -> tuple[list[ScoredDocument], list[FailedMessage]]:
    """Those that can be sent and stored, and the others as dead letters."""
    good: list[ScoredDocument] = []
    failed: list[FailedMessage] = []
    for story in stories:
        try:
            if (size := len(wire.encode(story))) > MESSAGE_BYTES - 1024:  # room for key and headers
                raise WireError(f"{size} bytes when scored; at most {MESSAGE_BYTES} travel", about="riskwire.scored")
            good.append(story)
        except WireError as error:
            failed.append(dead_letter(_value(story), key=story.id, stage="score", error=error, failed_at=now))
    return good, failed


def _value(story: ScoredDocument) -> bytes:
    """The document as it came, so that it can be tried again; what can't be written as JSON, as it can be shown."""
    try:
        return wire.encode(document_of(story))
    except WireError:
        return repr(story).encode("utf-8", "backslashreplace")


def _read(value: bytes | None) -> Document:
    if value is None:
        raise WireError("has no value: a deletion is a revision with status removed", about="riskwire.document")
    if len(value) > MESSAGE_BYTES:
        raise WireError(f"{len(value)} bytes; at most {MESSAGE_BYTES}", about="riskwire.document")
    return read_document(value)
