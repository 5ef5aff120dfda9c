"""What is left of a story that was deleted at its source or is to be forgotten. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from riskwire.removal import emptied
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
