"""`riskwire datasets`"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from riskwire.cli.options import Format, FormatOption, LimitOption
from riskwire.cli.output import field, stderr_console, write_rows
from riskwire.errors import RiskwireError, UsageError

app = typer.Typer(no_args_is_help=True, help="The labelled sets that models are trained and judged on.")

DESCRIBE_HELP = """The data card: sizes, labels, licences and what they forbid, sides, copies, and what sets share.

All sets are divided together, as a recipe of them all would be; a near-copy of a held-out text is dropped.

Example: riskwire datasets describe

Example: riskwire datasets describe phrasebank sentfin --format jsonl
"""
FETCH_HELP = """Fetch the sets that may be fetched; say of the others where they are and what to do.

Each set's licence is named, with what it forbids. The command goes on where it stopped; what is there already stays.

Example: riskwire datasets fetch --datasets var/datasets

Example: riskwire datasets fetch phrasebank sentfin
"""

DatasetsOption = Annotated[
    Path | None,
    typer.Option("--datasets", metavar="DIR", help="The folder of the sets (or RISKWIRE_DATASETS)."),
]
NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="Which sets; all if left out.")]


@app.command("describe", help=DESCRIBE_HELP, short_help="What is in the sets.")
def describe(
    names: NamesArgument = None,
    datasets: DatasetsOption = None,
    limit: LimitOption = None,
    style: FormatOption = Format.table,
) -> None:
    """A row a set."""
    from msgspec import to_builtins

    from models.corpora import CORPORA
    from models.datasets.describe import describe as described

    _known(names, CORPORA)
    rows: list[dict[str, Any]] = [to_builtins(one) for one in described(_folder(datasets), names or ())]
    write_rows(rows, style, limit=limit, table=_TABLE, csv_columns=[(name, field(name)) for name in rows[0]])


@app.command("fetch", help=FETCH_HELP, short_help="Fetch the sets that may be fetched.")
def fetch(names: NamesArgument = None, datasets: DatasetsOption = None) -> None:
    """Each set in turn; one that fails does not stop the others."""
    from models.datasets.catalogue import load
    from models.datasets.fetch import fetch as fetched
    from models.datasets.fetch import is_there

    catalogue, root, failed = load(), _folder(datasets), False
    _known(names, catalogue)
    console = stderr_console()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def show(name: str, there: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=there, total=total)

        for entry in (catalogue[name] for name in names or catalogue):
            limits = f"{entry.licence}; {entry.limits()}" if entry.limits() else entry.licence
            try:
                if is_there(entry, root):
                    said = "there already"
                elif not entry.files:
                    said = f"{entry.address}. {entry.how}, below {root}"
                else:
                    came = asyncio.run(fetched(entry, root, progress=show))
                    said = f"{len(came)} files from {entry.address}"
            except RiskwireError as error:
                said, failed = str(error), True
            except OSError as error:
                said, failed = f"{root}: can't be written: {error.strerror}", True
            typer.echo(f"{entry.name} ({limits}): {said}", err=True)
    if failed:
        raise typer.Exit(1)


def _folder(given: Path | None) -> Path:
    named = given or os.environ.get("RISKWIRE_DATASETS")
    if not named:
        raise UsageError("no folder of data sets is given", hint="Give --datasets DIR, or set RISKWIRE_DATASETS")
    return Path(named).expanduser()


def _known(names: list[str] | None, there: Collection[str]) -> None:
    for name in names or ():
        if name not in there:
            raise UsageError("there is no such set", about=name, hint=f"Sets: {', '.join(there)}")


def _shares(column: str) -> Any:
    def text(row: Any) -> str:
        total = sum(row[column].values())
        return ", ".join(f"{name} {count / total:.0%}" for name, count in row[column].items()) if total else ""

    return text


def _counts(column: str) -> Any:
    return lambda row: ", ".join(f"{name} {count}" for name, count in row[column].items())


_TABLE = [
    ("set", field("name")),
    ("texts", lambda row: str(row["texts"]) if row["there"] else "not there"),
    ("story", _shares("labels")),
    ("mentions", _counts("mentions")),
    ("their sentiment", _shares("mention_labels")),
    ("train / dev / test", lambda row: " / ".join(str(row["sides"].get(side, 0)) for side in ("train", "dev", "test"))),
    ("dropped", _counts("dropped")),
    ("also in", _counts("overlaps")),
    ("licence", field("licence")),
    ("not allowed", field("forbids")),
]
