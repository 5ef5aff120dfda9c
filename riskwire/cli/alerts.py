"""`riskwire alerts`"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from alerts.loader import load_rules
from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, short, when, write_rows
from riskwire.cli.search import one_of
from riskwire.cli.wiring import open_store
from riskwire.wire import to_builtins

app = typer.Typer(no_args_is_help=True, help="List alerts, check rules.")

LIST_HELP = """The alerts, newest first, each in its newest state.

Example: riskwire alerts list --status firing

Example: riskwire alerts list --format jsonl
"""
CHECK_HELP = """Read a rules file and say what is wrong with it, by line and column.

Example: riskwire alerts check rules.yml
"""

STATUSES = ("pending", "firing", "resolved")

TABLE = (
    ("status", field("status")),
    ("severity", field("severity")),
    ("rule", field("rule")),
    ("about", lambda row: row["labels"].get("symbol") or row["labels"].get("source", "")),
    ("value", field("value")),
    ("threshold", field("threshold")),
    ("since", lambda row: when(row["starts_at"])),
    ("until", lambda row: when(row["ends_at"])),
    ("newest evidence", lambda row: short(_evidence(row), 70)),
)
CSV = (
    *((name, field(name)) for name in ("fingerprint", "rule", "severity", "status", "starts_at", "ends_at")),
    ("symbol", lambda row: row["labels"].get("symbol")),
    *((name, field(name)) for name in ("value", "threshold", "window", "labels", "annotations", "generator_url")),
    ("evidence", lambda row: [item["id"] for item in row["evidence"]]),
)


def _evidence(row: Mapping[str, Any]) -> str:
    """A story; of an alert about a source, what is wrong with it."""
    return str(row["evidence"][0]["title"] if row["evidence"] else row["annotations"].get("summary", ""))


@app.command("list", help=LIST_HELP, short_help="List alerts, newest first.")
def list_alerts(
    status: Annotated[str | None, typer.Option("--status", help="pending, firing or resolved.")] = None,
    limit: LimitOption = 50,
    data: DataOption = None,
    config: ConfigOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print the alerts of the index."""
    wanted = cast("Literal['pending', 'firing', 'resolved'] | None", one_of("--status", status, STATUSES))
    with open_store(settings_from(config, data)) as store:
        rows = [to_builtins(alert) for alert in store.alerts.list_alerts(status=wanted, limit=limit or 50)]
    write_rows(rows, style, table=TABLE, csv_columns=CSV, empty="no alert so far")


@app.command("check", help=CHECK_HELP, short_help="Check a rules file.")
def check(
    rules: Annotated[Path | None, typer.Argument(help="Rules file; the configured one if left out.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print how many rules the file holds, or what is wrong with it."""
    path = rules or settings_from(config, data).alerts.rules
    loaded = load_rules(path)
    typer.echo(f"{path or 'default rules'}: {len(loaded.rules)} rules, all well")
