"""`riskwire backfill`"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from riskwire.cli.options import ConfigOption, DataOption, cluster_settings, settings_from
from riskwire.cli.output import stderr_console
from riskwire.clock import SystemClock
from riskwire.errors import InputError

HELP = """Score files of history into the index: CSV, JSON lines, and gzip of both.

Columns are known by their usual names (title or headline, text, date or published_at, url, source, id, …) or by --map.
Resumes where it was interrupted; the same file again adds nothing. `seen_at` is now, never the past; no alert fires.
A row that can't be read is named by its number and kept with the dead letters; the rest goes on, and the exit code
is 1.

Example: riskwire backfill headlines.csv --map title=Headline,published_at=Date

Example: riskwire backfill news-2023.jsonl.gz news-2024.jsonl.gz

Example: riskwire backfill headlines.csv --via-kafka
"""


def backfill(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files to take in.", show_default=False)],
    columns: Annotated[str, typer.Option("--map", metavar="FIELD=COLUMN,…", help="Which column is what.")] = "",
    source: Annotated[
        str, typer.Option("--source", help="Source of rows that name none; the file's name if left out.")
    ] = "",
    via_kafka: Annotated[
        bool, typer.Option("--via-kafka", help="Put the stories on the documents topic: the workers score them.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Take in each file in turn; counts on stderr."""
    from riskwire.cli.wiring import NO_MODEL, load_scorer, open_store
    from stream.backfill.run import Backfill
    from stream.backfill.run import Progress as Step

    settings = cluster_settings(config, data) if via_kafka else settings_from(config, data)
    console = stderr_console()
    broken: list[InputError] = []
    bad = 0
    with ExitStack() as stack:
        store = open_store(settings, kind="live")
        stack.enter_context(store)
        scorer, linker = NO_MODEL if via_kafka else load_scorer(settings.model)
        work = Backfill(
            log=store.log,
            known=store.log,
            index=store.index,
            scored=store.scored,
            checkpoints=store.checkpoints,
            scorer=scorer,
            linker=linker,
            clock=SystemClock(),
            languages=settings.model.languages,
            via_log=via_kafka,
        )
        bar = stack.enter_context(
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[new]} new"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=console,
                disable=not console.is_terminal,
            )
        )
        for path in files:
            task = bar.add_task(path.name, total=None, new=0)

            def show(step: Step, task: object = task) -> None:
                bar.update(task, completed=step.position, total=step.size, new=step.summary.new)  # type: ignore[arg-type]

            try:
                done = work.run(path, columns=columns, source=source, progress=show)
            except InputError as error:
                broken.append(error)
                continue
            bad += done.bad
            console.print(
                f"{path}: {done.rows} rows, {done.new} new, {done.duplicates} there already, {done.bad} bad, "
                f"{done.unscored} unscored, {done.undated} undated",
                markup=False,
                highlight=False,
            )
            for message in done.errors:
                typer.echo(f"riskwire: {message}", err=True)
            if done.bad > len(done.errors):
                typer.echo(f"riskwire: … and {done.bad - len(done.errors)} more bad rows", err=True)
    for failure in broken[:-1]:
        typer.echo(f"riskwire: {failure}", err=True)
    if broken:
        raise broken[-1]
    if bad:
        raise typer.Exit(1)
