"""`riskwire model report`"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from riskwire.cli.model import folder_of
from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import Row, field, write_rows
from riskwire.cli.training import DatasetsOption, recipe_file
from riskwire.errors import UsageError

HELP = """Judge a finished model on held-out texts: a report to read, metrics.json, and pictures.

MODEL is a name of the registry (`production` and `packaged` too) or a folder. It is judged on the held-out side of a
recipe's sets, beside baselines: the commonest label, word lists, and with the train extra TF-IDF with logistic
regression. --other-seed names models of the same recipe with other seeds, for the spread; --against another model,
compared by paired bootstrap. It must be the recipe that MODEL was trained with, or one whose held-out texts MODEL has
never seen.

Example: riskwire model report packaged --output var/report

Example: riskwire model report production --against before=packaged --format jsonl
"""

RecipeOption = Annotated[
    str, typer.Option("--recipe", metavar="RECIPE", help="Whose sets: a TOML file, or a name of models/configs.")
]


def report(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name of the registry, or a folder.")] = "production",
    recipe: RecipeOption = "minilm",
    seeds: Annotated[
        list[str] | None, typer.Option("--other-seed", metavar="MODEL", help="The same recipe, another seed.")
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option("--against", metavar="TITLE=MODEL", help="Another model, side by side.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where the report goes.")] = Path(
        "var/report"
    ),
    datasets: DatasetsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    limit: LimitOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Write the report, and print its first table."""
    from models.evaluate_report import DATASETS, evaluate
    from models.evaluate_text import TABLE, value_at

    folder = partial(folder_of, settings_from(config, data))
    others = {}
    for text in against or ():
        title, is_pair, name = text.partition("=")
        if not (title and is_pair and name):
            raise UsageError("is not TITLE=MODEL", about=f"--against {text}", hint="Such as --against before=packaged")
        others[title] = folder(name)
    metrics = evaluate(
        recipe_file(recipe), folder(model), datasets=datasets or DATASETS, output=output,
        seeds=[folder(name) for name in seeds or ()], against=others,
    )  # fmt: skip
    rows = [
        {"measure": name, "value": round(value, 4), "at_least": least, "aim": aim}
        for name, path, least, aim in TABLE
        if (value := value_at(metrics, path)) is not None
    ]
    columns = [(name, field(name)) for name in ("measure", "value", "at_least", "aim")]
    table = [(name, _short(name)) for name, _ in columns]
    write_rows(rows, style, limit=limit, table=table, csv_columns=columns)
    typer.echo(f"The whole report: {output / 'report.md'}", err=True)


def _short(name: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        value = row[name]
        return f"{value:.3f}" if isinstance(value, float) else value or ""

    return text
