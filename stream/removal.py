"""What is left of a story that was deleted at its source or is to be forgotten. Pure."""

from __future__ import annotations

import msgspec

from riskwire.types import ScoredDocument


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
        sentiment=None,
        entities=(),
        symbols=(),
        status="removed",
    )
