"""The Prometheus rules name metrics and outcomes that exist, and say what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from riskwire import metrics

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yml"
#: What a metric's samples are called, after its type.
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def samples() -> set[str]:
    return {family.name + suffix for family in metrics.REGISTRY.collect() for suffix in SUFFIXES[family.type]}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_names_what_is_there(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert rule["annotations"]["summary"]
    named = set(re.findall(r"riskwire_[a-z_]+", rule["expr"]))
    assert named
    assert named <= samples()
    assert rule["expr"].count("(") == rule["expr"].count(")")
    documented = metrics.documents.describe()[0].documentation + metrics.notifications.describe()[0].documentation
    for metric, outcomes in re.findall(r'(riskwire_[a-z_]+)\{outcome=~?"([a-z_|]+)"\}', rule["expr"]):
        if metric != "riskwire_feed_fetches_total":  # its outcomes are those of ports.SourceState
            assert all(outcome in documented for outcome in outcomes.split("|")), outcomes


def test_what_is_asked_for_is_watched() -> None:
    names = {rule["alert"] for rule in rules()}
    assert {"RiskwireStoriesWait", "RiskwireFeedFails", "RiskwireDeadLetters"} <= names
