"""`riskwire ingest`: poll the sources, and hand their stories to the workers."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, cluster_settings

HELP = """Poll the feeds and put what is new on the documents topic.

What was accepted lies in a spool in the data folder until Kafka has stored it: Kafka may be away, and the process be
killed, and nothing is lost. Run one of it a data folder. SIGTERM empties the spool if Kafka takes it.

Example: riskwire ingest --feeds feeds.toml --data /var/lib/riskwire/ingest
"""


def ingest(
    feeds: Annotated[Path | None, typer.Option("--feeds", metavar="FILE", help="Feeds to poll, TOML or OPML.")] = None,
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
) -> None:
    """Run until a signal comes."""
    settings = cluster_settings(
        config,
        data,
        ingest={
            "feeds": feeds,
            "allow_local_files": allow_local_files or None,
            "allow_private_addresses": allow_private_addresses or None,
        },
    )
    from ingest.authors import author_key
    from ingest.feeds import load_sources
    from ingest.intake import Intake
    from ingest.run import IngestLoop
    from riskwire.cli.cluster import ClusterStore
    from riskwire.cli.supervise import supervise
    from riskwire.cli.up import new_run_id, secret
    from riskwire.clock import SystemClock
    from stream.sqlite.lock import only_one

    sources = load_sources(settings.ingest.feeds)
    clock = SystemClock()
    with ExitStack() as stack:
        stack.enter_context(only_one(settings.folder))
        store = stack.enter_context(ClusterStore(settings, "ingest"))
        spool, known = store.own.log, store.known
        loop = IngestLoop(
            settings.ingest,
            sources,
            spool,
            known,
            store.sources,
            clock,
            new_run_id(),
            author_key=author_key(settings.folder, secret(settings.ingest.author_key)),
            intake=Intake(spool, known),
        )
        forwarder = store.forwarder(clock)

        async def run() -> None:
            polled = asyncio.Event()

            async def poll(stop: asyncio.Event) -> None:
                try:
                    await loop.run(stop)
                finally:
                    polled.set()

            async def forward(_: asyncio.Event) -> None:
                # It ends after the polling, so that nothing is put into the spool behind its back.
                await forwarder.run(polled)

            await supervise({"ingest": poll, "spool": forward}, asyncio.Event())

        asyncio.run(run())
