"""`riskwire model refresh`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, settings_from
from riskwire.cli.output import stderr_console
from riskwire.cli.search import parse_time
from riskwire.cli.training import DatasetsOption, recipe_file, trainer
from riskwire.clock import SystemClock

HELP = """Train the model anew with the index's own stories and the labels that were given; promote it if it is better.

The stories are those that were known at one moment, not older than --since. One command: collect, pretrain, fine-tune,
evaluate, gate, promote. Interrupted, the same command goes on; a candidate that the gate refuses stays in the registry,
and what scores goes on. Running processors pick a promotion up by themselves. Labels are JSON lines of `text` and
`label` (positive, neutral or negative).

Example: riskwire model refresh --since 2026-01-01 --labels labels.jsonl

Example: riskwire model refresh --recipe toy
"""


def refresh(
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="RECIPE", help="A recipe's TOML file, or a name of models/configs.")
    ] = "minilm",
    since: Annotated[
        str | None, typer.Option("--since", help="Stories not older than this date or time (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Stories as they were known at this date or time (default: now).")
    ] = None,
    labels: Annotated[Path | None, typer.Option("--labels", metavar="FILE", help="Labels, JSON lines.")] = None,
    datasets: DatasetsOption = None,
    work: Annotated[
        Path | None, typer.Option("--work", metavar="DIR", help="Its own folder (default: refresh in the data folder).")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """The candidate's name on stdout; exit code 1 where the gate refuses it."""
    from riskwire.cli.wiring import open_store, registry_of

    settings = settings_from(config, data)
    begin, end = parse_time("--since", since), parse_time("--until", until)
    path, train = recipe_file(recipe), trainer()
    from models.refresh import refresh as run

    console = stderr_console()
    with open_store(settings) as store:
        done = run(
            store.index,
            registry_of(settings.model),
            recipe=path,
            datasets=datasets or train.DATASETS,
            work=work or settings.folder / "refresh",
            labels=labels,
            since=begin,
            until=end,
            now=SystemClock().now(),
            say=lambda text: console.print(text, markup=False, highlight=False),
        )
    typer.echo(done.name)
    for check in done.verdict.checks if done.verdict is not None else ():
        console.print(f"{'passed ' if check.passed else 'refused'} {check.name}: {check.found}", markup=False)
    console.print("promoted" if done.promoted else "refused: what scored before goes on", markup=False)
    if not done.promoted:
        raise typer.Exit(1)
