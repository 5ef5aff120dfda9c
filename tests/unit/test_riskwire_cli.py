"""The command line says what it does, with an example that it would take."""

import shlex
from collections.abc import Iterator

import click
import pytest
import typer

from riskwire.cli.app import build_app

ROOT = typer.main.get_command(build_app())


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    children: dict[str, click.Command] = getattr(command, "commands", {})
    if not children:
        yield path, command
    for name, child in children.items():
        yield from leaves(child, (*path, name))


COMMANDS = dict(leaves(ROOT))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_has_an_example_that_parses(path: tuple[str, ...]) -> None:
    help_text = COMMANDS[path].help or ""
    examples = [line.removeprefix("Example: ") for line in help_text.splitlines() if line.startswith("Example: ")]
    assert examples
    for example in examples:
        words = [word for word in shlex.split(example.split(">")[0]) if not word.startswith("RISKWIRE_")]
        assert tuple(words[1 : 1 + len(path)]) == path
        COMMANDS[path].make_context(path[-1], words[1 + len(path) :])


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_first_help_shows_it_with_an_example(path: tuple[str, ...]) -> None:
    assert f"  riskwire {' '.join(path)}" in (ROOT.help or "")


def test_listing_and_scoring_commands_take_format_and_limit() -> None:
    for path in (
        ("score",),
        ("search",),
        ("alerts", "list"),
        ("doctor",),
        ("config", "show"),
        ("model", "show"),
        ("up",),
    ):
        options = {option for parameter in COMMANDS[path].params for option in parameter.opts}
        assert {"--format", "--limit", "--data", "--config"} <= options
