"""Lens panels over flat fields: Lens drops nested and text fields, so companies are for Vega. No formulas: they need
hidden helper columns that only Kibana's editor writes right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboards.kibana.fields import Kind
from dashboards.kibana.objects import Object, reference, saved

LAYER = "layer"
Column = dict[str, Any]
Columns = dict[str, Column]

_COUNT = "___records___"


def count(label: str = "Stories", *, only: str = "") -> Column:
    """How many documents; `only` is a KQL filter."""
    return _metric("count", _COUNT, label, "number", only) | {"params": {"emptyAsNull": not only}}


def average(field: str, label: str) -> Column:
    """The mean of a number."""
    return _metric("average", field, label, "number")


def newest(field: str, label: str) -> Column:
    """The latest of a date."""
    return _metric("max", field, label, "date")


def over_time(field: str) -> Column:
    """Buckets over the dashboard's range."""
    return {
        "label": field,
        "dataType": "date",
        "operationType": "date_histogram",
        "sourceField": field,
        "scale": "interval",
        "isBucketed": True,
        "params": {"interval": "auto", "includeEmptyRows": True, "dropPartials": False},
    }


def top(field: str, label: str, *, size: int, by: str, kind: Kind = "string") -> Column:
    """The `size` values with the most of column `by`."""
    return {
        "label": label,
        "customLabel": True,
        "dataType": kind,
        "operationType": "terms",
        "sourceField": field,
        "scale": "ordinal",
        "isBucketed": True,
        "params": {
            "size": size,
            "orderBy": {"type": "column", "columnId": by},
            "orderDirection": "desc",
            "otherBucket": False,
            "missingBucket": False,
            "parentFormat": {"id": "terms"},
        },
    }


def _metric(operation: str, field: str, label: str, kind: Kind, only: str = "") -> Column:
    column: Column = {
        "label": label,
        "customLabel": True,
        "dataType": kind,
        "operationType": operation,
        "sourceField": field,
        "scale": "ratio",
        "isBucketed": False,
        "params": {"emptyAsNull": True},
    }
    return column | ({"filter": {"query": only, "language": "kuery"}} if only else {})


def lens(
    name: str, *, title: str, description: str, view: str, kind: str, columns: Columns, drawn: dict[str, Any],
    only: str = "",
) -> Object:  # fmt: skip
    """A Lens panel with one layer. `only` is a KQL filter over all of it."""
    order = sorted(columns, key=lambda key: not columns[key]["isBucketed"])  # buckets first; a stable sort
    layer = {"columns": columns, "columnOrder": order, "incompleteColumns": {}, "sampling": 1}
    attributes = {
        "title": title,
        "description": description,
        "visualizationType": kind,
        "state": {
            "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
            "filters": [],
            "query": {"query": only, "language": "kuery"},
            "internalReferences": [],
            "adHocDataViews": {},
            "visualization": drawn,
        },
    }
    return saved("lens", name, attributes, [reference("index-pattern", view, f"indexpattern-datasource-layer-{LAYER}")])


_DATA = {"layerId": LAYER, "layerType": "data"}


def bars(x: str, y: Sequence[str], *, split: str | None = None) -> dict[str, Any]:
    """lnsXY: stacked bars."""
    layer = {**_DATA, "seriesType": "bar_stacked", "xAccessor": x, "accessors": list(y)}
    if split is not None:
        layer["splitAccessor"] = split
    return {
        "preferredSeriesType": "bar_stacked",
        "legend": {"isVisible": True, "position": "right"},
        "valueLabels": "hide",
        "layers": [layer],
    }


def table(columns: Sequence[str]) -> dict[str, Any]:
    """lnsDatatable."""
    return {**_DATA, "columns": [{"columnId": column} for column in columns]}


def metric(column: str, *, color: str) -> dict[str, Any]:
    """lnsMetric."""
    return {**_DATA, "metricAccessor": column, "color": color}


def donut(group: str, column: str) -> dict[str, Any]:
    """lnsPie."""
    layer = {
        **_DATA,
        "primaryGroups": [group],
        "metrics": [column],
        "numberDisplay": "percent",
        "categoryDisplay": "default",
        "legendDisplay": "default",
    }
    return {"shape": "donut", "layers": [layer]}
