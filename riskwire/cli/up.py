"""`riskwire up`: everything on one machine, in one process."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, short, write_rows
from riskwire.errors import UsageError
from riskwire.settings import Settings

HELP = """Poll the feeds, score what they bring, raise alerts and serve the page at http://127.0.0.1:8600.

Everything runs in this process and is kept in one folder. Ctrl-C stops it; nothing is lost, and the next start goes on
from there. --demo polls nothing and replays three invented days. --once polls every feed once, processes what came
without alerts or page, prints one row a feed and leaves.

Example: riskwire up --demo

Example: riskwire up --feeds feeds.opml --data ~/riskwire

Example: riskwire up --once --format jsonl
"""

OUTCOME_TABLE = (
    ("feed", field("name")),
    ("outcome", field("outcome")),
    ("entries", field("entries")),
    ("new", field("new")),
    ("error", lambda row: short(row["error"], 120)),
)
OUTCOME_CSV = tuple((name, field(name)) for name in ("name", "outcome", "entries", "new", "error"))


def up(
    feeds: Annotated[Path | None, typer.Option("--feeds", metavar="FILE", help="Feeds to poll, TOML or OPML.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Replay the bundled demo and poll nothing.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Poll once, process, print one row a feed, leave.")] = False,
    allow_local_files: Annotated[
        bool | None, typer.Option("--allow-local-files", help="Read file: feeds, too.", show_default=False)
    ] = None,
    allow_private_addresses: Annotated[
        bool | None,
        typer.Option(
            "--allow-private-addresses", help="Fetch from local and private addresses, too.", show_default=False
        ),
    ] = None,
    rules: Annotated[Path | None, typer.Option("--rules", metavar="FILE", help="Alert rules.")] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address of the page; beyond the loopback a token is demanded.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of the page; 0 takes a free one.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    limit: LimitOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Run until a signal comes, or once."""
    settings = settings_from(
        config,
        data,
        ingest={
            "feeds": feeds,
            "allow_local_files": allow_local_files or None,
            "allow_private_addresses": allow_private_addresses or None,
        },
        alerts={"rules": rules},
        web={"host": host, "port": port},
    )
    if demo and (once or feeds is not None):
        raise UsageError("--demo goes with neither --once nor --feeds")
    if once:
        _once(settings, style, limit)
    else:
        from riskwire.cli.serve import serve

        serve(_demo_folder(settings) if demo else settings, demo=demo)


def _demo_folder(settings: Settings) -> Settings:
    """The demo has a folder of its own unless one was named, so that trying it never stands in the way of the real."""
    if "data" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"data": Path(f"{settings.data}-demo")})


def _once(settings: Settings, style: Format, limit: int | None) -> None:
    from ingest.feeds.list import load_sources
    from riskwire.cli.inlet import Inlet
    from riskwire.cli.wiring import load_scorer, open_local
    from riskwire.clock import SystemClock
    from riskwire.wire import to_builtins
    from stream.local import Processor
    from stream.sqlite.lock import only_one

    sources = load_sources(settings.feeds_file)
    clock = SystemClock()
    with ExitStack() as stack:
        stack.enter_context(only_one(settings.folder))
        store = stack.enter_context(open_local(settings, kind="live"))
        scorer, linker = load_scorer(settings.model)
        processor = stack.enter_context(
            Processor(
                store.log,
                store.index,
                store.scored,
                scorer,
                linker,
                clock,
                settings.stream,
                languages=settings.model.languages,
            )
        )
        loop = Inlet(settings, store, clock).loop(sources)

        async def poll_and_process() -> list[dict[str, object]]:
            outcomes = await loop.once()
            await processor.drain()
            return [to_builtins(outcome) for outcome in outcomes]

        outcomes = asyncio.run(poll_and_process())
    write_rows(outcomes, style, limit=limit, table=OUTCOME_TABLE, csv_columns=OUTCOME_CSV, empty="no feed to poll")
    if outcomes and all(row["outcome"] == "refused" for row in outcomes):
        raise typer.Exit(2)
