"""A SearchQuery → the query of a listing in Elasticsearch's terms. Pure.

Times are compared as `event_micros`, exact to the microsecond; a date has only milliseconds there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from riskwire.ports import SearchQuery
from stream.elastic.words import terms
from stream.paging import read_token
from stream.times import to_micros

#: Newest first; the id decides between stories of one microsecond, so that pages join without a gap.
ORDER: list[dict[str, Any]] = [{"event_micros": "desc"}, {"id": "desc"}]
#: Words that a `bank*` behind other words may go on to. A single `bank*` has no such limit.
_EXPANSIONS = 1_000


def story_filter(query: SearchQuery) -> dict[str, Any] | None:
    """The filter of a search; None when it can't find anything (a text without any word)."""
    conditions: list[dict[str, Any]] = []
    if query.text.strip():
        wanted = terms(query.text)
        if not wanted:
            return None
        conditions += [_has_words(words, goes_on=goes_on) for words, goes_on in wanted]
    for field, value in (
        ("symbols", query.symbol),
        ("source", query.source),
        ("source_type", query.source_type),
        ("sentiment.label", query.label),
        ("status", query.status),
    ):
        if value is not None:
            conditions.append({"term": {field: value}})
    if query.since is not None or query.until is not None:
        conditions.append(between(query.since, query.until))
    return {"bool": {"filter": conditions}} if conditions else {"match_all": {}}


def between(since: datetime | None, until: datetime | None) -> dict[str, Any]:
    """`since` inclusive, `until` exclusive."""
    limits = {name: to_micros(then) for name, then in (("gte", since), ("lt", until)) if then is not None}
    return {"range": {"event_micros": limits}}


def search_after(token: str | None) -> list[Any] | None:
    """The place behind which a page begins. Raises UsageError for a token that is none of ours."""
    return None if token is None else list(read_token(token))


def _has_words(words: str, *, goes_on: bool) -> dict[str, Any]:
    # Everything a user types has become plain words by now; none of these queries knows a syntax.
    if not goes_on:
        return {"match_phrase": {"words": words}}
    if " " not in words:
        return {"prefix": {"words": words}}
    return {"match_phrase_prefix": {"words": {"query": words, "max_expansions": _EXPANSIONS}}}
