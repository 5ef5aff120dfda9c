"""What is left of a removed story. One rule for every store, so that none keeps a field that another empties."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from riskwire.identity import REMOVED
from riskwire.types import Alert, ScoredDocument

_NO_TITLE = "(removed)"
#: A title shorter than this may stand in an annotation by chance.
_TELLING = 8


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


def is_telling(title: str | None) -> bool:
    """Whether this title, found in an annotation, is the story's."""
    return title is not None and len(title) >= _TELLING


def tells_of(alert: Alert, ids: Collection[str]) -> bool:
    """Whether the alert's evidence still says what was written in one of these stories."""
    return any(one.id in ids and one.title != _NO_TITLE for one in alert.evidence)


def without_story(alert: Alert, ids: Collection[str], titles: Collection[str]) -> Alert:
    """The alert stays, and what it was about: its evidence keeps the id and the numbers, not what was written."""
    evidence = tuple(
        msgspec.structs.replace(one, title=_NO_TITLE, link=None) if one.id in ids else one for one in alert.evidence
    )
    annotations = dict(alert.annotations)
    for title in sorted(titles, key=len, reverse=True):  # one may stand in another
        annotations = {name: text.replace(title, _NO_TITLE) for name, text in annotations.items()}
    return msgspec.structs.replace(alert, evidence=evidence, annotations=annotations)
