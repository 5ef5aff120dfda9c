"""What is left of a story that was deleted at its source or is to be forgotten. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from riskwire.identity import REMOVED
from riskwire.types import Document, ScoredDocument

_FIELDS = Document.__struct_fields__


def without_removed(documents: Sequence[Document], held: Mapping[str, ScoredDocument]) -> list[Document]:
    """The same batch with each removal as the story that it removes, emptied, and without that story's earlier text.

    A removal names only the id; source, place and times are those of the story itself: as it stands in the batch, else
    as the index has it (`held`). One whose story is in neither (it went to the dead letters) stands for itself.
    """
    removals = {document.id: document for document in documents if document.removed}
    originals: dict[str, Document] = dict(held)
    result: list[Document] = []
    for document in documents:
        removal = removals.get(document.id)
        if removal is None or document.revision > removal.revision:
            result.append(document)
        elif document is removal:
            result.append(_removal(document, originals.get(document.id, document)))
        else:
            originals[document.id] = document  # what was deleted meanwhile need be scored and published no more
    return result


def _removal(removal: Document, original: Document) -> ScoredDocument:
    if isinstance(original, ScoredDocument):
        story = original
    else:
        own: dict[str, Any] = {field: getattr(original, field) for field in _FIELDS}
        story = ScoredDocument(**own, status="removed")
    return emptied(msgspec.structs.replace(story, revision=removal.revision, updated_at=removal.seen_at))


def emptied(document: ScoredDocument) -> ScoredDocument:
    """The story as `removed`: its identity, place and times stay, its text and all that was found in it go."""
    return msgspec.structs.replace(
        document,
        title="",
        summary="",
        content="",
        text="",
        authors=(),
        tags=(),
        source_symbols=(),
        sentiment=None,
        entities=(),
        symbols=(),
        events=None,
        engagement=None,
        author_reputation=None,
        # A post's address leads to the person, or to what a copy of the post has kept.
        link=None if document.source_type == "social" else document.link,
        status="removed",
        unscored_reason=None,
        content_hash=REMOVED,
        removed=True,
    )
