"""What Kibana would choke on, found without a Kibana. Each finding is one line; none is well."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from dashboards.kibana.fields import ALERT_FIELDS, ALERTS, STORY_FIELDS, Kind
from dashboards.kibana.objects import CORE_VERSION, TYPE_VERSIONS, Object

_KEYS = {"type", "id", "attributes", "references", "coreMigrationVersion", "typeMigrationVersion", "managed"}
_DASHBOARD = {
    "title",
    "description",
    "kibanaSavedObjectMeta",
    "panelsJSON",
    "optionsJSON",
    "timeRestore",
    "timeFrom",
    "timeTo",
    "refreshInterval",
    "controlGroupInput",
    "version",
    "hits",
}
#: What each operation can be asked of. Kibana says «field of the wrong type» otherwise, in the panel.
_TAKES: dict[str, set[Kind]] = {
    "terms": {"string", "boolean", "number"},
    "date_histogram": {"date"},
    "average": {"number"},
    "max": {"number", "date"},
}
_GRID = 48


def problems(lines: bytes) -> list[str]:
    """Everything that is wrong with a file of saved objects."""
    found: list[str] = []
    objects: list[Object] = []
    for number, line in enumerate(lines.decode().splitlines(), start=1):
        try:
            one = json.loads(line)
        except json.JSONDecodeError as error:
            found.append(f"line {number}: no JSON ({error})")
            continue
        if not isinstance(one, dict) or set(one) != _KEYS:
            found.append(f"line {number}: keys are not {sorted(_KEYS)}")
            continue
        objects.append(one)
    known = Counter((one["type"], one["id"]) for one in objects)
    found += [f"{kind}:{name}: there {n} times" for (kind, name), n in known.items() if n > 1]
    for one in objects:
        try:
            found += [f"{one['type']}:{one['id']}: {what}" for what in _of_one(one, set(known))]
        except (KeyError, TypeError, ValueError) as error:
            found.append(f"{one['type']}:{one['id']}: {type(error).__name__}: {error}")
    return found


def _of_one(one: Object, known: set[tuple[str, str]]) -> Iterator[str]:
    kind = one["type"]
    if kind not in TYPE_VERSIONS:
        yield "a type that is not known here"
        return
    if (one["coreMigrationVersion"], one["typeMigrationVersion"]) != (CORE_VERSION, TYPE_VERSIONS[kind]):
        yield "versions are not those that every 8.15 reads"
    names = Counter(reference["name"] for reference in one["references"])
    yield from (f"reference {name} twice" for name, n in names.items() if n > 1)
    for reference in one["references"]:
        if (reference["type"], reference["id"]) not in known:
            target = f"{reference['type']}:{reference['id']}"
            yield f"reference {reference['name']} leads to {target}, which is not in the file"
    meta = one["attributes"].get("kibanaSavedObjectMeta")
    if meta is not None:
        source = json.loads(meta["searchSourceJSON"])
        if "indexRefName" in source and source["indexRefName"] not in names:
            yield f"no reference {source['indexRefName']}"
    yield from _CHECKS[kind](one)


def _data_view(one: Object) -> Iterator[str]:
    attributes = one["attributes"]
    if _kinds(attributes["title"]).get(attributes["timeFieldName"]) != "date":
        yield f"{attributes['timeFieldName']} is no date of {attributes['title']}"
    for key in ("fields", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "typeMeta", "sourceFilters"):
        json.loads(attributes[key])


def _visualization(one: Object) -> Iterator[str]:
    state = json.loads(one["attributes"]["visState"])
    json.loads(one["attributes"]["uiStateJSON"])
    if state["type"] == "markdown":
        if not state["params"]["markdown"]:
            yield "says nothing"
        return
    spec = json.loads(state["params"]["spec"])
    if not spec["$schema"].endswith("/vega-lite/v5.json"):
        yield f"schema is {spec['$schema']}"
    data = spec["data"]
    if "values" in data or not data["format"]["property"]:
        yield "must have a url and the path of its rows, and no values"
    clauses = json.dumps(data["url"]["body"]["query"])
    for word in ("must", "filter", "must_not"):
        if f'"%dashboard_context-{word}_clause%"' not in clauses:
            yield f"ignores the dashboard's {word} clause"


def _search(one: Object) -> Iterator[str]:
    if not one["references"]:
        yield "names no data view"
    if not one["attributes"]["columns"]:
        yield "has no columns"


def _lens(one: Object) -> Iterator[str]:
    state = one["attributes"]["state"]
    layers = state["datasourceStates"]["formBased"]["layers"]
    views = {
        reference["name"].removeprefix("indexpattern-datasource-layer-"): reference["id"]
        for reference in one["references"]
    }
    drawn = state["visualization"]
    shown = {layer["layerId"] for layer in drawn.get("layers", [drawn])}
    if not set(layers) == set(views) == shown:
        yield f"layers differ: {sorted(layers)} in the state, {sorted(views)} in references, {sorted(shown)} drawn"
        return
    for name, layer in layers.items():
        columns, order = layer["columns"], layer["columnOrder"]
        if sorted(order) != sorted(columns):
            yield f"columnOrder {order} is not the columns {sorted(columns)}"
            continue
        buckets = [columns[key]["isBucketed"] for key in order]
        if buckets != sorted(buckets, reverse=True):
            yield "buckets must come first"
        kinds = _kinds(views[name])
        for key, column in columns.items():
            yield from _column(key, column, columns, kinds)
    for accessor in _accessors(drawn):
        if not any(accessor in layer["columns"] for layer in layers.values()):
            yield f"draws column {accessor}, which is not there"


def _column(key: str, column: dict[str, Any], columns: dict[str, Any], kinds: dict[str, Kind]) -> Iterator[str]:
    operation, field = column["operationType"], column["sourceField"]
    if operation == "count":
        if field != "___records___":
            yield f"column {key}: counts {field}"
    elif field not in kinds:
        yield f"column {key}: {field} is no flat field"
    elif kinds[field] not in _TAKES[operation]:
        yield f"column {key}: {operation} can't take {field}, a {kinds[field]}"
    ordered = column["params"].get("orderBy", {}).get("columnId")
    if ordered is not None and ordered not in columns:
        yield f"column {key}: ordered by {ordered}, which is not there"


def _accessors(drawn: dict[str, Any]) -> Iterator[str]:
    for layer in drawn.get("layers", [drawn]):
        for key in ("xAccessor", "splitAccessor", "metricAccessor"):
            if key in layer:
                yield layer[key]
        for key in ("accessors", "primaryGroups", "metrics"):
            yield from layer.get(key, [])
        yield from (column["columnId"] for column in layer.get("columns", []))


def _dashboard(one: Object) -> Iterator[str]:
    attributes = one["attributes"]
    if unknown := set(attributes) - _DASHBOARD:
        yield f"attributes that 8.15 refuses: {sorted(unknown)}"
    json.loads(attributes["optionsJSON"])
    panels = json.loads(attributes["panelsJSON"])
    references = {reference["name"]: reference for reference in one["references"]}
    wanted = set()
    for panel in panels:
        index, grid = panel["panelIndex"], panel["gridData"]
        if grid["i"] != index or grid["x"] + grid["w"] > _GRID or min(grid["w"], grid["h"]) < 1:
            yield f"panel {index} does not fit the grid"
        name = f"{index}:{panel['panelRefName']}"
        wanted.add(name)
        if name not in references:
            yield f"panel {index} has no reference {name}"
        elif references[name]["type"] != panel["type"]:
            yield f"panel {index} is a {panel['type']}, its reference a {references[name]['type']}"
    if len({panel["panelIndex"] for panel in panels}) != len(panels):
        yield "two panels have one index"
    for a, b in combinations((panel["gridData"] for panel in panels), 2):
        if (
            a["x"] < b["x"] + b["w"]
            and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"]
            and b["y"] < a["y"] + a["h"]
        ):
            yield f"panels {a['i']} and {b['i']} overlap"
    if "controlGroupInput" in attributes:
        group = attributes["controlGroupInput"]
        json.loads(group["ignoreParentSettingsJSON"])
        for name, control in json.loads(group["panelsJSON"]).items():
            reference = f"controlGroup_{name}:optionsListDataView"
            wanted.add(reference)
            field = control["explicitInput"]["fieldName"]
            if reference not in references:
                yield f"control {name} has no data view"
            elif _kinds(references[reference]["id"]).get(field) != "string":
                yield f"control {name}: {field} is no keyword"
    yield from (f"reference {name} is used by nothing" for name in sorted(set(references) - wanted))


def _kinds(view: str) -> dict[str, Kind]:
    return ALERT_FIELDS if view.startswith(ALERTS) else STORY_FIELDS


_CHECKS: dict[str, Callable[[Object], Iterator[str]]] = {
    "index-pattern": _data_view,
    "visualization": _visualization,
    "search": _search,
    "lens": _lens,
    "dashboard": _dashboard,
}
