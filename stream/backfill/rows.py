"""A row → a Document. Pure, given the time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import get_args

import msgspec

from ingest.dates.read import ReadDate, read_date
from ingest.documents.language import with_language
from ingest.documents.make import make_document
from ingest.documents.text import clean, html_to_text, safe_link
from riskwire.errors import InputError
from riskwire.identity import document_id, publisher_of
from riskwire.types import Document, SourceType

#: An id of a row's own is kept as it is up to this length, in characters.
_MAX_ID = 200
_SEPARATORS = re.compile(r"[\s,;|]+")
#: A feed's date of ten years ago is an error, a history's is not.
_SINCE = datetime(1971, 1, 1, tzinfo=UTC)
_NOTHING = frozenset({"", "nan", "none", "null", "n/a", "na", "-"})


def row_to_document(
    values: Mapping[str, object], columns: Mapping[str, str], *, source: str, run_id: str, now: datetime, about: str
) -> Document:
    """The story of one row; `columns` says which column is which field. It was seen `now`, whenever it was published.

    Raises InputError when the row has no text at all; `about` names the row.
    """
    fields = {field: values.get(column) for field, column in columns.items()}
    title, summary, content = (html_to_text(_text(fields.get(name))) for name in ("title", "summary", "content"))
    if not (title or summary or content):
        raise InputError("has no text", about=about)
    link = safe_link(_text(fields.get("link")))
    publisher = publisher_of(link, None)
    source_type = clean(_text(fields.get("source_type"))).lower()
    own_id = clean(_text(fields.get("id")))[:_MAX_ID]
    document = make_document(
        document_id=own_id or document_id(publisher, link=link),
        source=clean(_text(fields.get("source")))[:_MAX_ID] or source,
        publisher=publisher,
        seen_at=now,
        published=history_date(_text(fields.get("published_at")), now),
        title=title,
        summary=summary,
        content=content,
        source_type=source_type if source_type in get_args(SourceType) else "news",  # type: ignore[arg-type]
        origin="backfill",
        run_id=run_id,
        link=link,
        language=clean(_text(fields.get("language"))) or None,
        source_symbols=_symbols(fields.get("symbols")),
    )
    return with_language(document if own_id or link else with_text_id(document))


def text_id(document: Document) -> str:
    """The id by title, content and date: of a row without id and link, or whose id or link another story has."""
    return document_id(
        document.publisher,
        title=document.title,
        content=f"{document.summary}\n{document.content}",
        published_at=document.published_at,
    )


def with_text_id(document: Document) -> Document:
    """The same story under its text's id."""
    return msgspec.structs.replace(document, id=text_id(document))


def history_date(raw: str, now: datetime) -> ReadDate:
    """What a row's date says: as `ingest.dates.read`, but of any year since 1971 (1970 is a default value)."""
    return read_date(raw, now, oldest=_SINCE)


def _text(value: object) -> str:
    if value is None or isinstance(value, dict | list | bool):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # pandas writes whole numbers of a column with gaps as 1.0
    text = str(value)
    return "" if text.strip().casefold() in _NOTHING else text


def _symbols(value: object) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _SEPARATORS.split(_text(value).strip("[](){}").replace("'", ""))
    return tuple(dict.fromkeys(clean(str(part)).strip("\"'$") for part in parts if _text(part).strip()))[:50]
