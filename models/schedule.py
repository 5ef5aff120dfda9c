"""How the learning rate moves through a training run."""

from __future__ import annotations


def rate_factor(step: int, total: int, warmup: float) -> float:
    """Linear warmup, then linear decay to zero."""
    rising = max(1, int(total * warmup))
    return (step + 1) / rising if step < rising else max(0.0, (total - step) / max(1, total - rising))
