"""`riskwire config`"""

from __future__ import annotations

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, write_rows
from riskwire.settings import describe

app = typer.Typer(no_args_is_help=True, help="Show the configuration.")

SHOW_HELP = """Every setting with its value, where it differs from the default, and what it means. Secrets are masked.

Example: riskwire config show

Example: RISKWIRE_WEB__PORT=8601 riskwire config show --format jsonl
"""


@app.command("show", help=SHOW_HELP, short_help="Print every setting.")
def show(
    data: DataOption = None, config: ConfigOption = None, limit: LimitOption = None, style: FormatOption = Format.table
) -> None:
    """Print the settings that a command would run with."""
    rows = [
        {"key": key, "value": value, "default": default, "meaning": meaning}
        for key, value, default, meaning in describe(settings_from(config, data))
    ]
    exact = [(name, field(name)) for name in ("key", "value", "default", "meaning")]
    table = [
        ("setting", field("key")),
        ("value", lambda row: row["value"] + (" *" if row["value"] != row["default"] else "")),
        ("meaning (* = not the default)", field("meaning")),
    ]
    write_rows(rows, style, limit=limit, table=table, csv_columns=exact)
