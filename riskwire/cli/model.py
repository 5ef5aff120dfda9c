"""`riskwire model`: what scores, what could, and what the gate says of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, short, write_rows
from riskwire.settings import Settings

if TYPE_CHECKING:
    from models.registry.store import Listed, Registry

app = typer.Typer(no_args_is_help=True, help="The model that scores: look at it, judge others, promote one.")

LIST_HELP = """The models of the registry: which is in production, which could be, and what the gate said of them.

Example: riskwire model list

Example: riskwire model list --format jsonl
"""
SHOW_HELP = """A model's name, version, files, training data, its figures on held-out texts, and the gate's answers.

Without a name it is the one in use. A name is one of `riskwire model list`, or a folder.

Example: riskwire model show

Example: riskwire model show packaged --format jsonl
"""
VERIFY_HELP = """Check every file of the artefact against its manifest, load it, and score a few sentences.

Example: riskwire model verify

Example: riskwire model verify var/models/mine
"""

NameArgument = Annotated[
    str | None,
    typer.Argument(metavar="NAME|FOLDER", help="A model of the registry, or a folder; the one in use if left out."),
]
_PAIRS = [("key", field("key")), ("value", field("value"))]


def folder_of(settings: Settings, given: str | None) -> Path:
    """The artefact's folder. Raises InputError: there is none of this name."""
    from riskwire.cli.wiring import registry_of

    if given is not None and Path(given).expanduser().is_dir():
        return Path(given).expanduser()
    if given is None and settings.model.path is not None:
        return settings.model.path.expanduser()
    return registry_of(settings.model).find(given or "production")


@app.command("list", help=LIST_HELP, short_help="List the models.")
def list_models(
    data: DataOption = None,
    config: ConfigOption = None,
    limit: LimitOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print one row a model, the one in production first."""
    from riskwire.cli.wiring import registry_of

    registry = registry_of(settings_from(config, data).model)
    rows = [_row(registry, one) for one in registry.list()]
    names = ("name", "state", "version", "precision", "created_at")
    table = [*((name, field(name)) for name in names), ("gate", lambda row: short(row["gate"], 60))]
    write_rows(rows, style, limit=limit, table=table, csv_columns=[(name, field(name)) for name in (*names, "gate")])


def _row(registry: Registry, one: Listed) -> dict[str, Any]:
    from riskwire.errors import ModelError

    try:
        judgement = registry.judgement(one.name) if not one.error else None
    except ModelError:
        judgement = None
    gate = one.error
    if judgement is not None and (verdict := judgement.verdict) is not None:
        gate = "passed" if verdict.passed else f"refused: {verdict.why_not}"
    manifest = one.manifest
    return {
        "name": one.name,
        "state": one.state,
        "version": manifest.version if manifest else "",
        "precision": manifest.precision if manifest else "",
        "created_at": manifest.created_at if manifest else "",
        "gate": gate,
    }


@app.command("show", help=SHOW_HELP, short_help="Show a model.")
def show(
    name: NameArgument = None,
    data: DataOption = None,
    config: ConfigOption = None,
    limit: LimitOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print manifest and judgement as rows of key and value."""
    from models.artefact import read_manifest
    from models.registry.store import fingerprint
    from riskwire.cli.wiring import registry_of

    settings = settings_from(config, data)
    folder = folder_of(settings, name)
    manifest = read_manifest(folder)
    found: list[tuple[str, object]] = [
        ("name", manifest.name),
        ("version", manifest.version),
        ("precision", manifest.precision),
        ("created_at", manifest.created_at),
        ("max_tokens", manifest.max_tokens),
        ("labels", ", ".join(manifest.sentiments)),
        ("tags", ", ".join(manifest.tags)),
        ("folder", str(folder)),
        ("manifest sha256", fingerprint(folder)),
    ]
    found += [(key, value) for key, value in _origin(manifest) if value]
    found += [(f"file {name}", f"{entry.size} bytes, sha256 {entry.sha256}") for name, entry in manifest.files.items()]
    found += [(f"data {entry.name}", f"{entry.about} ({entry.licence})") for entry in manifest.data]
    registry = registry_of(settings.model)
    if folder.parent == registry.folder and (judgement := registry.judgement(folder.name)) and judgement.verdict:
        found += [
            (f"gate {check.name}", f"{'passed' if check.passed else 'refused'}: {check.found}")
            for check in judgement.verdict.checks
        ]
    found += [(f"metric {key}", value) for key, value in _flat(manifest.metrics)]
    rows = [{"key": key, "value": value} for key, value in found]
    write_rows(rows, style, limit=limit, table=_PAIRS, csv_columns=_PAIRS)


def _origin(manifest: Any) -> list[tuple[str, object]]:
    return [
        ("base", ", ".join(value for value in manifest.base.values() if value)),
        ("seed", manifest.seed),
        ("git revision", manifest.git_revision),
    ]


def _flat(table: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, round(value, 4) if isinstance(value, float) else value))
    return found


@app.command("verify", help=VERIFY_HELP, short_help="Verify a model.")
def verify(name: NameArgument = None, data: DataOption = None, config: ConfigOption = None) -> None:
    """Load the artefact as the processor does; what is wrong with it is an error."""
    from models.inference import load_scorer
    from models.registry.reload import warmed
    from riskwire.cli.wiring import load_model

    settings = settings_from(config, data)
    if name is None:  # as the processor takes it: against production.json, too
        scorer, _ = load_model(settings.model)
    else:
        scorer = load_scorer(folder_of(settings, name), device=settings.model.device, threads=settings.model.threads)
    (answer,) = warmed(scorer).score(["Profit rises at the mill."])
    model = scorer.model
    typer.echo(
        f"{model.name} {model.version} ({scorer.provider}): every file is what its manifest says; "
        f"a sentence scored {answer.sentiment.label} {answer.sentiment.confidence:.2f}"
    )


def since(at: datetime | None) -> str:
    """When something was promoted, for people."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
