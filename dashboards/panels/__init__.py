"""Panels: each a Vega-Lite specification (features of 5.5) in a JSON file, over the flat rows of a named query.

The page draws them, and so will Kibana: a specification names its query in `usermeta.query` and its data `rows`, and
holds neither data nor colours of a page (those are its `params`, which the page may set).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


class Panel(msgspec.Struct, frozen=True):
    """A panel as its file says. `empty` is what to say where its query has no rows."""

    name: str
    title: str
    description: str
    query: str
    empty: str
    spec: dict[str, Any]


@cache
def load_panels() -> dict[str, Panel]:
    """Every panel of this package, by name (the file's)."""
    panels = {}
    for entry in sorted(files(__name__).iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".json"):
            name = entry.name.removesuffix(".json")
            panels[name] = _panel(name, json.loads(entry.read_text(encoding="utf-8")))
    return panels


def _panel(name: str, spec: dict[str, Any]) -> Panel:
    meta = spec["usermeta"]
    return Panel(name, meta["title"], spec["description"], meta["query"], meta["empty"], spec)
