"""Fixtures of the acceptance tests; what they are made of is in tests/support/program.py."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from program import Cli, FeedServer, Up

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The captured data beside the checkout; a user's clone has none, CI must."""
    if not SHARED.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("../shared/data is missing")
        pytest.skip("needs the captured feeds in ../shared/data")
    return SHARED


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "data", tmp_path)


@pytest.fixture
def up(cli: Cli) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*args: object, command: str = "up") -> Up:
        started.append(Up(cli, *args, command=command))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    it = FeedServer()
    yield it
    it.close()
