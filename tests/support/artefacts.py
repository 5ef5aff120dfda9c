"""Copies of the shipped model that differ in what their manifest says, sealed as their maker would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.artefact import MANIFEST, PRETRAINED, seal
from models.registry.production import Production
from models.registry.store import Registry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def reseal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest as someone would who knows how to seal it."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (folder / MANIFEST).write_bytes(seal(json.dumps(manifest, indent=1).encode()))


def altered(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy in `folder`."""
    shutil.copytree(PRETRAINED, folder)
    reseal(folder, change)
    return folder


def of_version(folder: Path, number: str) -> Path:
    """A copy that calls itself another version."""
    return altered(folder, lambda manifest: manifest.update(version=number))


def added(registry: Registry, folder: Path) -> tuple[str, str]:
    """The names of two versions, 9.1 and 9.2, that the registry has taken in."""
    return registry.add(of_version(folder / "one", "9.1")), registry.add(of_version(folder / "two", "9.2"))


def promote(registry: Registry, name: str) -> Production:
    """Into production, past the gate."""
    return registry.promote(name, reason="test", now=NOW)
