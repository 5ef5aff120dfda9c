"""What the commands share: options, formats, and the settings made of flags, variables and file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from riskwire import log
from riskwire.errors import ConfigError
from riskwire.settings import Settings, load


class Format(StrEnum):
    """How rows are written on stdout."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"


DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The folder in which everything is kept (or RISKWIRE_DATA)."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration file (default: ./riskwire.toml, if it is there)."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How rows are written.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many rows.")]


def settings_from(config: Path | None = None, data: Path | None = None, **overrides: Any) -> Settings:
    """Settings with these flags on top, and the log set up by them.

    `overrides` are sections, `web={"port": 1}`; values that are None were not given and are left out.
    """
    flags: dict[str, Any] = {} if data is None else {"data": data}
    for section, values in overrides.items():
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            flags[section] = given
    settings = load(config, flags)
    log.hide(settings.secrets())
    log.configure(settings.log.level, settings.log.format)
    return settings


def cluster_settings(config: Path | None = None, data: Path | None = None, **overrides: Any) -> Settings:
    """The same for a command that needs the cluster. Raises ConfigError in the one-machine setting."""
    settings = settings_from(config, data, **overrides)
    if not settings.kafka.bootstrap_servers:
        raise ConfigError(
            "are empty, and this command is of the cluster",
            about="kafka.bootstrap_servers, elasticsearch.url",
            hint="Set both (`make services` starts both on this machine); on one machine `riskwire up` does it all.",
        )
    return settings
