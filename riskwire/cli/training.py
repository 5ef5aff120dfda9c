"""`riskwire model pretrain | finetune | distil | evaluate | export | import`: what needs the train extra."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, write_rows
from riskwire.errors import ModelError, UsageError

if TYPE_CHECKING:
    from models.config import Recipe

PRETRAIN_HELP = """Train the encoder of a recipe on texts without labels, before anything else.

A recipe is one TOML file: a path, or a name of models/configs. A stage that is done is not done again; the same command
goes on where it stopped.

Example: riskwire model pretrain --config finbert
"""
FINETUNE_HELP = """Train the network of a recipe on labelled sets, up to its best epoch on dev.

Example: riskwire model finetune --config finbert --datasets ../data
"""
DISTIL_HELP = """Train the student of a recipe on labels and on its teacher's opinions.

Example: riskwire model distil --config minilm --seed 2
"""
EVALUATE_HELP = """Judge the model of a recipe on texts that nobody trained on, and print the figures.

Example: riskwire model evaluate --config toy --format jsonl
"""
EXPORT_HELP = """Do all stages of a recipe, and add the artefact to the registry as a candidate.

Example: riskwire model export --config toy
"""
IMPORT_HELP = """Make an artefact of a Hugging Face sequence classifier (BERT), a candidate of the registry.

SOURCE is a folder, or a name of the hub. Its outputs are named by its configuration; --labels names them, in their
order, where it says LABEL_0. The result scores the story alone and finds no companies; it is not calibrated.

Example: riskwire model import ./finbert

Example: riskwire model import ProsusAI/finbert --allow-bin --int8
"""

RecipeOption = Annotated[
    str,
    typer.Option("--config", "--recipe", metavar="RECIPE", help="A recipe's TOML file, or a name of models/configs."),
]
DatasetsOption = Annotated[
    Path | None, typer.Option("--datasets", metavar="DIR", help="Labelled sets (default: RISKWIRE_DATASETS).")
]
WorkOption = Annotated[
    Path | None, typer.Option("--work", metavar="DIR", help="Checkpoints and stages (default: var/train/NAME).")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Another seed than the recipe's.")]
TrackOption = Annotated[
    str | None, typer.Option("--track", metavar="URI", help="MLflow's address, such as file:var/mlruns.")
]


def trainer() -> ModuleType:
    """`models.train`. Raises ModelError: the train extra isn't installed."""
    try:
        from models import train
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("models", "riskwire"):
            raise
        raise ModelError(
            f"training needs {error.name}, which isn't installed",
            hint="`make .venv-train/installed` makes an environment with it, or: pip install 'riskwire[train]'",
        ) from error
    return train


def recipe_file(given: str) -> Path:
    """The file of a recipe given by path or name. Raises UsageError naming those there are."""
    import models

    configs = Path(models.__file__).parent / "configs"
    if Path(given).is_file():
        return Path(given)
    if (configs / f"{given}.toml").is_file():
        return configs / f"{given}.toml"
    known = ", ".join(sorted(path.stem for path in configs.glob("*.toml")))
    raise UsageError("there is no such recipe", about=given, hint=f"Give a file, or one of {known}")


def run(
    config: str, until: str | None, datasets: Path | None, work: Path | None, seed: int | None, track: str | None
) -> Path:
    """Run a recipe up to a stage; its work folder. Leaves with the trainer's own code where it fails."""
    train, path = trainer(), recipe_file(config)
    recipe = read_recipe(path)
    work = work or Path("var/train") / recipe.name
    code = train.train(
        path,
        datasets=datasets or train.DATASETS,
        work=work,
        output=work / "artefact",
        seed=seed,
        until=until,
        track=track,
    )
    if code:
        raise typer.Exit(code)
    return work


def read_recipe(path: Path) -> Recipe:
    """Raises UsageError naming the file and the key that is wrong."""
    from models.config import load_recipe

    try:
        return load_recipe(path)
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error


