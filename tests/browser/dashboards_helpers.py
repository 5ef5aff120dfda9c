"""Small helpers of the browser tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from riskwire.testing import a_story


def now(seconds: float = 0) -> datetime:
    """The time, some seconds on."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def story(number: int, **fields: Any) -> Any:
    """A neutral story of now, or of `then`."""
    then = fields.pop("then", None) or now()
    return a_story(number, **{"event_time": then, "seen_at": then, "text": fields.get("title", "")} | fields)


def titles(page: Any) -> list[str]:
    """The headlines in the table, as shown."""
    return page.locator("#list .title").all_inner_texts()
