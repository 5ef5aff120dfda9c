"""What is fitted on the dev side: the story head's bias, and a temperature each for story and mention.

Never on train (a model is too sure of what it has seen) nor on test (whose calibration error is to be believed). Bias
and temperature together are vector scaling with one scale (Guo et al. 2017, arXiv 1706.04599). The bias goes into the
network before the export; the temperatures are fitted last, on the logits of the very graph that ships.
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
RIDGE = 1e-3


def story_bias(outputs: Outputs, examples: Sequence[Example]) -> Array:
    """What to add to the story logits, shape (3,), sum 0: training mixes sets, and labels that follow from mentions,
    whose shares of positive, neutral and negative are not those of whole stories. Zeros where there is nothing to fit.
    """
    labels, own = _story_labels(examples)
    return best_bias(outputs.story[own], labels[own])


def best_bias(logits: Array, labels: Array) -> Array:
    """The bias b that, with the best scale a, minimises the log-likelihood of softmax(a (logits + b)); sum 0.

    Convex in (a, a b): Newton's method, with a small ridge that keeps rare labels from running away.
    """
    if not len(labels):
        return np.zeros(logits.shape[-1])
    kinds = logits.shape[-1]
    truth = np.eye(kinds)[labels]
    features = np.concatenate([logits[:, :, None], np.broadcast_to(np.eye(kinds), (len(labels), kinds, kinds))], axis=2)
    ridge = np.diag([0.0, *[RIDGE] * kinds])
    weights = np.array([1.0, *[0.0] * kinds])
    for _ in range(50):
        chances = softmax(features @ weights)
        gradient = np.einsum("nk,nkf->f", chances - truth, features) / len(labels) + ridge @ weights
        mean = np.einsum("nk,nkf->nf", chances, features)
        second = np.einsum("nk,nkf,nkg->fg", chances, features, features) - mean.T @ mean
        step = np.linalg.solve(second / len(labels) + ridge + 1e-9 * np.eye(kinds + 1), gradient)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-10:
            break
    bias = weights[1:] / weights[0]
    result: Array = bias - bias.mean()
    return result


def _story_labels(examples: Sequence[Example]) -> tuple[Array, Array]:
    """Each text's story label, and which of them are its own rather than following from mentions."""
    labels = np.array([example.story for example in examples], dtype=np.int64)
    return labels, np.array([not example.item.derived for example in examples], dtype=np.bool_) & (labels != UNLABELLED)


def temperatures(outputs: Outputs, examples: Sequence[Example]) -> dict[str, float]:
    """`story` from texts whose label is their own, `mention` from sets that annotate every mention."""
    labels, own = _story_labels(examples)
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
