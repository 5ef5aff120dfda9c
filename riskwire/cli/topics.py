"""`riskwire topics`"""

from __future__ import annotations

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, cluster_settings
from riskwire.cli.output import field, write_rows
from riskwire.wire import to_builtins

app = typer.Typer(no_args_is_help=True, help="Make the topics of the cluster, and look at them.")

INIT_HELP = """Make the topics that are missing: documents, scored, alerts, dead-letter. What is there stays as it is.

Example: riskwire topics init
"""
STATUS_HELP = """Each topic: partitions, messages, and how many wait for the workers or the alerts. The messages of the
dead-letter topic are the dead letters.

Example: riskwire topics status

Example: riskwire topics status --format jsonl
"""
COLUMNS = tuple((name, field(name)) for name in ("name", "exists", "partitions", "messages", "lag"))


@app.command("init", help=INIT_HELP, short_help="Make the topics that are missing.")
def init(data: DataOption = None, config: ConfigOption = None) -> None:
    """Make them, and say which."""
    from stream.kafka.admin import Cluster

    made = Cluster(cluster_settings(config, data).kafka).init()
    typer.echo(f"made {', '.join(made)}" if made else "all topics are there", err=True)


@app.command("status", help=STATUS_HELP, short_help="Partitions, messages, lag.")
def status(data: DataOption = None, config: ConfigOption = None, style: FormatOption = Format.table) -> None:
    """Print a row a topic; exit code 1 when one is missing."""
    from stream.kafka.admin import Cluster

    rows = [to_builtins(row) for row in Cluster(cluster_settings(config, data).kafka).status()]
    write_rows(rows, style, table=COLUMNS, csv_columns=COLUMNS, empty="no topics")
    if not all(row["exists"] for row in rows):
        typer.echo("riskwire: topics are missing. Call `riskwire topics init`.", err=True)
        raise typer.Exit(1)
