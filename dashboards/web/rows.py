"""Records → the rows that the API answers with: the design's types, without secrets and bodies."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from riskwire import wire
from riskwire.companies import company_sentiments
from riskwire.log import masked
from riskwire.ports import SourceCount, SourceState
from riskwire.types import Alert, ScoredDocument


def story_row(document: ScoredDocument, *, whole: bool = False) -> dict[str, Any]:
    """The ScoredDocument and `companies`, one sentiment a company, by symbol.

    A list leaves `content` out (a body may be 256 KiB); `whole` keeps it.
    """
    row: dict[str, Any] = dict(wire.to_builtins(document))
    if not whole:
        row.pop("content")
    row["companies"] = company_sentiments(document)
    return row


def alert_row(alert: Alert) -> dict[str, Any]:
    """The Alert."""
    return dict(wire.to_builtins(alert))


def source_rows(states: list[SourceState], counts: list[SourceCount]) -> list[dict[str, Any]]:
    """One row a source: how it is and what it brought, those that are not well first.

    Sources without polls (webhook, backfill) too: their status is None.
    """
    stories = {count.source: count for count in counts}
    rows = [_source_row(state, stories.pop(state.name, None)) for state in states]
    rows += [_source_row(SourceState(name=count.source), count) for count in stories.values()]
    return sorted(
        rows, key=lambda row: (row["failures"] == 0, row["status"] in (None, "ok", "new"), row["name"].casefold())
    )


def _source_row(state: SourceState, count: SourceCount | None) -> dict[str, Any]:
    return {
        "name": state.name,
        "url": public_url(state.url),
        "outcome": state.last_outcome,
        "status": state.status if state.last_outcome else None,
        "status_since": state.status_since,
        "error": masked(state.last_error) if state.last_error else None,
        "failures": state.failures,
        "last_polled_at": state.last_polled_at,
        "last_success_at": state.last_success_at,
        "next_poll_at": state.next_poll_at,
        "entries": state.entries,
        "new": state.new,
        "stories": count.n if count else 0,
        "newest_at": count.newest if count else state.newest_at,
        "last_new_at": state.last_new_at,
        "usual_quiet": state.usual_quiet,
        "lateness": state.lateness,
        "undated": state.undated / state.fresh if state.fresh else None,
        "duplicates": state.duplicates / state.fresh if state.fresh else None,
        "moved_to": public_url(state.moved_to) if state.moved_to and state.moved_polls > 1 else None,
    }


def public_url(url: str) -> str:
    """The address without user, password, query and fragment: keys of paid feeds live there."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}" if parts.scheme else ""
