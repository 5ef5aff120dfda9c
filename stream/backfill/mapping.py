"""Which column is which field: by known names, or as the user says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riskwire.errors import InputError, UsageError

#: Names that columns go by, the best first, compared without case, spaces, `_`, `-` and `.`. The first field that
#: knows a column takes it: `text` is a title only where there is no better one, else the body.
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "headline", "headlines", "heading", "news", "text", "sentence", "tweet", "message"),
    "summary": ("summary", "description", "teaser", "abstract", "excerpt", "snippet"),
    "content": ("content", "body", "article", "fulltext", "articletext", "text"),
    "published_at": (
        "publishedat", "published", "publishedon", "publicationdate", "pubdate", "datetime", "date", "timestamp",
        "time", "createdat", "created", "releasedate",
    ),
    "link": ("link", "url", "href", "articleurl", "newsurl"),
    "source": ("source", "sourcename", "publisher", "provider", "site"),
    "id": ("id", "guid", "storyid", "articleid", "uuid"),
    "symbols": ("symbols", "symbol", "tickers", "ticker", "stocks", "stock", "sourcesymbols"),
    "language": ("language", "lang"),
    "source_type": ("sourcetype",),
}  # fmt: skip


def parse_map(text: str) -> dict[str, str]:
    """`title=Headline,published_at=Date` → {"title": "Headline", …}.

    Raises UsageError that names the part that is wrong, and the fields there are.
    """
    chosen: dict[str, str] = {}
    for part in text.split(","):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not field or not column:
            raise UsageError(f"{part.strip()!r} is not FIELD=COLUMN", about="--map", hint="For example title=Headline.")
        if field not in KNOWN_NAMES:
            raise UsageError(f"{field!r} is no field", about="--map", hint=f"Fields: {', '.join(KNOWN_NAMES)}.")
        if field in chosen:
            raise UsageError(f"{field!r} is given twice", about="--map")
        chosen[field] = column
    return chosen


def columns_of(about: str, columns: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Field → the column's name as it is in the file: what the user chose, else what is known.

    Raises InputError when a chosen column is not there, or no column has the text; `about` names the file.
    """
    here = ", ".join(columns) or "none"
    found: dict[str, str] = {}
    for field, wanted in chosen.items():
        column = _column(columns, wanted)
        if column is None:
            raise InputError(f"has no column {wanted!r}", about=about, hint=f"Its columns: {here}.")
        found[field] = column
    folded = {_folded(column): column for column in reversed(columns)}
    for field, names in KNOWN_NAMES.items():
        taken = set(found.values())
        if field not in found:
            column = next((folded[name] for name in names if name in folded and folded[name] not in taken), None)
            if column is not None:
                found[field] = column
    if not found.keys() & {"title", "summary", "content"}:
        raise InputError(
            "has no column that is known to hold a headline or a text",
            about=about,
            hint=f"Name it: --map title=COLUMN. Its columns: {here}.",
        )
    return found


def _column(columns: Sequence[str], wanted: str) -> str | None:
    if wanted in columns:
        return wanted
    same = [column for column in columns if column.casefold() == wanted.casefold()]
    return same[0] if len(same) == 1 else None


def _folded(name: str) -> str:
    return "".join(character for character in name.casefold() if character not in " _-.")
