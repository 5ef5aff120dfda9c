"""The gate is told the same of two models: measured on the same texts, or out of manifests of the same sets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from artefacts import altered

from models.artefact import PRETRAINED, read_manifest
from models.corpora.toy import load as toy_items
from models.registry.judging import compare, from_manifest, measured, side_by_side
from models.registry.store import Registry, fingerprint

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ITEMS = toy_items()[::4]


def raise_posts(manifest: dict[str, Any]) -> None:
    manifest["metrics"]["test"]["twitter_financial_news"]["story"]["macro_f1"] += 0.06


def blind(manifest: dict[str, Any]) -> None:
    """Positive and negative the wrong way round: a model that learnt the labels in another order."""
    manifest["version"] = "9.9"
    manifest["sentiments"] = ["negative", "neutral", "positive"]


def test_measured_figures_are_those_of_the_scorer() -> None:
    judged = measured(PRETRAINED, ITEMS)
    stories = [item for item in ITEMS if item.story is not None]
    assert judged.figures["toy story accuracy"].n == len(stories)
    assert judged.figures["toy story accuracy"].value > 0.7
    assert judged.figures["toy spans f1"].value > 0.7
    assert judged.figures["minimal pairs accuracy"].n >= 200
    assert judged.batch_dp is not None
    assert judged.batch_dp <= 0.01
    assert judged.parity == read_manifest(PRETRAINED).metrics["checks"]["parity"]
    assert judged.texts == measured(PRETRAINED, list(reversed(ITEMS))).texts
    assert judged.texts != measured(PRETRAINED, ITEMS[1:]).texts


def test_a_model_whose_manifest_is_better_passes(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    name = registry.add(altered(tmp_path / "better", raise_posts))
    verdict = compare(registry, name, now=NOW)
    assert verdict.why_not == ""
    assert "twitter_financial_news story macro_f1" in next(one.found for one in verdict.checks if one.name == "better")
    kept = registry.judgement(name)
    assert kept is not None
    assert (kept.verdict, kept.against, kept.at) == (verdict, fingerprint(PRETRAINED), NOW)


def test_labels_the_wrong_way_round_are_caught_on_texts(tmp_path: Path) -> None:
    """A peer shipped a model like this; its manifest's figures looked well, for they were its maker's."""
    registry = Registry(tmp_path / "models")
    name = registry.add(altered(tmp_path / "blind", blind))
    assert "no worse" not in [one.name for one in compare(registry, name, now=NOW).checks if not one.passed]
    verdict = compare(registry, name, items=ITEMS, now=NOW)
    assert not verdict.passed
    assert "toy story accuracy" in next(one.found for one in verdict.checks if one.name == "no worse")
    # What was measured counts from now on, not what the manifest says.
    assert "toy story accuracy" in compare(registry, name, now=NOW).why_not
    registry.promote(registry.add(altered(tmp_path / "better", raise_posts)), reason="", now=NOW)
    assert "different texts" in compare(registry, name, now=NOW).why_not


@pytest.mark.parametrize("key", ["split_seed", "test", "sets"])
def test_other_held_out_texts_do_not_compare(tmp_path: Path, key: str) -> None:
    def other(manifest: dict[str, Any]) -> None:
        manifest["configuration"]["data"][key] = "other"

    registry = Registry(tmp_path / "models")
    name = registry.add(altered(tmp_path / "other", other))
    assert "different texts" in compare(registry, name, now=NOW).why_not
    assert from_manifest(read_manifest(registry.find(name))).texts != from_manifest(read_manifest(PRETRAINED)).texts


def test_speed_is_measured_in_turn() -> None:
    one, other = side_by_side(PRETRAINED, PRETRAINED)
    assert one == pytest.approx(other, rel=0.2)
