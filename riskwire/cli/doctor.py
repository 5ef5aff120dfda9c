"""`riskwire doctor`: is everything well, and if not, what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import typer

from riskwire import __version__
from riskwire.cli.model import since
from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, write_rows
from riskwire.cli.wiring import load_model, open_local, open_store, registry_of
from riskwire.errors import RiskwireError
from riskwire.ports import SearchQuery
from riskwire.settings import Settings, find_config

HELP = """Check configuration, model, index, feeds, rules and receivers, and say what to do about what is wrong.

Exit code 1 when something is broken; a warning alone is 0.

Example: riskwire doctor

Example: riskwire doctor --format jsonl
"""

#: (check, status `ok` | `warning` | `broken`, what was found, what to do)
Finding = tuple[str, str, str, str]

COLUMNS = [(name, field(name)) for name in ("check", "status", "found", "do")]


def doctor(
    data: DataOption = None, config: ConfigOption = None, limit: LimitOption = None, style: FormatOption = Format.table
) -> None:
    """Print one row a check."""
    settings = settings_from(config, data)
    findings: list[Finding] = [
        ("configuration", "ok", f"riskwire {__version__}, {find_config(config) or 'no file: defaults'}", "")
    ]
    for name, check in CHECKS:
        try:
            findings += check(settings)
        except RiskwireError as error:
            about = f"{error.about}: " if error.about else ""
            findings.append((name, "broken", f"{about}{error.message}", error.hint))
    rows: list[dict[str, Any]] = [
        dict(zip(("check", "status", "found", "do"), finding, strict=True)) for finding in findings
    ]
    write_rows(rows, style, limit=limit, table=COLUMNS, csv_columns=COLUMNS)
    if any(row["status"] == "broken" for row in rows):
        raise typer.Exit(1)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def runtime(_: Settings) -> Iterator[Finding]:
    """onnxruntime and onnxruntime-gpu overwrite each other's files: exactly one of them."""
    cpu, gpu = _installed("onnxruntime"), _installed("onnxruntime-gpu")
    if cpu and gpu:
        yield (
            "runtime",
            "broken",
            "onnxruntime and onnxruntime-gpu are both installed",
            "Uninstall both, then `make setup` or `make setup GPU=1`.",
        )
    elif not cpu and not gpu:
        yield "runtime", "broken", "onnxruntime is missing", "Run `make setup`."
    else:
        yield "runtime", "ok", f"onnxruntime{'-gpu' if gpu else ''} {gpu or cpu}", ""


def model(settings: Settings) -> Iterator[Finding]:
    """Every file is what the manifest says, it is what was promoted, and it scores."""
    scorer, _ = load_model(settings.model)
    scorer.score(["Profit rises at the mill."])
    said = f"{scorer.model.name} {scorer.model.version} on {scorer.provider}"
    if settings.model.path is not None:
        yield "model", "ok", f"{said}, from {settings.model.path}: nothing that is promoted takes its place", ""
        return
    registry = registry_of(settings.model)
    production = registry.production()
    where = "packaged" if production.path is None else f"{production.path}, promoted {since(production.at)}"
    yield "model", "ok", f"{said}, {where}", ""
    broken = [one.name for one in registry.list() if one.state == "broken"]
    if broken:
        yield (
            "registry",
            "warning",
            f"damaged in {registry.folder}: {', '.join(broken)}",
            "`riskwire model verify NAME` says what is wrong; remove the folder.",
        )


def index(settings: Settings) -> Iterator[Finding]:
    """The database is whole; how much waits, and how much could not be processed."""
    folder = settings.folder
    if settings.kafka.bootstrap_servers:
        yield from cluster(settings)
    elif not settings.database.exists():
        yield "index", "ok", f"nothing kept yet in {folder}", "`riskwire up` makes it."
    else:
        with open_local(settings) as store:
            wrong = store.database.check()
            if wrong:
                yield (
                    "index",
                    "broken",
                    f"{settings.database}: {wrong[0]}",
                    "Restore the folder from a backup; keep the damaged file.",
                )
                return
            stories, waiting = store.index.count(SearchQuery()), store.log.depth()
            yield "index", "ok", f"{stories} stories in {settings.database}, {waiting} waiting to be scored", ""
            if dead := store.log.dead_letter_count():
                newest = store.log.dead_letters(limit=1)[0]
                yield "dead letters", "warning", f"{dead} could not be processed, the last: {newest.error_message}", ""
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(parent).free / 2**30
    status, do = ("ok", "") if free > 1 else ("warning", "Make room: below 1 GB the index may fill the disk.")
    yield "disk", status, f"{free:.1f} GB free", do


