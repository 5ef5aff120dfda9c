"""Stories sent by the code in docs/api.md are in the index; a forged or repeated request is refused."""

from __future__ import annotations

import json
import re
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from program import Cli, Up, feeds_file, wait_for

SECRET = "a-secret-of-the-tests"
API = Path(__file__).parents[2] / "docs" / "api.md"


def documented() -> Callable[..., Any]:
    """The function `send` of the documentation, as it stands there."""
    block = re.search(r"```python\n(.*?)```", API.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    names: dict[str, Any] = {}
    exec(block.group(1), names)
    return names["send"]


def test_the_documented_sender(cli: Cli, up: Callable[..., Up], tmp_path: Path) -> None:
    cli.extra |= {"RISKWIRE_INGEST__WEBHOOK_SECRET": SECRET}
    running = up("--feeds", feeds_file(tmp_path / "feeds.toml", {"a": "https://feeds.example/a"})).healthy()
    send = documented()
    story = {"source": "desk", "guid": "1", "title": "Goldman Sachs raises its outlook after record profit"}
    with send(running.url, SECRET, story) as answer:
        assert answer.status == 202
        (identifier,) = json.load(answer)["ids"]
    wait_for(lambda: len(cli.stories()) == 1, 10)
    (row,) = cli.stories()
    assert (row["id"], row["origin"], row["revision"], row["sentiment"]["label"]) == (
        identifier,
        "webhook",
        1,
        "positive",
    )
    assert row["symbols"] == ["GS"]

    with send(running.url, SECRET, story | {"title": "Goldman Sachs cuts its outlook after heavy losses"}) as answer:
        assert json.load(answer)["corrected"] == 1
    wait_for(lambda: cli.stories()[0]["revision"] == 2, 10)
    assert cli.stories()[0]["sentiment"]["label"] == "negative"

    with pytest.raises(urllib.error.HTTPError) as forged:
        send(running.url, "another secret", story)
    with forged.value as error:
        assert error.code == 401
    assert len(cli.stories()) == 1
    assert running.stop() == 0
    assert SECRET not in running.log.read_text()
