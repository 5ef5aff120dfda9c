"""Entries that a feed has taken back: gone while newer and older ones stayed. Pure.

A feed is a window: what leaves it at the old end has merely aged. What leaves from the middle was taken away by
somebody. It is noted (`SourceState.retracted`), not removed: the story was published, and was known at that time.
"""

from __future__ import annotations

from collections.abc import Sequence

#: At most so many are remembered.
MOST = 200


def retracted(before: Sequence[str], now: Sequence[str], known: Sequence[str] = ()) -> tuple[str, ...]:
    """Ids taken back so far, newest last. `before` and `now` are the ids of two polls, in the feed's order; `known`
    are those noted earlier, of which any that is told again is struck off.

    Nothing is concluded from a feed that is no timeline (what stayed has changed its order) or that has made itself
    anew (more has gone from its middle than stayed).
    """
    here = set(now)
    still = [one for one in known if one not in here]
    stayed = [one for one in dict.fromkeys(before) if one in here]
    place = {one: index for index, one in enumerate(dict.fromkeys(now))}
    if len(stayed) < 2 or sorted(stayed, key=place.__getitem__) != stayed:
        return tuple(still)
    places = [index for index, one in enumerate(before) if one in here]
    gone = [one for one in before[places[0] : places[-1]] if one not in here]
    if len(gone) > len(stayed):
        return tuple(still)
    return tuple(dict.fromkeys((*still, *gone)))[-MOST:]