def _up_to(stage: str) -> Callable[..., None]:
    """The command that trains up to a stage."""

    def command(
        config: RecipeOption,
        datasets: DatasetsOption = None,
        work: WorkOption = None,
        seed: SeedOption = None,
        track: TrackOption = None,
    ) -> None:
        run(config, stage, datasets, work, seed, track)

    return command


def evaluate(
    config: RecipeOption,
    datasets: DatasetsOption = None,
    work: WorkOption = None,
    seed: SeedOption = None,
    track: TrackOption = None,
    limit: LimitOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Up to the stage `evaluate`, and one row a figure of what ships."""
    import json

    folder = run(config, "evaluate", datasets, work, seed, track)
    from models.registry.gate import figures_of

    found = json.loads((folder / "evaluate.done.json").read_text(encoding="utf-8"))["shipped"]
    figures, errors = figures_of(found)
    rows = [{"figure": name, "value": one.value, "n": one.n} for name, one in figures.items()]
    rows += [{"figure": f"{name} ece", "value": error, "n": None} for name, error in errors.items()]
    columns = [(name, field(name)) for name in ("figure", "value", "n")]
    table = [("figure", field("figure")), ("value", lambda row: f"{row['value']:.4f}"), ("n", field("n"))]
    write_rows(rows, style, limit=limit, table=table, csv_columns=columns)


def export(
    config: RecipeOption,
    datasets: DatasetsOption = None,
    work: WorkOption = None,
    seed: SeedOption = None,
    track: TrackOption = None,
    data: DataOption = None,
) -> None:
    """All stages; then the name in the registry on stdout."""
    from riskwire.cli.wiring import registry_of

    registry = registry_of(settings_from(None, data).model)
    folder = run(config, None, datasets, work, seed, track)
    typer.echo(registry.add(folder / "artefact"))


def import_model(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A folder, or a name of the hub.")],
    labels: Annotated[
        str | None, typer.Option("--labels", help="Names of its outputs in their order: positive,negative,neutral.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="How the artefact is called (default: its last part).")
    ] = None,
    revision: Annotated[str | None, typer.Option("--revision", help="Of the hub: a commit, tag or branch.")] = None,
    allow_bin: Annotated[
        bool, typer.Option("--allow-bin", help="Read a pickled pytorch_model.bin, too: tensors only.")
    ] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Weights as int8: a quarter of the size, and faster.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """The name in the registry on stdout."""
    from riskwire.cli.wiring import registry_of

    registry = registry_of(settings_from(config, data).model)
    trainer()
    from models.huggingface import fetch
    from models.imported import import_model as make

    here = Path(source).expanduser()
    folder = here if here.is_dir() else fetch(source, revision=revision, allow_bin=allow_bin)
    origin = "" if here.is_dir() else f"hub:{source}@{folder.name}"
    called = name or Path(source).name or "imported"
    given = [label for label in (labels or "").split(",") if label]
    registry.folder.mkdir(parents=True, exist_ok=True)
    draft = registry.folder / ".import"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        make(folder, draft, name=called, origin=origin, labels=given, allow_bin=allow_bin, int8=int8)
        typer.echo(registry.add(draft))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


COMMANDS = (
    ("pretrain", PRETRAIN_HELP, "Train on texts without labels.", _up_to("pretrain")),
    ("finetune", FINETUNE_HELP, "Train on labelled sets.", _up_to("finetune")),
    ("distil", DISTIL_HELP, "Train a student on its teacher's opinions.", _up_to("distil")),
    ("evaluate", EVALUATE_HELP, "Judge on held-out texts.", evaluate),
    ("export", EXPORT_HELP, "Make the artefact, a candidate.", export),
    ("import", IMPORT_HELP, "Make an artefact of a Hugging Face model.", import_model),
)
"""Name, help, short help and function of each: `riskwire.cli.app` puts them into `riskwire model`."""
