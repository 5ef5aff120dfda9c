"""`riskwire model`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, write_rows

app = typer.Typer(no_args_is_help=True, help="Look at the model that scores, and verify it.")

SHOW_HELP = """The model in use: name, version, files, what it was trained on, and its figures on held-out texts.

Example: riskwire model show

Example: riskwire model show --format jsonl
"""
VERIFY_HELP = """Check every file of the artefact against its manifest, load it, and score a sentence.

Example: riskwire model verify

Example: riskwire model verify var/models/mine
"""

PathArgument = Annotated[Path | None, typer.Argument(help="Folder of an artefact; the configured one if left out.")]


@app.command("show", help=SHOW_HELP, short_help="Show the model in use.")
def show(
    path: PathArgument = None,
    data: DataOption = None,
    config: ConfigOption = None,
    limit: LimitOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print the manifest as rows of key and value."""
    from models.artefact import PRETRAINED, read_manifest

    manifest = read_manifest(path or settings_from(config, data).model.path or PRETRAINED)
    found: list[tuple[str, object]] = [
        ("name", manifest.name),
        ("version", manifest.version),
        ("precision", manifest.precision),
        ("created_at", manifest.created_at),
        ("max_tokens", manifest.max_tokens),
        ("labels", ", ".join(manifest.sentiments)),
        ("tags", ", ".join(manifest.tags)),
    ]
    found += [(f"file {name}", f"{entry.size} bytes, sha256 {entry.sha256}") for name, entry in manifest.files.items()]
    found += [(f"data {entry.name}", f"{entry.about} ({entry.licence})") for entry in manifest.data]
    found += [(f"metric {key}", value) for key, value in _flat(manifest.metrics)]
    rows = [{"key": key, "value": value} for key, value in found]
    columns = [("key", field("key")), ("value", field("value"))]
    write_rows(rows, style, limit=limit, table=columns, csv_columns=columns)


def _flat(table: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, round(value, 4) if isinstance(value, float) else value))
    return found


@app.command("verify", help=VERIFY_HELP, short_help="Verify a model.")
def verify(path: PathArgument = None, data: DataOption = None, config: ConfigOption = None) -> None:
    """Load the artefact as the processor does; what is wrong with it is an error."""
    from riskwire.cli.wiring import load_model

    settings = settings_from(config, data, model={"path": path})
    scorer, _ = load_model(settings.model)
    (answer,) = scorer.score(["Profit rises at the mill."])
    model = scorer.model
    typer.echo(
        f"{model.name} {model.version} ({scorer.provider}): every file is what its manifest says; "
        f"a sentence scored {answer.sentiment.label} {answer.sentiment.confidence:.2f}"
    )
