"""Every counter and histogram, named once. Names begin with `riskwire_`; units are in the name."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from riskwire.ports import SourceHealth

REGISTRY = CollectorRegistry()

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

documents = Counter(
    "riskwire_documents",
    "Documents by source and outcome (accepted, duplicate, scored, unscored, dead)",
    ["source", "outcome"],
    registry=REGISTRY,
)
indexed_latency = Histogram(
    "riskwire_seen_to_indexed_seconds",
    "From a story's seen_at to its place in the index",
    buckets=_SECONDS,
    registry=REGISTRY,
)
queue_depth = Gauge("riskwire_queue_depth", "Documents on the log that wait for the processor", registry=REGISTRY)
model_seconds = Histogram(
    "riskwire_model_seconds", "Time of one batch in the model", buckets=_SECONDS, registry=REGISTRY
)
loop_lag = Histogram(
    "riskwire_loop_lag_seconds",
    "How late the event loop of a worker wakes",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
    registry=REGISTRY,
)
committed = Gauge(
    "riskwire_committed_offset",
    "The offset that a worker has committed, by partition",
    ["partition"],
    registry=REGISTRY,
)
model_info = Gauge("riskwire_model_info", "The model in use", ["name", "version", "provider"], registry=REGISTRY)
model_changes = Counter(
    "riskwire_model_changes", "Promotions noticed, by outcome (taken, refused)", ["outcome"], registry=REGISTRY
)
model_refused = Gauge(
    "riskwire_model_refused", "1 while the model in production can't be used and an older one scores", registry=REGISTRY
)
alerts = Counter("riskwire_alerts", "Alerts by rule and status entered", ["rule", "status"], registry=REGISTRY)
alerts_active = Gauge("riskwire_alerts_firing", "Alerts that fire now", registry=REGISTRY)
late_documents = Counter(
    "riskwire_late_documents", "Stories beyond the allowed lateness, left out of live windows", registry=REGISTRY
)
notifications = Counter(
    "riskwire_notifications",
    "Deliveries by receiver and outcome (sent, retry, failed)",
    ["receiver", "outcome"],
    registry=REGISTRY,
)
feed_fetches = Counter("riskwire_feed_fetches", "Polls of a feed by outcome", ["feed", "outcome"], registry=REGISTRY)
feed_errors = Counter(
    "riskwire_feed_errors", "Failed polls of a feed by kind of error", ["feed", "error"], registry=REGISTRY
)
feed_seconds = Histogram("riskwire_feed_fetch_seconds", "Time of one poll", buckets=_SECONDS, registry=REGISTRY)
source_up = Gauge("riskwire_source_up", "1 while a source is well (ok), else 0", ["source"], registry=REGISTRY)
source_success = Gauge(
    "riskwire_source_last_success_timestamp_seconds", "When a source last answered", ["source"], registry=REGISTRY
)
source_quiet = Gauge(
    "riskwire_source_quiet_seconds", "Since a source last brought something new", ["source"], registry=REGISTRY
)
source_lateness = Gauge(
    "riskwire_source_lateness_seconds", "Usual time from publication to us", ["source"], registry=REGISTRY
)
source_share = Gauge(
    "riskwire_source_share",
    "Share of a source's stories that are undated, or duplicates",
    ["source", "of"],
    registry=REGISTRY,
)
http_requests = Counter(
    "riskwire_http_requests", "Requests of the page and the API", ["route", "status"], registry=REGISTRY
)


def observe_model(name: str, version: str, provider: str) -> None:
    """Show the model that scores from now on, and no other."""
    model_info.clear()
    model_info.labels(name, version, provider).set(1)


def observe_health(health: SourceHealth) -> None:
    """Show a source's health; what is not known of it is not shown."""
    source_up.labels(health.name).set(health.status == "ok")
    if health.last_success_at is not None:
        source_success.labels(health.name).set(health.last_success_at.timestamp())
    for gauge, value in ((source_quiet, health.quiet), (source_lateness, health.lateness)):
        if value is not None:
            gauge.labels(health.name).set(value)
    for of, share in (("undated", health.undated), ("duplicates", health.duplicates)):
        if share is not None:
            source_share.labels(health.name, of).set(share)


def render() -> bytes:
    """The metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
