"""`riskwire alerts run`: the alert engine of the cluster."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, cluster_settings

HELP = """Watch the scored topic by the rules, and tell people.

One process reads all partitions; its place is kept in Kafka, its windows are rebuilt from the topic at each start, and
what was said to whom is kept in its data folder. Run one of it.

Example: riskwire alerts run --rules rules.yml
"""


def run(
    rules: Annotated[Path | None, typer.Option("--rules", metavar="FILE", help="Alert rules.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Run until a signal comes."""
    settings = cluster_settings(config, data, alerts={"rules": rules})
    from alerts.build import build_notifiers
    from alerts.engine import AlertEngine
    from alerts.loader import load_rules
    from models.symbols import SymbolLinker
    from riskwire.cli.cluster import ClusterStore
    from riskwire.cli.supervise import supervise
    from riskwire.clock import SystemClock
    from stream.sqlite.lock import only_one

    loaded = load_rules(settings.alerts.rules)
    with ExitStack() as stack:
        stack.enter_context(only_one(settings.folder / "alerts"))
        store = stack.enter_context(ClusterStore(settings, "alerts"))
        engine = AlertEngine(
            rules=loaded,
            scored=store.scored,
            store=store.alerts,
            offsets=store.offsets,
            notices=store.notifications,
            notifiers=build_notifiers(settings.alerts),
            clock=SystemClock(),
            settings=settings.alerts,
            base_url=settings.web.public_url or f"http://{settings.web.host}:{settings.web.port}",
            names=SymbolLinker.default(settings.model.symbols).names,
            healths=store.sources,
            health_offsets=store.health_offsets,
        )
        asyncio.run(supervise({"alerts": engine.run}, asyncio.Event()))
