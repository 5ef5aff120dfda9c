"""The envelopes of saved objects. Every version is written out: without it an import runs all migrations since 7.x,
and one that is newer than the server's fails the whole file (docs/kibana.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

Object = dict[str, Any]
Reference = dict[str, str]

CORE_VERSION = "8.8.0"
#: The oldest model version with all that is used here, by type: every 8.15 and later reads it.
TYPE_VERSIONS = {
    "index-pattern": "8.0.0",
    "visualization": "8.5.0",
    "lens": "8.9.0",
    "search": "8.0.0",
    "dashboard": "8.9.0",
}
_NO_QUERY = {"query": {"query": "", "language": "kuery"}, "filter": []}


def text(value: Any) -> str:
    """JSON inside JSON, in one spelling, so that two builds are the same bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def saved(kind: str, name: str, attributes: dict[str, Any], references: Sequence[Reference] = ()) -> Object:
    """One saved object. Its id is fixed: a second import replaces the first."""
    return {
        "type": kind,
        "id": name,
        "attributes": attributes,
        "references": list(references),
        "coreMigrationVersion": CORE_VERSION,
        "typeMigrationVersion": TYPE_VERSIONS[kind],
        "managed": False,
    }


def reference(kind: str, name: str, as_name: str) -> Reference:
    """A pointer from one saved object to another."""
    return {"type": kind, "id": name, "name": as_name}


def data_view(name: str, *, index: str, title: str, time_field: str) -> Object:
    """What Kibana reads: an alias and its time field."""
    attributes = {
        "title": index,
        "name": title,
        "timeFieldName": time_field,
        "fields": "[]",
        "fieldAttrs": "{}",
        "fieldFormatMap": "{}",
        "runtimeFieldMap": "{}",
        "typeMeta": "{}",
        "sourceFilters": "[]",
    }
    return saved("index-pattern", name, attributes)


def visualization(name: str, *, title: str, description: str, kind: str, params: dict[str, Any]) -> Object:
    """A visualization that is not Lens: `vega` or `markdown`."""
    attributes = {
        "title": title,
        "description": description,
        "version": 1,
        "visState": text({"title": title, "type": kind, "aggs": [], "params": params}),
        "uiStateJSON": "{}",
        "kibanaSavedObjectMeta": {"searchSourceJSON": text(_NO_QUERY)},
    }
    return saved("visualization", name, attributes)


def search(name: str, *, title: str, description: str, view: str, columns: Sequence[str], newest_by: str) -> Object:
    """A list of documents, newest first."""
    source = "kibanaSavedObjectMeta.searchSourceJSON.index"
    attributes = {
        "title": title,
        "description": description,
        "columns": list(columns),
        "sort": [[newest_by, "desc"]],
        "grid": {},
        "hideChart": True,
        "kibanaSavedObjectMeta": {"searchSourceJSON": text({**_NO_QUERY, "indexRefName": source})},
    }
    return saved("search", name, attributes, [reference("index-pattern", view, source)])


class Place(msgspec.Struct, frozen=True):
    """Where a panel stands on a dashboard: the grid is 48 wide; `target` is a saved object."""

    target: Object
    x: int
    y: int
    w: int
    h: int


def dashboard(
    name: str, *, title: str, description: str, places: Sequence[Place], since: str, controls: dict[str, str], view: str
) -> Object:
    """A dashboard of saved panels. `controls` are field → label of the lists that filter it, over the data view."""
    panels, references = [], []
    for number, place in enumerate(places, start=1):
        index, kind = str(number), place.target["type"]
        panels.append(
            {
                "type": kind,
                "panelIndex": index,
                "gridData": {"i": index, "x": place.x, "y": place.y, "w": place.w, "h": place.h},
                "embeddableConfig": {"enhancements": {}},
                "panelRefName": f"panel_{index}",
                "title": place.target["attributes"]["title"],
            }
        )
        references.append(reference(kind, place.target["id"], f"{index}:panel_{index}"))
    attributes: dict[str, Any] = {
        "title": title,
        "description": description,
        "panelsJSON": text(panels),
        "optionsJSON": text({"useMargins": True, "syncColors": False, "syncCursor": True, "syncTooltips": False}),
        "timeRestore": True,
        "timeFrom": since,
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": 30_000},
        "kibanaSavedObjectMeta": {"searchSourceJSON": text(_NO_QUERY)},
        "version": 1,
    }
    if controls:
        attributes["controlGroupInput"], more = _controls(controls, view)
        references += more
    return saved("dashboard", name, attributes, references)


def _controls(controls: dict[str, str], view: str) -> tuple[dict[str, Any], list[Reference]]:
    panels, references = {}, []
    for order, (field, label) in enumerate(controls.items()):
        name = f"control-{order + 1}"
        panels[name] = {
            "type": "optionsListControl",
            "order": order,
            "width": "medium",
            "grow": True,
            "explicitInput": {"id": name, "fieldName": field, "title": label, "selectedOptions": []},
        }
        references.append(reference("index-pattern", view, f"controlGroup_{name}:optionsListDataView"))
    ignore = {"ignoreFilters": False, "ignoreQuery": False, "ignoreTimerange": False, "ignoreValidations": False}
    group = {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "panelsJSON": text(panels),
        "ignoreParentSettingsJSON": text(ignore),
    }
    return group, references


def to_ndjson(objects: Iterable[Object]) -> bytes:
    """One compact object a line, as the import API takes it."""
    return "".join(text(one) + "\n" for one in objects).encode()
