"""`riskwire ingest`: only the loop, onto the log."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, settings_from
from riskwire.cli.output import write_rows
from riskwire.cli.up import OUTCOME_CSV, OUTCOME_TABLE, new_run_id, secret

HELP = """Poll the sources onto the log and score nothing: no model is loaded. Ctrl-C stops it; nothing is lost.

What waits on the log is scored by the next `riskwire up` on the same folder. --once polls every source once, prints one
row each and leaves; streams are left out then.

Example: riskwire ingest --feeds feeds.toml

Example: riskwire ingest --once --format jsonl
"""


def ingest(
    feeds: Annotated[Path | None, typer.Option("--feeds", metavar="FILE", help="Feeds to poll, TOML or OPML.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Poll once, print one row a source, leave.")] = False,
    allow_local_files: Annotated[
        bool | None, typer.Option("--allow-local-files", help="Read file: feeds, too.", show_default=False)
    ] = None,
    allow_private_addresses: Annotated[
        bool | None,
        typer.Option(
            "--allow-private-addresses", help="Fetch from local and private addresses, too.", show_default=False
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Run until a signal comes, or once."""
    from ingest.documents.authors import author_key
    from ingest.feeds.list import load_sources
    from ingest.run import IngestLoop, all_refused
    from riskwire.cli.supervise import supervise
    from riskwire.cli.wiring import open_store
    from riskwire.clock import SystemClock
    from riskwire.wire import to_builtins
    from stream.sqlite.lock import only_one

    settings = settings_from(
        config,
        data,
        ingest={
            "feeds": feeds,
            "allow_local_files": allow_local_files or None,
            "allow_private_addresses": allow_private_addresses or None,
        },
    )
    sources = load_sources(settings.feeds_file)
    with ExitStack() as stack:
        stack.enter_context(only_one(settings.folder))
        store = stack.enter_context(open_store(settings, kind="live"))
        key = author_key(settings.folder, secret(settings.ingest.author_key))
        loop = IngestLoop(
            settings.ingest, sources, store.log, store.log, store.sources, SystemClock(), new_run_id(), author_key=key
        )
        if not once:
            asyncio.run(supervise({"ingest": loop.run}, asyncio.Event()))
            return
        outcomes = asyncio.run(loop.once())
    rows = [to_builtins(outcome) for outcome in outcomes]
    write_rows(rows, style, table=OUTCOME_TABLE, csv_columns=OUTCOME_CSV, empty="no source to poll")
    if all_refused(outcomes):
        raise typer.Exit(2)
