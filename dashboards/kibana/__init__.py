"""Kibana's dashboards as code: saved objects for its import API, built from the panels and from flat fields.

`build` makes them, `check` says what Kibana would choke on, `install` posts them; `saved_objects.ndjson` is the built
file as committed, and a test holds it fresh. Formats: Kibana 8.15 and later (docs/kibana.md).
"""

from __future__ import annotations

from importlib.resources import files

from dashboards.kibana.boards import build
from dashboards.kibana.objects import to_ndjson

__all__ = ["SAVED_OBJECTS", "build", "committed", "to_ndjson"]

#: The committed file, as imported.
SAVED_OBJECTS = "saved_objects.ndjson"


def committed() -> bytes:
    """The bytes of the committed file."""
    return (files(__name__) / SAVED_OBJECTS).read_bytes()
