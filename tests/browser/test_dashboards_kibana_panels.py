"""Every query of Kibana's panels on the real Elasticsearch: what the panel's own transforms make of the answer (in
Vega, in Chromium) are the rows that the Index port gives for the same stories; and every panel draws them."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch as Client

from dashboards.kibana import committed
from dashboards.kibana.bodies import LATENCY, SENTIMENT_TIMELINE, TOP_MOVERS, KibanaQuery
from dashboards.panels import queries
from kibana import auto_interval, filled, interval_seconds, lens_body, milliseconds
from riskwire.testing import MemoryIndex, a_story, sentiment_of
from riskwire.types import EntityMention, ModelRef, ScoredDocument
from stream.elastic import mapping
from stream.elastic.bodies import alert_body, story_body

VENDOR = Path(queries.__file__).parents[1] / "web" / "static" / "vendor"
UNTIL = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
SYMBOLS = ("BA", "BRK.B", "XNSE:INFY", "GS", "F", "TSLA")

#: Draws a specification as Kibana does: warnings are collected, expressions are interpreted.
DRAW = """async ([spec, rowsOnly]) => {
  const said = [], logger = {warn: (...a) => (said.push(a.join(' ')), logger), info: () => logger,
    debug: () => logger, error: (...a) => (said.push(a.join(' ')), logger), level: () => logger};
  const compiled = vegaLite.compile(spec, {logger}).spec;
  const view = new vega.View(vega.parse(compiled, null, {ast: true}), {renderer: 'none', expr: interpreter, logger});
  await view.runAsync();
  const svg = rowsOnly ? '' : await view.toSVG();
  return {said, svg, rows: rowsOnly ? view.data(compiled.marks[0].from.data) : []};
}"""


def stories() -> list[ScoredDocument]:
    """Three days of stories about few companies, some unscored, some of several sources; the same each time."""
    dice = random.Random(7)
    found = []
    for number in range(600):
        then = UNTIL - timedelta(seconds=dice.uniform(0, 3 * 86_400))
        mentions = tuple(
            EntityMention(
                entity_group="ORG", text=symbol, start=0, end=len(symbol), confidence=dice.uniform(0.5, 1),
                symbol=symbol, sentiment=sentiment_of(dice.choice([-1, 0, 1])),
            )
            for symbol in dice.sample(SYMBOLS, dice.randint(0, 3))
        )  # fmt: skip
        fields: dict[str, Any] = {
            "event_time": then,
            "seen_at": then + timedelta(seconds=2),
            "scored_at": then + timedelta(seconds=2 + dice.uniform(0.1, 9)),
            "source": dice.choice(["wire", "fed", "desk"]),
            "sentiment": sentiment_of(dice.choice([-1, 0, 1])),
            "entities": mentions,
            "symbols": tuple(sorted({mention.symbol for mention in mentions if mention.symbol})),
            "model": ModelRef(name="m", version=dice.choice(["1.0.0", "1.1.0"]), sha256="0" * 64),
        }
        if number % 17 == 0:
            fields |= {"status": "unscored", "sentiment": None, "entities": (), "symbols": (), "scored_at": None}
            fields |= {"model": None, "unscored_reason": dice.choice(["empty", "error", "too_short"])}
        found.append(a_story(number, **fields))
    return found


@pytest.fixture(scope="module")
def whole() -> list[ScoredDocument]:
    return stories()


@pytest.fixture(scope="module")
def port(whole: list[ScoredDocument]) -> MemoryIndex:
    index = MemoryIndex()
    index.put(whole)
    return index


@pytest.fixture(scope="module")
def client(services: Any, whole: list[ScoredDocument]) -> Iterator[tuple[Client, dict[str, str]]]:
    """A client, and the alias that stands for each of ours: other tests use theirs on the same server."""
    names = {kind.alias("riskwire"): f"kibana-{kind.name}" for kind in (mapping.STORIES, mapping.ALERTS)}
    with Client(services.elasticsearch.url) as it:
        for kind in (mapping.STORIES, mapping.ALERTS):
            name = names[kind.alias("riskwire")]
            it.indices.delete(index=name, ignore_unavailable=True)
            it.indices.create(index=name, mappings=kind.mapping, settings={"number_of_replicas": 0})
        lines = [b'{"index":{"_id":"%s"}}\n%s' % (one.id.encode(), story_body(one)) for one in whole]
        answer = it.bulk(index=names["riskwire-stories"], operations=lines, refresh=True)
        assert not answer["errors"]
        answer = it.bulk(index=names["riskwire-alerts"], operations=[b'{"index":{}}\n' + one for one in alerts()],
                         refresh=True)  # fmt: skip
        assert not answer["errors"]
        yield it, names
        for name in names.values():
            it.indices.delete(index=name)


def alerts() -> list[bytes]:
    from riskwire.types import Alert

    return [
        alert_body(
            Alert(
                rule=f"rule-{n % 3}", labels={"symbol": SYMBOLS[n % 4]}, status="firing" if n % 4 else "resolved",
                severity="critical" if n % 5 else "warning", starts_at=UNTIL - timedelta(hours=n),
                updated_at=UNTIL - timedelta(minutes=n), fingerprint=f"{n:x}", value=-0.5,
            )
        )
        for n in range(1, 30)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def vega_page(chromium: Any) -> Iterator[Any]:
    page = chromium.new_page()
    page.set_content("<body></body>")
    for name in ("vega.min.js", "vega-lite.min.js"):
        page.add_script_tag(path=VENDOR / name)
    # A page without an address has no modules to import from; vega itself exports what the interpreter wants.
    interpreter = (VENDOR / "vega-interpreter.js").read_text(encoding="utf-8")
    interpreter = re.sub(
        r"^import (\{.*?\}) from .*;$", r"const \1 = globalThis.vega;", interpreter, flags=re.MULTILINE
    )
    page.add_script_tag(type="module", content=interpreter + "\nglobalThis.interpreter = expression;")
    page.wait_for_function("globalThis.interpreter")
    yield page
    page.close()


def ask(client: tuple[Client, dict[str, str]], index: str, body: dict[str, Any]) -> dict[str, Any]:
    it, names = client
    return dict(it.search(index=names[index], **body))


def rows(page: Any, client: Any, query: KibanaQuery, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """The rows of a query as Kibana's panel has them."""
    data = {"values": ask(client, query.index, filled(query.body, since, until)), "format": {"property": query.path}}
    spec = {"data": data, "transform": query.transforms, "mark": "point", "encoding": {}}
    answer = page.evaluate(DRAW, [spec | {"$schema": "https://vega.github.io/schema/vega-lite/v5.json"}, True])
    assert answer["said"] == []
    found: list[dict[str, Any]] = answer["rows"]
    return found


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key, value in wanted.items():
        if isinstance(value, datetime):
            assert found[key] == milliseconds(value), key
        elif isinstance(value, float):
            assert found[key] == pytest.approx(value, abs=2e-4), key
        else:
            assert found[key] == value, key


