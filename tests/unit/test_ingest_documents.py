"""The last step of every source."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingest.dates.read import MISSING
from ingest.documents.make import make_document

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "summary", "found"),
    [
        ("", "【央行降准】财联社电,央行宣布降准。", ("央行降准", "财联社电,央行宣布降准。")),
        ("", "【 快讯 】", ("快讯", "")),
        ("有标题", "【央行降准】正文", ("有标题", "【央行降准】正文")),
        ("", "正文【不是标题】", ("", "正文【不是标题】")),
        ("", "【】正文", ("", "【】正文")),
        ("", "【" * 1000 + "】", ("", "【" * 1000 + "】")),
        ("", "A plain text", ("", "A plain text")),
    ],
)
def test_a_flash_without_a_title_has_its_headline_in_brackets(title: str, summary: str, found: tuple[str, str]) -> None:
    document = make_document(
        document_id="1", source="s", publisher="p", seen_at=NOW, published=MISSING, title=title, summary=summary
    )
    assert (document.title, document.summary) == found
