"""`riskwire index`"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, cluster_settings
from riskwire.cli.output import field, write_rows
from riskwire.clock import SystemClock
from riskwire.errors import UsageError

if TYPE_CHECKING:
    from riskwire.settings import Settings
    from stream.elastic.storage import ElasticStorage

app = typer.Typer(no_args_is_help=True, help="Make the indices of the cluster, look at them, move them.")

INIT_HELP = """Make the templates, indices and aliases that are missing. What is there stays as it is.

Example: riskwire index init
"""
STATUS_HELP = """What is behind each alias: the index, the version of its mapping, documents, bytes, and what is to be
done. Exit code 1 when something is.

Example: riskwire index status

Example: riskwire index status --format jsonl
"""
MIGRATE_HELP = """Move what is there to indices of this version's mapping, while the workers go on: nothing that they
write meanwhile is lost, and searches see no gap. The workers wait at the end, for seconds. Cut off, it goes on when it
is called again. The old indices are kept, unless --delete-old.

Example: riskwire index migrate

Example: riskwire index migrate --delete-old
"""
PRUNE_HELP = """Delete stories, their revisions and resolved alerts that are older than elasticsearch.retention_days, or
than --days. Call it once a day, by cron or a CronJob.

Example: riskwire index prune

Example: riskwire index prune --days 400
"""

COLUMNS = tuple(
    (name, field(name)) for name in ("alias", "index", "version", "documents", "bytes", "health", "problem")
)


@app.command("init", help=INIT_HELP, short_help="Make what is missing.")
def init(data: DataOption = None, config: ConfigOption = None) -> None:
    """Make them, and say which."""
    from stream.elastic import schema

    settings, storage = _opened(config, data)
    with storage:
        made = schema.init(storage.client, settings.elasticsearch)
    typer.echo(f"made {', '.join(made)}" if made else "all indices are there", err=True)


@app.command("status", help=STATUS_HELP, short_help="Version, size, what is to be done.")
def status(data: DataOption = None, config: ConfigOption = None, style: FormatOption = Format.table) -> None:
    """Print a row an alias; exit code 1 when one is not as it should be."""
    from stream.elastic import schema

    settings, storage = _opened(config, data)
    with storage:
        states = schema.status(storage.client, settings.elasticsearch.prefix)
    rows: list[dict[str, Any]] = [
        {name: getattr(state, name) for name in state.__struct_fields__} | {"problem": state.problem}
        for state in states
    ]
    write_rows(rows, style, table=COLUMNS, csv_columns=COLUMNS, empty="no indices")
    if any(state.problem for state in states):
        raise typer.Exit(1)


@app.command("migrate", help=MIGRATE_HELP, short_help="Move to this version's mapping.")
def migrate(
    delete_old: Annotated[bool, typer.Option("--delete-old", help="Delete what was moved away from.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Move each index that is behind, and say what was done."""
    from stream.elastic import migrate as migration
    from stream.elastic.mapping import KINDS

    settings, storage = _opened(config, data)
    with storage:
        for kind in KINDS:
            done = migration.migrate(storage.client, storage.bulk, kind, settings.elasticsearch, _said())
            if done is None:
                typer.echo(f"{kind.alias(settings.elasticsearch.prefix)}: is of this version", err=True)
                continue
            typer.echo(f"{done.alias}: {done.old} → {done.new}, {done.copied} documents", err=True)
            if delete_old:
                migration.delete(storage.client, done)
                typer.echo(f"{done.alias}: {done.old} deleted", err=True)


@app.command("prune", help=PRUNE_HELP, short_help="Delete what is too old.")
def prune(
    days: Annotated[int | None, typer.Option("--days", min=1, help="Keep so many days.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete, and say how many."""
    from stream.elastic import retention

    settings, storage = _opened(config, data)
    kept = days or settings.elasticsearch.retention_days
    with storage:
        if not kept:
            raise UsageError(
                "is 0: everything is kept", about="elasticsearch.retention_days", hint="Set it, or give --days."
            )
        before = SystemClock().now() - timedelta(days=kept)
        counts = retention.prune(storage.client, storage.bulk, settings.elasticsearch.prefix, before)
    for alias, count in counts.items():
        typer.echo(f"{alias}: {count} deleted", err=True)


def _opened(config: Any, data: Any) -> tuple[Settings, ElasticStorage]:
    from stream.elastic.storage import ElasticStorage

    settings = cluster_settings(config, data)
    return settings, ElasticStorage(settings.elasticsearch)


def _said() -> Callable[[str, int], None]:
    """Says how far it has come, every 50,000 documents."""
    told = 0

    def progress(alias: str, done: int) -> None:
        nonlocal told
        if done - told >= 50_000:
            told = done
            typer.echo(f"{alias}: {done} copied", err=True)

    return progress
