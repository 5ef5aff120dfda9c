"""`riskwire stream`: one worker of the cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, cluster_settings

HELP = """Score what comes on the documents topic, publish it on the scored topic and write it to the index.

One process is one worker; start as many as there are partitions, on as many machines as you like, and kill any of them
at any time: its partitions go to the others, nothing is lost and nothing is twice in the index. SIGTERM finishes what
is in hand. It exits non-zero when it stands still while documents wait: have it started again by whatever starts it.
The same as `faust -A stream.app worker`.

Example: riskwire stream

Example: riskwire stream --health-port 8601
"""


def stream(
    health_port: Annotated[
        int | None, typer.Option("--health-port", help="Loopback port of /healthz and /metrics; 0 takes a free one.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Run until a signal comes."""
    settings = cluster_settings(config, data, stream={"health_port": health_port})
    from stream.app import create_app
    from stream.worker.faust_app import run_worker

    run_worker(create_app(settings))
