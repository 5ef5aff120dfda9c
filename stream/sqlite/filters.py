"""A SearchQuery → the WHERE clause of a listing, and the plan that finds its first page soon. Pure."""

from __future__ import annotations

import msgspec

from riskwire.ports import SearchQuery
from stream.paging import read_token
from stream.sqlite.match import match_expression
from stream.times import to_micros


class Plan(msgspec.Struct, frozen=True):
    """`source` is the FROM part, in which the story is `s`; `where` its condition; `match` the words looked for.

    `order` names the table whose index gives the order of (event_time, id).
    """

    source: str
    where: str
    parameters: dict[str, object]
    order: str
    match: str | None


def plan(query: SearchQuery) -> Plan | None:
    """The plan of a search; None when it can't find anything (a text without any word)."""
    conditions: list[str] = []
    parameters: dict[str, object] = {}

    def add(condition: str, **values: object) -> None:
        conditions.append(condition)
        parameters.update(values)

    match: str | None = None
    if query.text.strip():
        match = match_expression(query.text)
        if match is None:
            return None
        parameters["match"] = match
    # CROSS JOIN keeps the order written here: companies first, since its key is already in the order of the listing.
    source, order = "stories AS s", "s"
    if query.symbol is not None:
        source, order = "companies AS c CROSS JOIN stories AS s ON s.number = c.story", "c"
        add("c.symbol = :symbol", symbol=query.symbol)
    if query.source is not None:
        add("s.source = :source", source=query.source)
    if query.source_type is not None:
        add("s.source_type = :source_type", source_type=query.source_type)
    if query.label is not None:
        add("s.label = :label", label=query.label)
    if query.status is not None:
        add("s.status = :status", status=query.status)
    if query.since is not None:
        add(f"{order}.event_time >= :since", since=to_micros(query.since))
    if query.until is not None:
        add(f"{order}.event_time < :until", until=to_micros(query.until))
    if query.after is not None:
        micros, document_id = read_token(query.after)
        add(f"({order}.event_time, {order}.id) < (:micros, :after)", micros=micros, after=document_id)
    return Plan(source, " AND ".join(conditions) or "1", parameters, order, match)
