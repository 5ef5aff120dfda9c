"""A panel as a Vega visualization: the panel's own specification over the flattened answer of its query."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from dashboards.kibana.bodies import QUERIES
from dashboards.kibana.objects import Object, text, visualization
from dashboards.panels import Panel

#: Kibana fits a single view into its panel, but not several joined ones: those need numbers.
_JOINED = ("vconcat", "hconcat", "concat", "facet", "repeat")
_JOINED_WIDTH = 640


def kibana_spec(panel: Panel) -> dict[str, Any]:
    """The specification as Kibana takes it, in features of Vega-Lite 5.5."""
    query = QUERIES[panel.query]
    spec = deepcopy(panel.spec)
    spec.pop("usermeta", None)
    spec["data"] = {
        "name": "rows",
        "url": {"index": query.index, "body": deepcopy(query.body)},
        "format": {"property": query.path},
    }
    spec["transform"] = [*deepcopy(query.transforms), *spec.get("transform", [])]
    if any(key in spec for key in _JOINED):
        for view in spec.get("vconcat", []):
            view["width"] = _JOINED_WIDTH
    else:
        # Kibana fills its panel, and warns of sizes that it does not use.
        spec.pop("width", None)
        spec.pop("height", None)
    if any(transform.get("as") == "rank" for one in query.transforms for transform in one.get("window", [])):
        _sort_by_rank(spec)
    return spec


def _sort_by_rank(node: Any) -> None:
    """Rows of the port come in order; those of an aggregation only have a rank. `sort: null` (as they come) → by it."""
    if isinstance(node, dict):
        if "sort" in node and node["sort"] is None:
            node["sort"] = {"field": "rank", "op": "min", "order": "ascending"}
        for value in node.values():
            _sort_by_rank(value)
    elif isinstance(node, list):
        for value in node:
            _sort_by_rank(value)


def vega(panel: Panel) -> Object:
    """The saved object."""
    return visualization(
        f"riskwire-{panel.name.replace('_', '-')}",
        title=panel.title,
        description=panel.description,
        kind="vega",
        params={"spec": text(kibana_spec(panel))},
    )
