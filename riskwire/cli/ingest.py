"""`riskwire ingest`: only the loop, onto the log of the setting."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, settings_from
from riskwire.cli.output import write_rows
from riskwire.cli.up import OUTCOME_CSV, OUTCOME_TABLE

if TYPE_CHECKING:
    from ingest.run import IngestLoop
    from riskwire.cli.supervise import Part
    from stream.kafka.spool import Forwarder

HELP = """Poll the sources onto the log and score nothing: no model is loaded. Ctrl-C stops it; nothing is lost.

On one machine, what waits on the log is scored by the next `riskwire up` on the same folder. In the cluster it goes to
the documents topic, for the workers; what was accepted lies in a spool in the data folder until Kafka has stored it,
so Kafka may be away and this process be killed. Run one of it a data folder. --once polls every source once, prints
one row each and leaves; streams are left out then.

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
    from ingest.feeds.list import load_sources
    from ingest.run import all_refused
    from riskwire.cli.inlet import Inlet
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
    clock = SystemClock()
    with ExitStack() as stack:
        stack.enter_context(only_one(settings.folder))
        store = open_store(settings, kind="live", client="ingest")
        stack.enter_context(store)
        loop = Inlet(settings, store, clock).loop(sources)
        forwarder = store.forwarder(clock)
        if not once:
            asyncio.run(supervise(_parts(loop, forwarder), asyncio.Event()))
            return
        outcomes = asyncio.run(loop.once())
        while forwarder is not None and forwarder.move():
            pass
    rows = [to_builtins(outcome) for outcome in outcomes]
    write_rows(rows, style, table=OUTCOME_TABLE, csv_columns=OUTCOME_CSV, empty="no source to poll")
    if all_refused(outcomes):
        raise typer.Exit(2)


def _parts(loop: IngestLoop, forwarder: Forwarder | None) -> dict[str, Part]:
    if forwarder is None:
        return {"ingest": loop.run}
    spooled, polled = forwarder, asyncio.Event()

    async def poll(stop: asyncio.Event) -> None:
        try:
            await loop.run(stop)
        finally:
            polled.set()

    async def forward(_: asyncio.Event) -> None:
        # It ends after the polling, so that nothing is put into the spool behind its back.
        await spooled.run(polled)

    return {"ingest": poll, "spool": forward}
