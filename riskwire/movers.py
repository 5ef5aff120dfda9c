"""Which companies' sentiment moved the most: the same answer whatever store was asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from riskwire.ports import Mover


def mover(symbol: str, score: float, n: int, previous: float | None, previous_n: int) -> Mover:
    """A company's mean score and stories in a period, and in the one before (None and 0: none there)."""
    return Mover(symbol, score, n, previous, previous_n, None if previous is None else score - previous)


def ranked(movers: Iterable[Mover], limit: int) -> list[Mover]:
    """The strongest changes first, either way; then those without a period before, by stories."""
    found = sorted(movers, key=lambda one: (one.change is None, -abs(one.change or 0.0), -one.n, one.symbol))
    return found[: max(limit, 0)]


def compared(
    now: Mapping[str, tuple[float, int]], before: Mapping[str, tuple[float, int]], *, minimum: int, limit: int
) -> list[Mover]:
    """From (mean score, stories) by symbol of both periods: those with at least `minimum` stories now, ranked."""
    movers = [
        mover(symbol, score, n, *before.get(symbol, (None, 0)))
        for symbol, (score, n) in now.items()
        if n >= max(minimum, 1)
    ]
    return ranked(movers, limit)
