"""`riskwire web`: the page and the API over the cluster's index."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, cluster_settings

HELP = """Serve the page and the API at http://127.0.0.1:8600, over what the workers have written.

With ingest.webhook_secret it also takes signed stories, by a spool of its own in the data folder.

Example: riskwire web

Example: riskwire web --host 0.0.0.0 --port 8600
"""


def web(
    host: Annotated[
        str | None, typer.Option("--host", help="Address of the page; beyond the loopback a token is demanded.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of the page; 0 takes a free one.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Run until a signal comes."""
    settings = cluster_settings(config, data, web={"host": host, "port": port})
    from dashboards.web.app import Health, create_app
    from dashboards.web.security import check_bind
    from riskwire.cli.cluster import ClusterStore
    from riskwire.cli.inlet import Inlet
    from riskwire.cli.page import bind, model_in_words, web_part
    from riskwire.cli.supervise import Part, supervise
    from riskwire.cli.wiring import watch_model
    from riskwire.clock import SystemClock
    from riskwire.errors import StorageError
    from stream.sqlite.lock import only_one

    check_bind(settings.web)
    clock = SystemClock()
    folder: Path = settings.folder / "web"
    with ExitStack() as stack:
        stack.enter_context(only_one(folder))
        listener = stack.enter_context(bind(settings.web.host, settings.web.port))
        store = stack.enter_context(ClusterStore(settings, "web", folder=folder))
        scorer, _ = stack.enter_context(watch_model(settings.model))
        forwarder = store.forwarder(clock)

        def health() -> Health:
            parts = {"model": model_in_words(scorer)}
            ready = True
            try:
                store.index.held(["-"])
                parts["index"] = "well"
            except StorageError as error:
                ready, parts["index"] = False, str(error)
            parts["spool"] = "well" if forwarder.last_error is None else str(forwarder.last_error)
            return Health(ready=ready and forwarder.last_error is None, parts=parts)

        app = create_app(
            index=store.index,
            scored=store.scored,
            alerts=store.alerts,
            sources=store.sources,
            settings=settings.web,
            health=health,
            scorer=scorer,
            extra_routes=[Inlet(settings, store, clock).webhook()],
        )
        parts: dict[str, Part] = {"page": web_part(app, settings.web, listener), "spool": forwarder.run}
        typer.echo(f"page    http://{settings.web.host}:{listener.getsockname()[1]}", err=True)
        asyncio.run(supervise(parts, asyncio.Event()))
