"""Which stories of a source are looked at again: every one once a day, in small bites, so that deletions are noticed.

For platforms that tell nobody what was deleted. What is watched is part of the source's cursor: bounded, so that no
state grows for ever; the newest are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

#: A round over all that is watched begins this long after the one before.
ROUND = timedelta(hours=24)


class Watch(msgspec.Struct, frozen=True, omit_defaults=True):
    """`due` is still to be looked at in this round, which began at `since`; `rest` in the next. Both oldest first."""

    due: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    since: datetime | None = None

    def begin(self, now: datetime) -> Watch:
        """The same, or the next round where it is time and this one is done."""
        if self.since is None:
            return msgspec.structs.replace(self, since=now)
        if self.due or now - self.since < ROUND:
            return self
        return Watch(self.rest, (), now)

    def bite(self, most: int) -> tuple[str, ...]:
        """The next to be looked at."""
        return self.due[:most]

    def looked(self, ids: Sequence[str], gone: Iterable[str] = ()) -> Watch:
        """These were looked at; those of them that are gone need no second look."""
        done, away = set(ids), set(gone)
        stay = [one for one in ids if one not in away]
        return Watch(tuple(one for one in self.due if one not in done), (*self.rest, *stay), self.since)

    def add(self, ids: Iterable[str], most: int) -> Watch:
        """Watch these, too; of more than `most`, the longest watched drop out."""
        known = {*self.due, *self.rest}
        fresh = tuple(dict.fromkeys(one for one in ids if one not in known))
        over = max(len(self.due) + len(self.rest) + len(fresh) - most, 0)
        # Those of `due` have waited longest for their look: they go last.
        rest = (*self.rest, *fresh)
        cut = min(over, len(rest))
        due_cut = over - cut
        return Watch(self.due[due_cut:], rest[cut:], self.since)

    def __len__(self) -> int:
        return len(self.due) + len(self.rest)
