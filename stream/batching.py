"""Which documents of a batch are still to be scored. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riskwire.types import Document


def still_needed(documents: Sequence[Document], held: Mapping[str, int]) -> list[Document]:
    """Those that the index does not hold in the same or a newer revision, each (id, revision) once, in order.

    To leave out what is held is safe by promise 1 alone: what the index holds has been published. Several revisions of
    one story in a batch all stay: each is kept as a revision. One that comes behind a newer one is out of date.
    """
    newest = dict(held)
    needed = []
    for document in documents:
        if document.revision > newest.get(document.id, 0):
            newest[document.id] = document.revision
            needed.append(document)
    return needed
