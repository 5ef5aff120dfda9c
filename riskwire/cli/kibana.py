"""`riskwire kibana`"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from riskwire.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Build, check and import Kibana's dashboards.")

BUILD_HELP = """Write the saved objects of Kibana's dashboards as NDJSON, to a file or to stdout.

Example: riskwire kibana build --output dashboards.ndjson
"""
CHECK_HELP = """Say what Kibana would choke on in a file of saved objects; without a file, in those that ship.

Example: riskwire kibana check

Example: riskwire kibana check dashboards.ndjson
"""
IMPORT_HELP = """Import the dashboards into a Kibana 8, as soon as it is up. The same again changes nothing.

Who we are to it is read from the environment: KIBANA_API_KEY, or KIBANA_USERNAME and KIBANA_PASSWORD.

Example: riskwire kibana import --url http://127.0.0.1:5601
"""

FileArgument = Annotated[Path | None, typer.Argument(help="NDJSON; the one that ships if left out.")]


@app.command("build", help=BUILD_HELP, short_help="Write the saved objects.")
def build(
    output: Annotated[Path | None, typer.Option("--output", help="File to write; stdout if left out.")] = None,
) -> None:
    """Build them from the panels."""
    from dashboards.kibana import build as build_objects
    from dashboards.kibana import to_ndjson

    lines = to_ndjson(build_objects())
    if output is None:
        typer.echo(lines.decode(), nl=False)
    else:
        output.write_bytes(lines)


@app.command("check", help=CHECK_HELP, short_help="Check saved objects.")
def check(file: FileArgument = None) -> None:
    """Print what is wrong; exit code 1 if anything is."""
    from dashboards.kibana.check import problems

    lines = _read(file)
    found = problems(lines)
    for problem in found:
        typer.echo(f"riskwire: {problem}", err=True)
    if found:
        raise typer.Exit(1)
    typer.echo(f"{file or 'the dashboards that ship'}: {len(lines.splitlines())} saved objects, all well")


@app.command("import", help=IMPORT_HELP, short_help="Import the dashboards into Kibana.")
def import_(
    file: FileArgument = None,
    url: Annotated[str, typer.Option("--url", envvar="KIBANA_URL", help="Its address.")] = "http://127.0.0.1:5601",
    space: Annotated[str, typer.Option("--space", envvar="KIBANA_SPACE", help="Space; the default one if empty.")] = "",
    username: Annotated[str, typer.Option("--username", envvar="KIBANA_USERNAME", help="User.")] = "",
    password: Annotated[str, typer.Option(envvar="KIBANA_PASSWORD", hidden=True)] = "",
    api_key: Annotated[str, typer.Option(envvar="KIBANA_API_KEY", hidden=True)] = "",
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", envvar="KIBANA_CA_FILE", help="CA certificates, if not the system's.")
    ] = None,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for Kibana.")] = 300,
) -> None:
    """Post them; exit code 1 unless every object was imported."""
    from dashboards.kibana.install import Access, install
    from riskwire import log

    log.hide([secret for secret in (password, api_key) if secret])
    log.configure("info", "auto")
    access = Access(
        url=url, api_key=api_key, username=username, password=password, ca_file=ca_file, space=space.strip("/")
    )
    n = asyncio.run(install(access, _read(file), wait=wait))
    typer.echo(f"{n} saved objects imported")


def _read(file: Path | None) -> bytes:
    from dashboards.kibana import committed

    if file is None:
        return committed()
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError("can't be read", about=str(file)) from error
