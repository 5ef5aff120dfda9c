"""docker-compose.yml as Compose reads it: variables filled in, anchors merged. Only what our file uses is known."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\}|(?P<other>\$)")


def variables() -> dict[str, tuple[str, str]]:
    """Every variable of the file → (how, rest): `:-` and its default, `:?` and what to say without it."""
    found = {}
    for match in _VARIABLE.finditer(FILE.read_text(encoding="utf-8")):
        assert match["other"] is None, "a dollar that is no ${VARIABLE}"
        found[match["name"]] = (match["how"] or "", match["rest"] or "")
    return found


def load(environment: dict[str, str]) -> dict[str, Any]:
    """The file with these variables. KeyError for one that is demanded and not there."""

    def fill(match: re.Match[str]) -> str:
        given = environment.get(match["name"], "")
        if given:
            return given
        if match["how"] == ":?":
            raise KeyError(match["name"])
        return match["rest"] or ""

    # Compose fills in values, not text; ours are plain scalars, so that it comes to the same.
    project: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(fill, FILE.read_text(encoding="utf-8")))
    return project


def read_env(path: Path) -> dict[str, str]:
    """An `.env` of NAME=value lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def new_secrets(path: Path) -> dict[str, str]:
    """What the documented one-liner writes to `path`."""
    subprocess.run(["sh", ROOT / "deploy/compose/secrets.sh", path], check=True, capture_output=True)
    return read_env(path)


def start_order(services: dict[str, Any]) -> list[str]:
    """Names, each after all that it depends on. ValueError for a circle."""
    order: list[str] = []
    while len(order) < len(services):
        ready = [
            name for name in services if name not in order and set(services[name].get("depends_on", {})) <= set(order)
        ]
        if not ready:
            raise ValueError(f"a circle among {sorted(set(services) - set(order))}")
        order += ready
    return order
