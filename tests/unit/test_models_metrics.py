"""Metrics on examples that can be checked by hand."""

import numpy as np
import pytest

from models.metrics import calibration_error, classification, softmax, span_f1


def one_hot(*classes: int, sure: float = 1.0) -> np.ndarray:
    rows = np.full((len(classes), 3), (1 - sure) / 2)
    rows[range(len(classes)), classes] = sure
    return rows


def test_classification_by_hand() -> None:
    found = classification(np.array([0, 0, 1, 2]), one_hot(0, 1, 1, 1))
    assert found["accuracy"] == 0.5
    assert found["per_class"]["positive"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert found["per_class"]["neutral"]["precision"] == pytest.approx(1 / 3)
    assert found["per_class"]["negative"]["f1"] == 0.0
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0.5 + 0) / 3)


def test_a_class_that_does_not_occur_is_left_out_of_the_mean() -> None:
    assert classification(np.array([0, 1]), one_hot(0, 1))["macro_f1"] == 1.0
    assert classification(np.array([], dtype=int), np.zeros((0, 3))) == {"n": 0}


def test_calibration_error() -> None:
    always_right = one_hot(*[0] * 10, sure=0.8)
    assert calibration_error(np.zeros(10, dtype=int), always_right) == pytest.approx(0.2)
    labels = np.array([0] * 8 + [1] * 2)
    assert calibration_error(labels, always_right) == pytest.approx(0.0, abs=1e-9)


def test_softmax_takes_large_logits_and_a_temperature() -> None:
    assert softmax(np.array([1000.0, 0.0, -1000.0])).tolist() == [1.0, 0.0, 0.0]
    cool, hot = softmax(np.array([2.0, 1.0, 0.0])), softmax(np.array([2.0, 1.0, 0.0]), 10.0)
    assert cool.max() > hot.max() > 1 / 3


def test_spans_count_only_when_exact() -> None:
    gold = [(0, 0, 5, "ORG"), (0, 10, 15, "LOC"), (1, 0, 3, "ORG")]
    found = [(0, 0, 5, "ORG"), (0, 10, 14, "LOC"), (1, 0, 3, "PER")]
    scores = span_f1(gold, found)
    assert (scores["precision"], scores["recall"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert scores["per_group"]["LOC"]["f1"] == 0.0
    assert scores["per_group"]["ORG"]["support"] == 2
