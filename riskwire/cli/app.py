"""The tree of commands. Every command has an example in its help; docs/commands.md is made from it."""

from __future__ import annotations

from typing import Annotated

import typer

from riskwire import __version__
from riskwire.cli import alerts, backfill, config, doctor, model, score, search, up

HELP = """Riskwire reads financial news, scores every story and every company in it, and warns of risk.

Start with `riskwire up --demo` (a replay of three invented days) or `riskwire up` (the default feeds), then open
http://127.0.0.1:8600. Everything it keeps lies in one folder: --data DIR, or RISKWIRE_DATA.
"""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"riskwire {__version__}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """The command line, ready to be called."""
    app = typer.Typer(
        name="riskwire",
        help=HELP,
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,  # errors are ours: one line, no traceback
        rich_markup_mode=None,
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
        ] = False,
    ) -> None:
        pass

    root.__doc__ = HELP
    app.command("up", help=up.HELP)(up.up)
    app.command("score", help=score.HELP)(score.score)
    app.command("backfill", help=backfill.HELP)(backfill.backfill)
    app.command("search", help=search.HELP)(search.search)
    app.add_typer(alerts.app, name="alerts")
    app.add_typer(model.app, name="model")
    app.add_typer(config.app, name="config")
    app.command("doctor", help=doctor.HELP)(doctor.doctor)
    return app
