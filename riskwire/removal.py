"""What is left of a removed story. One rule for every store, so that none keeps a field that another empties."""

from __future__ import annotations

import msgspec

from riskwire.identity import REMOVED
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
