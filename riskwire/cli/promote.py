"""`riskwire model promote` and `rollback`: what runs picks it up within seconds, without a restart."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, write_rows
from riskwire.cli.training import DatasetsOption, read_recipe, recipe_file
from riskwire.errors import InputError, ModelError

if TYPE_CHECKING:
    from models.corpora.items import Item

PROMOTE_HELP = """Put a model into production, if the gate lets it.

The gate wants it no worse than what is there on any guarded figure, better on one, calibrated, exact and fast enough.
What runs takes it over within seconds, without a restart. A folder is copied into the registry first. --override
promotes what the gate refuses, and keeps your reason in the history; a damaged artefact is refused all the same.

The figures are those of the two manifests, if both were judged on the same texts. --on measures both anew, on the texts
that a recipe holds out: an imported model has no other.

Example: riskwire model promote riskwire-minilm-2.1.0-1f3a9c42

Example: riskwire model promote var/models/mine --on minilm

Example: riskwire model promote var/models/mine --override "first model with our own labels"
"""
ROLLBACK_HELP = """Put the model into production again that was there before; at last the packaged one.

Example: riskwire model rollback --reason "too many false alarms"
"""
_COLUMNS = [(name, field(name)) for name in ("check", "passed", "found")]


def promote(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A model of the registry, or a folder.")],
    override: Annotated[
        str | None, typer.Option("--override", metavar="REASON", help="Promote it although the gate refuses.")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="RECIPE", help="Measure both on what this recipe holds out.")
    ] = None,
    datasets: DatasetsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    limit: LimitOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print the gate's answers, then what was done."""
    from models.inference import load_scorer
    from models.registry.judging import compare
    from models.registry.reload import warmed
    from models.registry.store import fingerprint
    from riskwire.cli.wiring import registry_of

    settings = settings_from(config, data)
    registry = registry_of(settings.model)
    if Path(name).expanduser().is_dir():
        name = registry.add(Path(name).expanduser())
    folder = registry.find(name)
    held = fingerprint(registry.path_of(registry.production()))
    warmed(load_scorer(folder, device=settings.model.device, threads=settings.model.threads))
    now = datetime.now(UTC)
    verdict = compare(registry, name, items=None if on is None else _held_out(on, datasets), now=now)
    rows = [{"check": one.name, "passed": one.passed, "found": one.found} for one in verdict.checks]
    write_rows(rows, style, limit=limit, table=_COLUMNS, csv_columns=_COLUMNS)
    if not verdict.passed and override is None:
        raise ModelError(
            f"the gate refuses it: {verdict.why_not}", about=name, hint='--override "REASON" promotes it all the same.'
        )
    reason = "the gate passed it" if verdict.passed else f"override: {override}"
    registry.promote(name, reason=reason, now=now, instead_of=held)
    typer.echo(f"{name} is in production ({reason})", err=True)
    if settings.model.path is not None:
        typer.echo(f"riskwire: model.path = {settings.model.path} is set: that one goes on scoring here", err=True)


def _held_out(recipe: str, datasets: Path | None) -> list[Item]:
    from models.evaluate_artefact import sides_of

    folder = datasets or Path(os.environ.get("RISKWIRE_DATASETS", "../shared/data"))
    try:
        return sides_of(read_recipe(recipe_file(recipe)), folder).test
    except OSError as error:
        raise InputError(
            f"{error.filename or 'a set of the recipe'} is not there",
            about=str(folder),
            hint="`riskwire datasets fetch` fetches the sets; --datasets says where they are.",
        ) from error


def rollback(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept in the history.")] = "",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what is in production now."""
    from riskwire.cli.wiring import registry_of

    registry = registry_of(settings_from(config, data).model)
    after = registry.rollback(reason=reason, now=datetime.now(UTC))
    typer.echo(f"{after.path or 'the packaged model'} is in production again", err=True)
