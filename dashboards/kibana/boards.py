"""The three dashboards, and all that stands on them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from dashboards.kibana import fields, lens
from dashboards.kibana.objects import Object, Place, dashboard, data_view, search, visualization
from dashboards.kibana.vega import vega
from dashboards.panels import Panel, load_panels

#: Data views. Stories twice: the market asks when a thing happened, the pipeline when it was seen.
STORIES, SEEN, ALERTS = "riskwire-stories", "riskwire-stories-seen", "riskwire-alerts"

_RED = "#B35806"


def build() -> list[Object]:
    """Every object, those that others refer to first."""
    views = [
        data_view(STORIES, index=fields.STORIES, title="Riskwire stories", time_field="event_time"),
        data_view(SEEN, index=fields.STORIES, title="Riskwire stories by when they were seen", time_field="seen_at"),
        data_view(ALERTS, index=fields.ALERTS, title="Riskwire alerts", time_field="starts_at"),
    ]
    boards = [_market(), _alerts(), _pipeline()]
    return [*views, *(place.target for _, places in boards for place in places), *(board for board, _ in boards)]


def _market() -> tuple[Object, list[Place]]:
    panels = load_panels()
    mood = lens.lens(
        "riskwire-labels",
        title="Stories by sentiment",
        description="Scored stories by their label. What could not be scored is not counted as neutral.",
        view=STORIES,
        kind="lnsPie",
        columns={"label": lens.top("sentiment.label", "Sentiment", size=3, by="n"), "n": lens.count()},
        drawn=lens.donut("label", "n"),
    )
    companies = lens.lens(
        "riskwire-companies",
        title="Most named companies",
        description="By stories; the mean is of the stories that name them. Each company's own sentiment: Top movers.",
        view=STORIES,
        kind="lnsDatatable",
        columns={
            "symbol": lens.top("symbols", "Company", size=15, by="n"),
            "n": lens.count(),
            "score": lens.average("sentiment.score", "Mean score of its stories"),
            "newest": lens.newest("event_time", "Newest"),
        },
        drawn=lens.table(["symbol", "n", "score", "newest"]),
    )
    stories = search(
        "riskwire-stories-list",
        title="Stories",
        description="Newest first.",
        view=STORIES,
        columns=["title", "source", "symbols", "sentiment.label", "sentiment.score", "status"],
        newest_by="event_time",
    )
    places = [
        Place(vega(panels["sentiment_timeline"]), 0, 0, 30, 16),
        Place(vega(panels["top_movers"]), 30, 0, 18, 16),
        Place(mood, 0, 16, 16, 14),
        Place(companies, 16, 16, 32, 14),
        Place(stories, 0, 30, 48, 22),
    ]
    board = dashboard(
        "riskwire-market",
        title="Riskwire: Market overview",
        description="Sentiment over time, movers and stories.",
        places=places,
        since="now-24h",
        controls={"symbols": "Company", "entity_names": "Name", "source": "Source", "source_type": "Kind of source"},
        view=STORIES,
    )
    return board, places


def _alerts() -> tuple[Object, list[Place]]:
    firing = lens.lens(
        "riskwire-firing",
        title="Firing now",
        description="Alerts of the range that are still firing.",
        view=ALERTS,
        kind="lnsMetric",
        columns={"n": lens.count("Firing", only="status: firing")},
        drawn=lens.metric("n", color=_RED),
    )
    started = lens.lens(
        "riskwire-alerts-over-time",
        title="Alerts by severity",
        description="By when they started; each alert once, in its newest state.",
        view=ALERTS,
        kind="lnsXY",
        columns={
            "t": lens.over_time("starts_at"),
            "severity": lens.top("severity", "Severity", size=3, by="n"),
            "n": lens.count("Alerts"),
        },
        drawn=lens.bars("t", ["n"], split="severity"),
    )

    def fired(name: str, title: str, description: str, column: str, group: lens.Column) -> Object:
        return lens.lens(
            name,
            title=title,
            description=description,
            view=ALERTS,
            kind="lnsDatatable",
            columns={column: group, "n": lens.count("Alerts"), "last": lens.newest("updated_at", "Last change")},
            drawn=lens.table([column, "n", "last"]),
        )

    rules = fired(
        "riskwire-alert-rules",
        "Rules",
        "How often each rule fired, and when last.",
        "rule",
        lens.top("rule", "Rule", size=20, by="n"),
    )
    companies = fired(
        "riskwire-alert-companies",
        "Companies",
        "How often a rule fired for each company, and when last.",
        "symbol",
        lens.top("labels.symbol", "Company", size=20, by="n"),
    )
    listed = search(
        "riskwire-alerts-list",
        title="Alerts",
        description="Newest first, each in its newest state; a row opened shows its evidence.",
        view=ALERTS,
        columns=["status", "severity", "rule", "labels.symbol", "value", "updated_at"],
        newest_by="starts_at",
    )
    places = [
        Place(firing, 0, 0, 8, 14),
        Place(started, 8, 0, 16, 14),
        Place(rules, 24, 0, 12, 14),
        Place(companies, 36, 0, 12, 14),
        Place(listed, 0, 14, 48, 24),
    ]
    board = dashboard(
        "riskwire-alerts-board",
        title="Riskwire: Alerts",
        description="What fires, what fired, and on what evidence.",
        places=places,
        since="now-7d",
        controls={"severity": "Severity", "rule": "Rule", "labels.symbol": "Company", "status": "Status"},
        view=ALERTS,
    )
    return board, places


_DEAD_LETTERS = """**Dead letters** are messages that could not be decoded or indexed. They are kept on a topic of
their own, not in this index:

