"""Texts longer than the model reads: overlapping windows, and which window speaks for which token. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def windows(count: int, *, size: int, overlap: int) -> list[tuple[int, int]]:
    """Stretches [start, end) of at most `size` tokens that cover 0…count, each sharing `overlap` or more with the next.

    The last one ends at the end of the text and is as long as the others, so that no token is read with little context.

    >>> windows(10, size=126, overlap=32), windows(200, size=126, overlap=32)
    ([(0, 10)], [(0, 126), (74, 200)])
    """
    if not 0 <= overlap < size:
        raise ValueError(f"an overlap of {overlap} does not fit in windows of {size}")
    if count <= size:
        return [(0, count)]
    starts = [*range(0, count - size, size - overlap), count - size]
    return [(start, start + size) for start in starts]


def owners(stretches: list[tuple[int, int]], count: int) -> Ints:
    """For each of `count` tokens the window in which it is farthest from a cut; the first of equals.

    The ends of the text are no cuts: there is nothing more to read there.
    """
    best = np.full(count, -1, dtype=np.int64)
    owner = np.zeros(count, dtype=np.int64)
    for number, (start, end) in enumerate(stretches):
        places = np.arange(start, end)
        left = places - start if start > 0 else np.full(end - start, count)
        right = end - 1 - places if end < count else np.full(end - start, count)
        distance = np.minimum(left, right)
        better = distance > best[start:end]
        best[start:end][better] = distance[better]
        owner[start:end][better] = number
    return owner
