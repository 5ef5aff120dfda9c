"""Write docs/configuration.md, docs/commands.md and docs/metrics.md from the code. `--check` says whether they are
fresh."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import typer

from riskwire import metrics
from riskwire.cli.app import build_app
from riskwire.settings import describe

DOCS = Path(__file__).parents[1] / "docs"
NOTE = "<!-- made by `make docs`; do not edit -->\n"


def configuration() -> str:
    """Every setting."""
    lines = [
        "# Configuration",
        NOTE,
        "`riskwire.toml` in the folder you start from, or `--config FILE` (`RISKWIRE_CONFIG`); over it variables,",
        "`RISKWIRE_WEB__PORT` for `web.port`; overridden by flags. Unknown keys are refused by name and line.",
        "`riskwire config show` prints what is in force, with secrets masked.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{key}` | {f'`{default}`' if default else ''} | {meaning} |" for key, _, default, meaning in describe()
    ]
    return "\n".join(lines) + "\n"


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    for child_name, child in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(child, f"{name} {child_name}")


def commands() -> str:
    """The help of every command."""
    lines = [
        "# Commands",
        NOTE,
        "Data goes to stdout, progress and logs to stderr. Exit codes: 0 done, 1 failed, 2 used wrongly.",
        "",
    ]
    for name, command in _commands(typer.main.get_command(build_app()), "riskwire"):
        context = click.Context(command, info_name=name, terminal_width=100, max_content_width=100, color=False)
        lines += [f"## {name}", "", "```text", command.get_help(context).rstrip(), "```", ""]
    return "\n".join(lines)


def metrics_page() -> str:
    """Every metric."""
    lines = [
        "# Metrics",
        NOTE,
        "`/metrics` of the web process, in Prometheus' text format.",
        "",
        "| name | type | meaning |",
        "|---|---|---|",
    ]
    lines += [f"| `{family.name}` | {family.type} | {family.documentation} |" for family in metrics.REGISTRY.collect()]
    return "\n".join(lines) + "\n"


PAGES = {"configuration.md": configuration, "commands.md": commands, "metrics.md": metrics_page}


def main() -> int:
    """Write the pages, or with `--check` name the stale ones and return 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"stale: {', '.join(stale)}; run `make docs`")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
