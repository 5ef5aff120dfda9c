"""The mapping holds every field that travels, and nothing that does not; the bodies fit it."""

import json
from datetime import UTC, datetime
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from riskwire.testing import a_story, sentiment_of
from riskwire.types import Alert, EntityMention, Evidence, ScoredDocument
from stream.elastic.bodies import alert_body, story_body, story_of
from stream.elastic.mapping import ALERTS, KINDS, REVISIONS, STORIES
from stream.elastic.words import folded, terms

DERIVED = {"event_micros", "words", "entity_names", "companies", "canonical_link", "schema_version"}
DERIVED_OF_ALERTS = {"label_pairs", "starts_micros", "updated_micros", "schema_version"}

#: What Elasticsearch calls what Python calls so.
KINDS_OF = {
    str: {"keyword", "text", "object"},
    int: {"long", "integer", "short"},
    float: {"float", "double"},
    bool: {"boolean"},
    datetime: {"date"},
}


def bare(kind):
    """Without the None, and the element of a tuple: to Elasticsearch one and many are the same."""
    if get_origin(kind) is tuple:
        return bare(get_args(kind)[0])
    options = [one for one in get_args(kind) if one is not type(None)]
    if type(None) in get_args(kind) and len(options) == 1:
        return bare(options[0])
    return kind


def mismatches(record, properties, path=""):
    found = []
    for name, hint in get_type_hints(record).items():
        kind, mapped = bare(hint), properties.get(name)
        if mapped is None:
            found.append(f"{path}{name} is not mapped")
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found += mismatches(kind, mapped.get("properties", {}), f"{path}{name}.")
        elif get_origin(kind) is Literal or kind is str:
            if mapped["type"] not in KINDS_OF[str]:
                found.append(f"{path}{name} is {mapped['type']}")
        elif kind in KINDS_OF and mapped["type"] not in KINDS_OF[kind]:
            found.append(f"{path}{name} is {mapped['type']}, not {kind.__name__}")
    return found


@pytest.mark.parametrize(
    ("record", "kind", "derived"),
    [(ScoredDocument, STORIES, DERIVED), (Alert, ALERTS, DERIVED_OF_ALERTS)],
    ids=["stories", "alerts"],
)
def test_every_field_that_travels_is_mapped_by_its_type_and_no_other(record, kind, derived):
    assert mismatches(record, kind.properties) == []
    assert set(kind.properties) - set(get_type_hints(record)) == derived


def test_what_is_not_named_is_neither_indexed_nor_guessed_at():
    for kind in KINDS:
        assert kind.mapping["dynamic"] is False
        assert kind.mapping["_meta"] == {"riskwire": {"version": kind.version}}


def test_what_lens_filters_and_groups_by_is_flat():
    for name in ("symbols", "entity_names", "events", "source", "status", "rule"):
        properties = ALERTS.properties if name == "rule" else STORIES.properties
        assert properties[name]["type"] == "keyword"


def test_no_keyword_is_longer_than_lucene_can_take():
    def keywords(properties):
        for field in properties.values():
            if field.get("type") == "keyword":
                yield field
            yield from keywords(field.get("properties", {}))
            yield from keywords(field.get("fields", {}))

    for kind in KINDS:
        assert all(4 * field["ignore_above"] < 32_766 for field in keywords(kind.properties))


def test_a_body_has_mapped_fields_only_and_the_story_comes_back():
    mention = EntityMention(
        entity_group="ORG", text="Zürich Re", start=0, end=9, confidence=0.9, symbol="ZRH", sentiment=sentiment_of(1)
    )
    story = a_story(
        1, title="Zürich Re gains", entities=(mention, mention), symbols=("ZRH",), link="https://a.b/c?utm_x=1"
    )
    body = json.loads(story_body(story))
    assert set(body) <= set(STORIES.properties)
    assert story_of(body) == story
    assert body["words"] == ["zurich re gains"]
    assert body["entity_names"] == ["Zürich Re"]
    assert [(row["symbol"], row["n"]) for row in body["companies"]] == [("ZRH", 2)]
    assert set(body["companies"][0]) == set(STORIES.properties["companies"]["properties"])
    removed = json.loads(story_body(a_story(2, status="removed", title="", sentiment=None)))
    assert not {"words", "companies", "entity_names"} & set(removed)


def test_an_alert_has_mapped_fields_only():
    then = datetime(2026, 1, 1, 0, 0, 0, 7, tzinfo=UTC)
    alert = Alert(
        rule="r", labels={"b": "2", "a": "1"}, status="firing", starts_at=then, updated_at=then, fingerprint="f",
        evidence=(Evidence(id="1"),),
    )  # fmt: skip
    body = json.loads(alert_body(alert))
    assert set(body) <= set(ALERTS.properties)
    assert body["label_pairs"] == ["a=1", "b=2"]
    assert body["starts_micros"] % 1_000_000 == 7


def test_names_of_indices():
    assert (STORIES.alias("riskwire"), REVISIONS.alias("riskwire"), ALERTS.alias("riskwire")) == (
        "riskwire-stories",
        "riskwire-revisions",
        "riskwire-alerts",
    )
    assert STORIES.index("riskwire") == f"riskwire-stories-v{STORIES.version}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Zürich, AT&T's BRK.B!", "zurich at t s brk b"),
        ("", ""),
        ("—", ""),
        ("ﬁx\u0000it_now", "fix it now"),
        ("Ⅷ ½", "viii 1 2"),
    ],
)
def test_words_are_folded(text, words):
    assert folded(text) == words


def test_terms_know_phrases_and_prefixes():
    assert terms('tesla "Profit  warning" brk.b* ! "') == [
        ("tesla", False), ("profit warning", False), ("brk b", True),
    ]  # fmt: skip
