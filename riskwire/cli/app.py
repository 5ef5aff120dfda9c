"""The tree of commands. Every command has an example in its help; docs/commands.md is made from it."""

from __future__ import annotations

from typing import Annotated

import typer

from riskwire import __version__
from riskwire.cli.alerts import app as alerts_app
from riskwire.cli.alerts_run import HELP as ALERTS_RUN_HELP
from riskwire.cli.alerts_run import run as alerts_run
from riskwire.cli.backfill import HELP as BACKFILL_HELP
from riskwire.cli.backfill import backfill
from riskwire.cli.config import app as config_app
from riskwire.cli.datasets import app as datasets_app
from riskwire.cli.dead_letter import app as dead_letter_app
from riskwire.cli.doctor import HELP as DOCTOR_HELP
from riskwire.cli.doctor import doctor
from riskwire.cli.feeds import app as feeds_app
from riskwire.cli.forget import HELP as FORGET_HELP
from riskwire.cli.forget import forget
from riskwire.cli.index import app as index_app
from riskwire.cli.ingest import HELP as INGEST_HELP
from riskwire.cli.ingest import ingest
from riskwire.cli.kibana import app as kibana_app
from riskwire.cli.model import app as model_app
from riskwire.cli.promote import PROMOTE_HELP, ROLLBACK_HELP, promote, rollback
from riskwire.cli.refresh import HELP as REFRESH_HELP
from riskwire.cli.refresh import refresh
from riskwire.cli.report import HELP as REPORT_HELP
from riskwire.cli.report import report
from riskwire.cli.score import HELP as SCORE_HELP
from riskwire.cli.score import score
from riskwire.cli.search import HELP as SEARCH_HELP
from riskwire.cli.search import search
from riskwire.cli.serve_model import HELP as SERVE_MODEL_HELP
from riskwire.cli.serve_model import serve_model
from riskwire.cli.stream import HELP as STREAM_HELP
from riskwire.cli.stream import stream
from riskwire.cli.topics import app as topics_app
from riskwire.cli.training import COMMANDS as TRAINING
from riskwire.cli.up import HELP as UP_HELP
from riskwire.cli.up import up
from riskwire.cli.web import HELP as WEB_HELP
from riskwire.cli.web import web

HELP = """Riskwire reads financial news, scores every story and every company in it, and warns of risk.

Start with `riskwire up --demo` (a replay of three invented days) or `riskwire up` (the default feeds), then open
http://127.0.0.1:8600. Everything it keeps lies in one folder: --data DIR, or RISKWIRE_DATA.

\b
Examples:
  riskwire up --demo
  riskwire ingest --once
  riskwire score "Boeing sues Airbus over subsidies"
  riskwire backfill headlines.csv --map title=Headline,published_at=Date
  riskwire search "profit warning" --label negative
  riskwire feeds list
  riskwire feeds add https://example.org/feed.xml
  riskwire feeds remove example
  riskwire feeds check https://example.org/feed.xml
  riskwire feeds import feeds.opml
  riskwire feeds export feeds.opml
  riskwire feeds stats
  riskwire forget someone
  riskwire alerts list --status firing
  riskwire alerts check rules.yml
  riskwire model list
  riskwire model show
  riskwire model promote NAME
  riskwire model rollback
  riskwire model verify
  riskwire model pretrain --config finbert
  riskwire model finetune --config finbert
  riskwire model distil --config minilm
  riskwire model evaluate --config minilm
  riskwire model export --config minilm
  riskwire model report packaged
  riskwire model import ProsusAI/finbert --allow-bin
  riskwire model refresh --since 2026-01-01
  riskwire serve-model --port 8700
  riskwire datasets describe
  riskwire datasets fetch
  riskwire topics init
  riskwire topics status
  riskwire index init
  riskwire index status
  riskwire index migrate
  riskwire index prune
  riskwire stream
  riskwire alerts run
  riskwire web
  riskwire dead-letter list
  riskwire dead-letter show 0:17
  riskwire dead-letter retry --all
  riskwire kibana build --output dashboards.ndjson
  riskwire kibana check
  riskwire kibana import
  riskwire config show
  riskwire doctor
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
    app.command("up", help=UP_HELP, short_help="Poll, score, warn, and serve the page.")(up)
    app.command("ingest", help=INGEST_HELP, short_help="Poll onto the log, and nothing else.")(ingest)
    app.command("score", help=SCORE_HELP, short_help="Score a text or the lines of a file.")(score)
    app.command("backfill", help=BACKFILL_HELP, short_help="Score files of history into the index.")(backfill)
    app.command("search", help=SEARCH_HELP, short_help="Find stories, newest first.")(search)
    app.add_typer(feeds_app, name="feeds")
    app.add_typer(alerts_app, name="alerts")
    model_app.command("promote", help=PROMOTE_HELP, short_help="Put a model into production.")(promote)
    model_app.command("rollback", help=ROLLBACK_HELP, short_help="Put the model before into production again.")(
        rollback
    )
    for name, help_text, short, function in TRAINING:
        model_app.command(name, help=help_text, short_help=short)(function)
    model_app.command("report", help=REPORT_HELP, short_help="Judge a finished model, beside baselines.")(report)
    model_app.command("refresh", help=REFRESH_HELP, short_help="Train anew, and promote what is better.")(refresh)
    alerts_app.command("run", help=ALERTS_RUN_HELP, short_help="Watch by the rules, in the cluster.")(alerts_run)
    app.add_typer(model_app, name="model")
    app.command("serve-model", help=SERVE_MODEL_HELP, short_help="Serve the model alone over HTTP.")(serve_model)
    app.add_typer(datasets_app, name="datasets")
    app.command("forget", help=FORGET_HELP, short_help="Remove a person everywhere.")(forget)
    app.add_typer(kibana_app, name="kibana")
    app.command("stream", help=STREAM_HELP, short_help="Score, in the cluster.")(stream)
    app.command("web", help=WEB_HELP, short_help="Serve the page, in the cluster.")(web)
    app.add_typer(topics_app, name="topics")
    app.add_typer(index_app, name="index")
    app.add_typer(dead_letter_app, name="dead-letter")
    app.add_typer(config_app, name="config")
    app.command("doctor", help=DOCTOR_HELP, short_help="Check everything, and say what to do.")(doctor)
    return app
