"""Temperatures: one number each for story and mention, so that a confidence of 0.8 is right four times in five.

Fitted by likelihood on the dev side, on the logits of the very graph that ships; never on train (a model is too sure of
what it has seen) nor on test (whose calibration error is to be believed).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batches import UNLABELLED, Example
from models.evaluate import Outputs
from models.metrics import softmax

Array = npt.NDArray[Any]
LOWEST, HIGHEST = 0.2, 5.0


def temperatures(outputs: Outputs, examples: Sequence[Example]) -> dict[str, float]:
    """`story` from texts whose label is their own, `mention` from sets that annotate every mention."""
    labels = np.array([example.story for example in examples], dtype=np.int64)
    own = np.array([not example.item.derived for example in examples], dtype=np.bool_) & (labels != UNLABELLED)
    full = np.array([bool(examples[index].item.exhaustive) for index in outputs.mention_of], dtype=np.bool_)
    return {
        "story": best_temperature(outputs.story[own], labels[own]),
        "mention": best_temperature(outputs.mention[full], outputs.mention_label[full]),
    }


def best_temperature(logits: Array, labels: Array) -> float:
    """The temperature with the smallest negative log-likelihood, in 0.2…5; 1 where there is nothing to fit.

    The likelihood has one hill in log T, which golden-section search climbs.
    """
    if not len(labels):
        return 1.0
    low, high = np.log(LOWEST), np.log(HIGHEST)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _loss(logits, labels, np.exp(left)) < _loss(logits, labels, np.exp(right)):
            high = right
        else:
            low = left
    return round(float(np.exp((low + high) / 2)), 4)


def _loss(logits: Array, labels: Array, temperature: float) -> float:
    chances = softmax(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chances, 1e-12)).mean())