@pytest.mark.parametrize("hours", [1, 6, 12, 24, 72])
def test_the_timeline_is_the_ports(
    client: Any, vega_page: Any, port: MemoryIndex, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    since = UNTIL - timedelta(hours=hours)
    width = interval_seconds(auto_interval(since, UNTIL, 60))
    monkeypatch.setattr(queries, "bucket_for", lambda *_: width)
    wanted = queries.sentiment_timeline(port, since, UNTIL, None).rows
    found = sorted(rows(vega_page, client, SENTIMENT_TIMELINE, since, UNTIL), key=lambda row: row["t"])
    assert len(found) == len(wanted) > 20
    assert any(row["n"] == 0 for row in wanted) or hours > 20
    for one, other in zip(found, wanted, strict=True):
        same(one, other)


def test_a_range_that_ends_with_a_bar_has_no_bar_more(
    client: Any, vega_page: Any, port: MemoryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = UNTIL.replace(minute=0, second=0)
    monkeypatch.setattr(queries, "bucket_for", lambda *_: 600)
    wanted = queries.sentiment_timeline(port, until - timedelta(hours=12), until, None).rows
    found = rows(vega_page, client, SENTIMENT_TIMELINE, until - timedelta(hours=12), until)
    assert max(row["t"] for row in found) == milliseconds(wanted[-1]["t"])
    assert len(found) == len(wanted) == 72


def test_the_movers_are_the_ports(client: Any, vega_page: Any, port: MemoryIndex) -> None:
    wanted = queries.top_movers(port, None, UNTIL, None).rows
    found = sorted(rows(vega_page, client, TOP_MOVERS, UNTIL - timedelta(hours=5), UNTIL), key=lambda row: row["rank"])
    assert len(wanted) == len(SYMBOLS)
    for one, other in zip(found, wanted, strict=True):
        same(one, other)
    early = UNTIL - timedelta(days=2)
    wanted = queries.top_movers(port, None, early, None).rows
    found = sorted(rows(vega_page, client, TOP_MOVERS, early, early), key=lambda row: row["rank"])
    assert [row["change"] for row in wanted] == [None] * len(wanted) != []
    for one, other in zip(found, wanted, strict=True):
        same(one, other)


def test_the_latency_is_the_stories(client: Any, vega_page: Any, whole: list[ScoredDocument]) -> None:
    since = UNTIL - timedelta(hours=24)
    found = [row for row in rows(vega_page, client, LATENCY, since, UNTIL) if row["n"]]
    assert sum(row["n"] for row in found) == len([s for s in whole if s.scored_at and since <= s.seen_at < UNTIL])
    for row in found:
        inside = [s for s in whole if s.scored_at and row["t"] <= s.seen_at.timestamp() * 1000 < row["end"]
                  and since <= s.seen_at < UNTIL]  # fmt: skip
        mean = sum((s.scored_at - s.seen_at).total_seconds() for s in inside if s.scored_at) / len(inside)
        assert (row["n"], row["seconds"]) == (len(inside), pytest.approx(mean, abs=0.002))


@pytest.mark.parametrize("query", [SENTIMENT_TIMELINE, TOP_MOVERS, LATENCY])
def test_no_stories_are_no_rows(client: Any, vega_page: Any, query: KibanaQuery) -> None:
    then = datetime(2020, 1, 1, tzinfo=UTC)
    assert rows(vega_page, client, query, then, then + timedelta(hours=6)) == []


def panels(kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in committed().splitlines()]
    return [one for one in found if one["type"] == kind]


VEGA = [
    (one["id"], json.loads(state["params"]["spec"]))
    for one in panels("visualization")
    if (state := json.loads(one["attributes"]["visState"]))["type"] == "vega"
]


@pytest.mark.parametrize(("name", "spec"), VEGA, ids=[name for name, _ in VEGA])
def test_every_vega_panel_draws(client: Any, vega_page: Any, name: str, spec: dict[str, Any], tmp_path: Path) -> None:
    url = spec["data"].pop("url")
    spec["data"]["values"] = ask(client, url["index"], filled(url["body"], UNTIL - timedelta(hours=24), UNTIL))
    if "vconcat" not in spec:  # Kibana fits it into its panel
        spec |= {"width": 420, "height": 260, "autosize": {"type": "fit", "contains": "padding"}}
    answer = vega_page.evaluate(DRAW, [spec, False])
    assert answer["said"] == []
    assert answer["svg"].count("<path") > 15
    (tmp_path / f"{name}.svg").write_text(answer["svg"], encoding="utf-8")


TIME_FIELDS = {one["id"]: one["attributes"]["timeFieldName"] for one in panels("index-pattern")}
INDEXES = {one["id"]: one["attributes"]["title"] for one in panels("index-pattern")}


def lens_answer(client: Any, one: dict[str, Any], since: datetime = UNTIL - timedelta(days=4)) -> dict[str, Any]:
    view = one["references"][0]["id"]
    until = UNTIL + timedelta(days=1)
    return ask(client, INDEXES[view], lens_body(one, TIME_FIELDS[view], since, until))


@pytest.mark.parametrize("one", panels("lens"), ids=lambda one: one["id"])
def test_every_lens_panel_finds_something(client: Any, one: dict[str, Any]) -> None:
    answer = lens_answer(client, one)
    assert answer["hits"]["total"]["value"] > 0
    for found in answer["aggregations"].values():
        assert found["buckets"] if "buckets" in found else found["doc_count"] > 0


def test_the_sources_are_the_ports(client: Any, port: MemoryIndex) -> None:
    (one,) = [one for one in panels("lens") if one["id"] == "riskwire-sources"]
    buckets = lens_answer(client, one)["aggregations"]["source"]["buckets"]
    found = [(b["key"], b["doc_count"], int(b["newest"]["value"])) for b in buckets]
    assert found == [(row.source, row.n, milliseconds(row.newest)) for row in port.sources() if row.newest]


def test_the_unscored_are_counted_by_reason(client: Any, whole: list[ScoredDocument]) -> None:
    (one,) = [one for one in panels("lens") if one["id"] == "riskwire-unscored"]
    found: Counter[str] = Counter()
    for bar in lens_answer(client, one)["aggregations"]["t"]["buckets"]:
        found.update({bucket["key"]: bucket["doc_count"] for bucket in bar["reason"]["buckets"]})
    assert found == Counter(story.unscored_reason for story in whole if story.status == "unscored")