- `riskwire dead-letter list` shows them with their reasons
- `riskwire dead-letter show ID` shows one
- `riskwire dead-letter retry` sends them round again

`deploy/prometheus/rules.yml` warns when one comes in. Stories that could be decoded but not scored are in the index, as
*unscored*, with the reason shown here."""


def _pipeline() -> tuple[Object, list[Place]]:
    rate = lens.lens(
        "riskwire-rate",
        title="Stories by source",
        description="By when they were seen.",
        view=SEEN,
        kind="lnsXY",
        columns={
            "t": lens.over_time("seen_at"),
            "source": lens.top("source", "Source", size=12, by="n"),
            "n": lens.count(),
        },
        drawn=lens.bars("t", ["n"], split="source"),
    )
    unscored = lens.lens(
        "riskwire-unscored",
        title="Unscored, by reason",
        description="Stories that are kept but have no sentiment. Missing is never neutral.",
        view=SEEN,
        kind="lnsXY",
        columns={
            "t": lens.over_time("seen_at"),
            "reason": lens.top("unscored_reason", "Reason", size=6, by="n"),
            "n": lens.count(),
        },
        drawn=lens.bars("t", ["n"], split="reason"),
        only="status: unscored",
    )
    errors = lens.lens(
        "riskwire-errors",
        title="Failed to score",
        description="Unscored because the model failed.",
        view=SEEN,
        kind="lnsMetric",
        columns={"n": lens.count("Failed", only="unscored_reason: error")},
        drawn=lens.metric("n", color=_RED),
    )
    model = lens.lens(
        "riskwire-model-versions",
        title="Model versions",
        description="Which model scored how many stories, and until when.",
        view=SEEN,
        kind="lnsDatatable",
        columns={
            "version": lens.top("model.version", "Version", size=10, by="n"),
            "n": lens.count(),
            "last": lens.newest("scored_at", "Last scored"),
        },
        drawn=lens.table(["version", "n", "last"]),
    )
    sources = lens.lens(
        "riskwire-sources",
        title="Sources",
        description="Stories and newest event of each source.",
        view=SEEN,
        kind="lnsDatatable",
        columns={
            "source": lens.top("source", "Source", size=100, by="n"),
            "n": lens.count(),
            "newest": lens.newest("event_time", "Newest"),
        },
        drawn=lens.table(["source", "n", "newest"]),
    )
    dead = visualization(
        "riskwire-dead-letters",
        title="Dead letters",
        description="Where they are.",
        kind="markdown",
        params={"markdown": _DEAD_LETTERS, "fontSize": 12, "openLinksInNewTab": False},
    )
    places = [
        Place(rate, 0, 0, 28, 14),
        Place(vega(_latency()), 28, 0, 20, 14),
        Place(unscored, 0, 14, 20, 14),
        Place(errors, 20, 14, 8, 14),
        Place(dead, 28, 14, 20, 14),
        Place(sources, 0, 28, 28, 16),
        Place(model, 28, 28, 20, 16),
    ]
    board = dashboard(
        "riskwire-pipeline",
        title="Riskwire: Pipeline",
        description="Rate by source, latency, what could not be scored, and which model scored.",
        places=places,
        since="now-6h",
        controls={"source": "Source", "origin": "Origin"},
        view=SEEN,
    )
    return board, places


def _latency() -> Panel:
    """Kibana's own panel: the page has no query for it (its process exports the same as a metric)."""
    spec: dict[str, Any] = json.loads((files(__package__) / "latency.json").read_text(encoding="utf-8"))
    meta = spec["usermeta"]
    return Panel("latency", meta["title"], spec["description"], meta["query"], meta["empty"], spec)
