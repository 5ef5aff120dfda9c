"""New, corrected, or known: decided from what was told and what the log remembers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from ingest.base import SAID_DIGITS, Told
from riskwire.identity import REMOVED
from riskwire.ports import KnownStory
from riskwire.types import Document

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Decision(msgspec.Struct, frozen=True):
    """`new`, `corrected` and `removed` go on the log, in the order told; `ids` answers each story told, in order."""

    new: tuple[Document, ...]
    corrected: tuple[Document, ...]
    unchanged: int
    ids: tuple[str, ...]
    removed: tuple[Document, ...] = ()


def decide(
    told: Sequence[Told],
    by_id: Mapping[str, KnownStory],
    by_link: Mapping[tuple[str, str], KnownStory],
    said: Mapping[str, str] | None = None,
) -> Decision:
    """Compare the stories told with the known ones (by id, and by publisher and canonical link).

    - Told twice at once: the one updated last counts, of equals the first.
    - Known under its link by another id: the guid has changed, it is that story.
    - Known with another hash: a correction, with the next revision; unless this source says what it said before
      (`said`). Else two sources with two wordings of one story would correct each other for ever.
    - Known as removed: it stays so, whoever still tells it.
    """
    said = said or {}
    ids = _settle_ids(told, by_id, by_link)
    chosen: dict[str, int] = {}
    for index, identifier in enumerate(ids):
        if identifier not in chosen or _age(told[index]) > _age(told[chosen[identifier]]):
            chosen[identifier] = index
    new: list[Document] = []
    corrected: list[Document] = []
    known = {**{story.id: story for story in by_link.values()}, **by_id}
    for identifier, index in sorted(chosen.items(), key=lambda item: item[1]):
        document = told[index].document
        story = known.get(identifier)
        if story is None:
            new.append(msgspec.structs.replace(document, id=identifier, revision=1))
        elif story.content_hash not in (document.content_hash, REMOVED) and not _said(document, said):
            corrected.append(msgspec.structs.replace(document, id=identifier, revision=story.revision + 1))
    return Decision(tuple(new), tuple(corrected), len(told) - len(new) - len(corrected), tuple(ids))


def _settle_ids(
    told: Sequence[Told], by_id: Mapping[str, KnownStory], by_link: Mapping[tuple[str, str], KnownStory]
) -> list[str]:
    present = {one.document.id for one in told}
    ids = []
    for one in told:
        story = by_link.get((one.document.publisher, one.link)) if one.link else None
        # A story that is told here under its own id, too, is another one that shares the link.
        changed = one.document.id not in by_id and story is not None and story.id not in present
        ids.append(story.id if changed and story is not None else one.document.id)
    return ids


def _age(told: Told) -> datetime:
    return told.document.updated_at or told.document.published_at or _LONG_AGO


def _said(document: Document, said: Mapping[str, str]) -> bool:
    return said.get(document.id[:SAID_DIGITS]) == document.content_hash[:SAID_DIGITS]
