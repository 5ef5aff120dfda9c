"""The gate lets a better model through and no other; it is a pure function of two judgements."""

import msgspec
import pytest

from models.artefact import read_manifest
from models.registry.gate import Figure, Judged, figures_of, judge
from models.registry.judging import from_manifest

HELD = Judged(
    texts="t",
    figures={
        "a story accuracy": Figure(0.85, 1000),
        "a spans f1": Figure(0.8, 400),
        "b story macro_f1": Figure(0.8, 900),
    },
    ece={"a story": Figure(0.02, 1000), "b story": Figure(0.06, 900)},
    parity=1e-6,
    batch_dp=0.0,
    quantised_loss=0.004,
    texts_a_second=100.0,
)


def candidate(figures: dict[str, float] | None = None, **changes: object) -> Judged:
    """HELD, better on one figure, with these changes."""
    values = {"a story accuracy": 0.9} | (figures or {})
    new = {name: Figure(values.get(name, one.value), one.n) for name, one in HELD.figures.items()}
    return msgspec.structs.replace(HELD, figures=new, **changes)


def refused(one: Judged) -> list[str]:
    return [check.name for check in judge(one, HELD).checks if not check.passed]


def test_better_on_one_and_no_worse_on_any_passes() -> None:
    verdict = judge(candidate(), HELD)
    assert verdict.passed
    assert verdict.why_not == ""
    assert (
        "a story accuracy 0.900, was 0.850 ± 0.023" in {check.name: check.found for check in verdict.checks}["better"]
    )


def test_the_same_again_is_not_better() -> None:
    assert refused(HELD) == ["better"]


def test_noise_is_neither_better_nor_worse() -> None:
    assert refused(candidate({"a story accuracy": 0.86, "a spans f1": 0.79})) == ["better"]
    assert refused(candidate({"a spans f1": 0.77})) == []
    assert refused(candidate({"a spans f1": 0.75})) == ["no worse"]
    assert refused(candidate({"a spans f1": float("nan")})) == ["no worse"]


def test_a_little_better_everywhere_is_better() -> None:
    rises = {name: one.value + 0.018 for name, one in HELD.figures.items()}
    assert refused(candidate(rises)) == []


def test_few_texts_allow_more_than_many() -> None:
    assert Figure(0.8, 50).noise > 3 * Figure(0.8, 900).noise
    assert Figure(1.0, 10).noise > 0


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"ece": {"a story": Figure(0.05, 1000)}}, "calibrated"),
        ({"ece": {}}, "calibrated"),
        ({"parity": 2e-4}, "parity"),
        ({"parity": None}, "parity"),
        ({"parity": float("nan")}, "parity"),
        ({"batch_dp": 0.02}, "batch"),
        ({"quantised_loss": 0.03}, "quantised"),
        ({"texts_a_second": 70.0}, "speed"),
        ({"texts_a_second": None}, "speed"),
        ({"texts": "others"}, "same texts"),
    ],
)
def test_each_demand_is_made(changes: dict[str, object], check: str) -> None:
    assert refused(candidate(**changes)) == [check]


def test_a_set_that_was_badly_calibrated_may_stay_so_but_not_get_worse() -> None:
    assert refused(candidate(ece={"b story": Figure(0.065, 900)})) == []
    assert refused(candidate(ece={"b story": Figure(0.08, 900)})) == ["calibrated"]
    assert refused(candidate(ece={"b story": Figure(float("nan"), 900)})) == ["calibrated"]


def test_of_a_handful_of_texts_no_calibration_can_be_seen() -> None:
    assert refused(candidate(ece={"given story": Figure(0.3, 8)})) == []
    assert refused(candidate(ece={"given story": Figure(0.3, 80)})) == ["calibrated"]


def test_what_was_not_measured_is_no_better() -> None:
    less = candidate()
    figures = {name: one for name, one in less.figures.items() if name != "a spans f1"}
    assert refused(msgspec.structs.replace(less, figures=figures)) == ["no worse"]
    other = figures | {"a spans f1": Figure(0.9, 399)}
    assert refused(msgspec.structs.replace(less, figures=other)) == ["no worse"]
    nothing = msgspec.structs.replace(HELD, figures={})
    assert "figures" in [check.name for check in judge(nothing, nothing).checks if not check.passed]


def test_the_shipped_manifest_says_what_the_gate_asks() -> None:
    from models.artefact import PRETRAINED

    judged = from_manifest(read_manifest(PRETRAINED))
    assert judged.figures["phrasebank story accuracy"].n > 300
    assert {"phrasebank story macro_f1", "sentfin mention accuracy", "ner_finer_ord spans f1"} <= set(judged.figures)
    assert None not in (judged.parity, judged.batch_dp, judged.quantised_loss)
    # Everything but "better" and the speed, which is measured on the spot.
    names = [check.name for check in judge(judged, judged).checks if not check.passed]
    assert names == ["better", "speed"]


def test_an_evaluation_becomes_figures() -> None:
    figures, ece = figures_of(
        {"s": {"story": {"n": 9, "accuracy": 0.5, "macro_f1": 0.4, "ece": 0.1}, "mention": {"n": 0}}}
    )
    assert figures == {"s story accuracy": Figure(0.5, 9), "s story macro_f1": Figure(0.4, 9)}
    assert ece == {"s story": Figure(0.1, 9)}
