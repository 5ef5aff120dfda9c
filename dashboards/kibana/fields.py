"""What the dashboards read from the indices, named once. Tests hold every name against the index's mapping."""

from __future__ import annotations

from typing import Literal

Kind = Literal["string", "number", "date", "boolean"]

#: Aliases, never indices: a migration moves them under the dashboards' feet.
STORIES = "riskwire-stories"
ALERTS = "riskwire-alerts"

#: Where a story's companies lie, one sentiment a company a story: nested, so only Vega panels can read them.
COMPANIES = "companies"
COMPANY_SYMBOL = f"{COMPANIES}.symbol"
COMPANY_SCORE = f"{COMPANIES}.score"

#: Kibana's kind of each flat field that Lens panels, lists and controls use.
STORY_FIELDS: dict[str, Kind] = {
    "event_time": "date",
    "seen_at": "date",
    "scored_at": "date",
    "source": "string",
    "source_type": "string",
    "symbols": "string",
    "entity_names": "string",
    "status": "string",
    "unscored_reason": "string",
    "sentiment.label": "string",
    "sentiment.score": "number",
    "model.name": "string",
    "model.version": "string",
    "origin": "string",
}
ALERT_FIELDS: dict[str, Kind] = {
    "starts_at": "date",
    "updated_at": "date",
    "rule": "string",
    "labels.symbol": "string",
    "severity": "string",
    "status": "string",
    "value": "number",
}
