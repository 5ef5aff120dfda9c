"""Kibana's dashboards without a Kibana: the file is fresh and sound, its fields are the index's, the check bites."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.kibana import build, committed, to_ndjson
from dashboards.kibana.bodies import QUERIES
from dashboards.kibana.check import problems
from dashboards.kibana.fields import ALERT_FIELDS, ALERTS, STORIES, STORY_FIELDS
from dashboards.panels import load_panels
from dashboards.panels import queries as port_queries
from stream.elastic import mapping

KINDS = {"keyword": "string", "date": "date", "float": "number", "double": "number", "long": "number"}


def objects() -> list[dict[str, Any]]:
    return [json.loads(line) for line in committed().splitlines()]


def test_the_committed_file_is_what_is_built() -> None:
    assert committed() == to_ndjson(build()), "riskwire kibana build --output dashboards/kibana/saved_objects.ndjson"


def test_kibana_would_choke_on_nothing() -> None:
    assert problems(committed()) == []


def test_the_three_dashboards_are_there() -> None:
    titles = [one["attributes"]["title"] for one in objects() if one["type"] == "dashboard"]
    assert titles == ["Riskwire: Market overview", "Riskwire: Alerts", "Riskwire: Pipeline"]


def test_every_panel_of_the_page_is_in_kibana() -> None:
    shown = {one["attributes"]["title"] for one in objects() if one["type"] == "visualization"}
    assert {panel.title for panel in load_panels().values()} <= shown
    assert set(port_queries.QUERIES) <= set(QUERIES)


def flat(properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Fields that Lens sees: not nested, not text, not switched off."""
    for name, field in properties.items():
        if field.get("type") == "nested" or field.get("enabled") is False:
            continue
        if "properties" in field:
            yield from flat(field["properties"], f"{prefix}{name}.")
        elif field["type"] in KINDS:
            yield prefix + name, KINDS[field["type"]]


@pytest.mark.parametrize(("kind", "named", "alias"), [
    (mapping.STORIES, STORY_FIELDS, STORIES),
    (mapping.ALERTS, ALERT_FIELDS, ALERTS),
])  # fmt: skip
def test_the_flat_fields_are_the_mappings(kind: Any, named: dict[str, str], alias: str) -> None:
    assert kind.alias("riskwire") == alias
    assert named.items() <= dict(flat(kind.mapping["properties"])).items()


def test_the_lists_show_fields_of_the_mapping() -> None:
    for one in objects():
        if one["type"] == "search":
            kind = mapping.ALERTS if one["references"][0]["id"] == ALERTS else mapping.STORIES
            known = set(dict(flat(kind.mapping["properties"]))) | {"title"}
            assert set(one["attributes"]["columns"]) <= known


def fields_of(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"field", "path"}:
                yield value
            elif key in {"range", "term"}:
                yield from value
            yield from fields_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from fields_of(value)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_the_fields_of_a_query_are_the_mappings(name: str) -> None:
    found = set(fields_of(QUERIES[name].body))
    assert len(found) >= 2
    for field in found:
        node: Any = {"properties": mapping.STORIES.mapping["properties"]}
        for part in field.split("."):
            node = node["properties"][part]


def change(kind: str, edit: Callable[[dict[str, Any]], object], name: str = "") -> bytes:
    """The file with one object of this type edited."""
    found = objects()
    one = next(one for one in found if one["type"] == kind and name in one["id"])
    edit(one)
    return to_ndjson(found)


def in_panels(edit: Callable[[list[dict[str, Any]]], object]) -> Callable[[dict[str, Any]], None]:
    def apply(one: dict[str, Any]) -> None:
        panels = json.loads(one["attributes"]["panelsJSON"])
        edit(panels)
        one["attributes"]["panelsJSON"] = json.dumps(panels)

    return apply


def columns(one: dict[str, Any]) -> dict[str, Any]:
    return one["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]["layer"]["columns"]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (committed()[:-20], "no JSON"),
        (committed() * 2, "there 2 times"),
        (change("lens", lambda one: one.pop("references")), "keys are not"),
        (change("lens", lambda one: one.update(typeMigrationVersion="10.0.0")), "versions"),
        (change("index-pattern", lambda one: one.update(id="other")), "which is not in the file"),
        (change("index-pattern", lambda one: one["attributes"].update(timeFieldName="source")), "is no date"),
        (change("search", lambda one: one.update(references=[])), "no reference kibanaSavedObjectMeta"),
        (change("lens", lambda one: columns(one)["n"].update(sourceField="title")), "counts title"),
        (change("lens", lambda one: columns(one)["label"].update(sourceField="entities.symbol")), "is no flat field"),
        (change("lens", lambda one: columns(one)["label"]["params"]["orderBy"].update(columnId="x")), "ordered by x"),
        (change("lens", lambda one: columns(one)["score"].update(sourceField="source"), "companies"), "can't take"),
        (change("lens", lambda one: columns(one).pop("n")), "columnOrder"),
        (change("lens", lambda one: one["references"][0].update(name="indexpattern-x")), "layers differ"),
        (change("dashboard", lambda one: one["attributes"].update(color="red")), "8.15 refuses"),
        (change("dashboard", lambda one: one["references"].pop(0)), "has no reference"),
        (change("dashboard", in_panels(lambda panels: panels.pop())), "is used by nothing"),
        (change("dashboard", in_panels(lambda panels: panels[0]["gridData"].update(w=49))), "does not fit"),
        (change("dashboard", in_panels(lambda panels: panels[0]["gridData"].update(h=40))), "overlap"),
        (change("dashboard", in_panels(lambda panels: panels[0].update(type="lens"))), "its reference a"),
        (change("visualization", lambda one: one["attributes"].update(visState="{")), "JSONDecodeError"),
        (
            change(
                "visualization",
                lambda one: one["attributes"].update(
                    visState=one["attributes"]["visState"].replace("%dashboard_context-filter_clause%", "%x%")
                ),
            ),
            "ignores the dashboard's filter clause",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_check_finds(broken: bytes, says: str) -> None:
    found = problems(broken)
    assert any(says in problem for problem in found), found


def test_a_file_can_be_checked(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from riskwire.cli.kibana import app

    path = tmp_path / "broken.ndjson"
    path.write_bytes(change("dashboard", lambda one: one["references"].pop(0)))
    done = CliRunner().invoke(app, ["check", str(path)])
    assert (done.exit_code, "has no reference" in done.stderr) == (1, True)
    assert CliRunner().invoke(app, ["check"]).exit_code == 0
