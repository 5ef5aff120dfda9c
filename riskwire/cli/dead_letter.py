"""`riskwire dead-letter`"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, cluster_settings
from riskwire.cli.output import field, short, when, write_rows
from riskwire.errors import UsageError
from riskwire.wire import to_builtins

app = typer.Typer(no_args_is_help=True, help="What could not be processed: look at it, and try it again.")

LIST_HELP = """The dead letters, newest first, each with its stage and reason. `place` names it for show and retry.

Example: riskwire dead-letter list

Example: riskwire dead-letter list --stage decode --format jsonl
"""
SHOW_HELP = """One dead letter's value, as it came, on stdout (the first 64 KiB of it); what is known of it on stderr.

Example: riskwire dead-letter show 0:17
"""
RETRY_HELP = """Put dead letters on the documents topic again, as they came: after an update that can read them, or once
the index takes them. One that fails again is no new dead letter. Those of which only a part was kept are left out,
and the exit code is 1.

Example: riskwire dead-letter retry 0:17 0:18

Example: riskwire dead-letter retry --all --stage index
"""

StageOption = Annotated[str | None, typer.Option("--stage", help="Only of this stage: decode, score, index, ingest.")]

TABLE = (
    ("place", field("place")),
    ("failed", lambda row: when(row["failed_at"])),
    ("stage", field("stage")),
    ("key", lambda row: short(row["key"] or "", 34)),
    ("bytes", field("value_size")),
    ("reason", lambda row: short(row["error_message"], 100)),
)
CSV = tuple(
    (name, field(name))
    for name in ("place", "failed_at", "stage", "key", "value_size", "value_sha256", "error_type", "error_message")
)


@app.command("list", help=LIST_HELP, short_help="The dead letters, newest first.")
def list_letters(
    stage: StageOption = None,
    limit: LimitOption = 50,
    data: DataOption = None,
    config: ConfigOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print a row each."""
    letters = [one for one in _letters(config, data).all() if stage in (None, one.message.stage)]
    rows = [_row(one) for one in reversed(letters)][: limit or 50]
    write_rows(rows, style, table=TABLE, csv_columns=CSV, empty="no dead letter")


@app.command("show", help=SHOW_HELP, short_help="One of them, whole.")
def show(
    place: Annotated[str, typer.Argument(help="Its place, as `list` shows it.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print its bytes."""
    (letter,) = _chosen(_letters(config, data).all(), [place])
    for name, value in _row(letter).items():
        typer.echo(f"{name}: {value}", err=True)
    sys.stdout.buffer.write(letter.message.value)
    sys.stdout.buffer.flush()


@app.command("retry", help=RETRY_HELP, short_help="Try them again.")
def retry(
    places: Annotated[list[str] | None, typer.Argument(metavar="[PLACE]…", help="Which.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them, or all of --stage.")] = False,
    stage: StageOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Send them on, and say how many."""
    if bool(places) == everything:
        raise UsageError("name the dead letters to retry, or give --all")
    letters = _letters(config, data)
    chosen = [one for one in letters.all() if stage in (None, one.message.stage)]
    if places:
        chosen = _chosen(chosen, places)
    whole = [one for one in chosen if one.is_whole]
    letters.retry(whole)
    typer.echo(f"{len(whole)} on the documents topic again", err=True)
    if len(whole) < len(chosen):
        typer.echo(f"riskwire: {len(chosen) - len(whole)} left out: only the first 64 KiB were kept", err=True)
        raise typer.Exit(1)


def _letters(config: Any, data: Any) -> Any:
    from stream.kafka.dead_letters import DeadLetters
    from stream.kafka.producer import Publisher

    settings = cluster_settings(config, data).kafka
    return DeadLetters(settings, Publisher(settings, "dead-letter"))


def _chosen(letters: list[Any], places: list[str]) -> list[Any]:
    by_place = {one.place: one for one in letters}
    if unknown := [place for place in places if place not in by_place]:
        raise UsageError("is no dead letter", about=unknown[0], hint="`riskwire dead-letter list` shows them.")
    return [by_place[place] for place in dict.fromkeys(places)]


def _row(letter: Any) -> dict[str, object]:
    row = to_builtins(letter.message)
    del row["value"]
    return {"place": letter.place, **row}
