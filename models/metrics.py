"""Metrics, pure numpy: accuracy, F1, calibration error, entity F1 by exact span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.labels import SENTIMENTS

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
SpanKey = tuple[int, int, int, str]
"""(text, start, end, group)."""


def softmax(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Probabilities along the last axis."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    result: npt.NDArray[np.float64] = scaled / scaled.sum(axis=-1, keepdims=True)
    return result


def classification(labels: Ints, probabilities: Floats) -> dict[str, Any]:
    """`n`, `accuracy`, `macro_f1`, `ece`, per class precision, recall, F1 and support, by name; and `confusion`: how
    many of each label (a row) were called what (a column), in the order of SENTIMENTS."""
    if not len(labels):
        return {"n": 0}
    predicted = probabilities.argmax(-1)
    per_class = {}
    for index, name in enumerate(SENTIMENTS):
        hit = int(((predicted == index) & (labels == index)).sum())
        said, is_so = int((predicted == index).sum()), int((labels == index).sum())
        per_class[name] = {
            "precision": _ratio(hit, said),
            "recall": _ratio(hit, is_so),
            "f1": _ratio(2 * hit, said + is_so),
            "support": is_so,
        }
    present = [scores["f1"] for scores in per_class.values() if scores["support"]]
    return {
        "n": len(labels),
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": float(np.mean(present)),
        "ece": calibration_error(labels, probabilities),
        "per_class": per_class,
        "confusion": confusion(labels, predicted),
    }


def confusion(labels: Ints, predicted: Ints) -> list[list[int]]:
    """How many of each label (a row) were called what (a column)."""
    kinds = range(len(SENTIMENTS))
    return [[int(((labels == row) & (predicted == column)).sum()) for column in kinds] for row in kinds]


def reliability(labels: Ints, probabilities: Floats, bins: int = 15) -> list[tuple[int, float, float]]:
    """For each of `bins` equal-width bins of the label's confidence: how many, mean confidence, share right."""
    confidence, right = probabilities.max(-1), probabilities.argmax(-1) == labels
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for place in range(bins):
        inside = places == place
        count = int(inside.sum())
        found.append((count, float(confidence[inside].mean()), float(right[inside].mean())) if count else (0, 0.0, 0.0))
    return found


def calibration_error(labels: Ints, probabilities: Floats, bins: int = 15) -> float:
    """Expected calibration error: `bins` equal-width bins of the label's confidence."""
    found = reliability(labels, probabilities, bins)
    return sum(count * abs(share - mean) for count, mean, share in found) / max(1, len(labels))


def span_f1(gold: Sequence[SpanKey], found: Sequence[SpanKey]) -> dict[str, Any]:
    """Micro precision, recall and F1 by exact span and group, overall and per group."""
    result: dict[str, Any] = _span_scores(set(gold), set(found))
    groups = sorted({span[3] for span in gold})
    result["per_group"] = {
        group: _span_scores({s for s in gold if s[3] == group}, {s for s in found if s[3] == group}) for group in groups
    }
    return result


def _span_scores(gold: set[SpanKey], found: set[SpanKey]) -> dict[str, float]:
    hit = len(gold & found)
    return {
        "precision": _ratio(hit, len(found)),
        "recall": _ratio(hit, len(gold)),
        "f1": _ratio(2 * hit, len(gold) + len(found)),
        "support": len(gold),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