def cluster(settings: Settings) -> Iterator[Finding]:
    """Kafka and Elasticsearch answer; what is missing, waits, or could not be processed."""
    from stream.kafka.admin import Cluster

    rows = Cluster(settings.kafka).status()
    if missing := [row.name for row in rows if not row.exists]:
        yield "topics", "broken", f"missing: {', '.join(missing)}", "Call `riskwire topics init`."
    else:
        documents, letters = rows[0], rows[-1]
        yield "topics", "ok", f"{documents.partitions} partitions, {documents.lag} documents waiting to be scored", ""
        if letters.messages:
            what = f"{letters.messages} could not be processed"
            yield "dead letters", "warning", what, "`riskwire dead-letter list` shows why."
    with open_store(settings) as store:
        yield "index", "ok", f"{store.index.count(SearchQuery())} stories in {settings.elasticsearch.url}", ""


def feeds(settings: Settings) -> Iterator[Finding]:
    """The list can be read; which feeds are off, failing or silent."""
    from ingest.feeds.list import active, load_sources, switched_off
    from ingest.polling.health import health_of

    sources = load_sources(settings.feeds_file)
    on = active(sources, settings.ingest)
    count = len(on.rows)
    status, do = ("ok", "") if count else ("warning", "Add feeds, or switch some on.")
    yield "feeds", status, f"{count} polled, from {settings.feeds_file or 'the default list'}", do
    for off in switched_off(sources, settings.ingest):
        if "enabled = false" not in off.reason:
            yield f"feed {off.name}", "warning", "off", off.reason
    if not settings.database.exists():
        return
    names = on.names
    now = datetime.now(UTC)
    stale = now - timedelta(days=14)
    with open_store(settings) as store:
        for state in store.sources.all():
            if state.name not in names:
                continue
            if state.failures:
                yield (
                    f"feed {state.name}",
                    "warning",
                    f"failed {state.failures} times: {state.last_error}",
                    "Check its address; the others go on.",
                )
            elif (health := health_of(state, now)).status == "silent":
                yield (
                    f"feed {state.name}",
                    "warning",
                    f"nothing new since {state.last_new_at:%Y-%m-%d %H:%M} UTC, longer than ever lately",
                    "It may be dead although it answers: `riskwire feeds check` looks closer.",
                )
            elif health.status == "ok" and state.newest_at is not None and state.newest_at < stale:
                yield (
                    f"feed {state.name}",
                    "warning",
                    f"newest story of {state.newest_at:%Y-%m-%d}",
                    "It may be dead although it answers.",
                )


def rules(settings: Settings) -> Iterator[Finding]:
    """The rules can be read."""
    from alerts.loader import load_rules

    loaded = load_rules(settings.alerts.rules)
    yield "rules", "ok", f"{len(loaded.rules)} rules, from {settings.alerts.rules or 'the default file'}", ""


def receivers(settings: Settings) -> Iterator[Finding]:
    """Somebody hears of it."""
    on = [
        name
        for name, there in (
            ("console", settings.alerts.console),
            ("file", settings.alerts.file is not None),
            ("webhook", settings.alerts.webhook.url is not None),
            ("Slack", settings.alerts.slack.webhook_url is not None),
            ("e-mail", bool(settings.alerts.email.host)),
        )
        if there
    ]
    if on == ["console"] or not on:
        yield (
            "receivers",
            "warning",
            f"only {on[0] if on else 'the page'}",
            "Set alerts.slack.webhook_url, alerts.email or alerts.webhook to reach people.",
        )
    else:
        yield "receivers", "ok", ", ".join(on), ""


CHECKS: list[tuple[str, Callable[[Settings], Iterator[Finding]]]] = [
    ("runtime", runtime),
    ("model", model),
    ("index", index),
    ("feeds", feeds),
    ("rules", rules),
    ("receivers", receivers),
]
