"""Which offsets may be committed: those below the first message that is not done, partition by partition. Pure.

Faust's own accounting is not used (the topic is declared with `acks=False`): it commits past a message in flight when
the one behind it is acknowledged first, takes a message for acknowledged that a rebalance made it skip, and forgets
what a failed commit was to say. Here an offset is committed when everything below it, since the partition was assigned,
is done; what a failed commit was to say is said again with the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Ticket:
    """One message in hand. It belongs to one assignment of its partition: done after that ended, it moves nothing."""

    __slots__ = ("done", "offset", "track")

    def __init__(self, track: _Track, offset: int) -> None:
        self.track, self.offset, self.done = track, offset, False


class _Track:
    """One assignment of one partition."""

    __slots__ = ("committed", "generation", "next", "safe", "waiting")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.next: int | None = None  # the offset that is to come next; None: whichever comes first
        self.safe: int | None = None  # everything below is done
        self.committed: int | None = None
        self.waiting: deque[Ticket] = deque()


class Ledger:
    """Of the partitions that are assigned now."""

    def __init__(self) -> None:
        self._tracks: dict[Place, _Track] = {}

    def assigned(self, place: Place, generation: int) -> None:
        """A partition is ours from now on, for as long as the group is of this generation."""
        self._tracks[place] = _Track(generation)

    def revoked(self, places: Iterable[Place]) -> None:
        """These are another's now. Their messages in hand are still processed; that changes nothing here."""
        for place in places:
            self._tracks.pop(place, None)

    def gap(self, place: Place, generation: int, offset: int, committed: int | None) -> int | None:
        """The offset that should have come instead of this one, when some were left out. None: all is well.

        `committed` is where the group stands (None: nowhere yet): there an assignment's first message is to be.
        """
        track = self._tracks.get(place)
        if track is None or track.generation != generation:
            return None
        if track.next is None:
            track.next = track.committed = committed
        return track.next if track.next is not None and offset > track.next else None

    def took(self, place: Place, generation: int, offset: int) -> Ticket | None:
        """A message was taken in hand. None: it is in hand already, or of an assignment that has ended; leave it."""
        track = self._tracks.get(place)
        if track is None or track.generation != generation or (track.next is not None and offset < track.next):
            return None
        track.next = offset + 1
        ticket = Ticket(track, offset)
        track.waiting.append(ticket)
        return ticket

    def done(self, tickets: Iterable[Ticket]) -> None:
        """These are in the index, or with the dead letters. In any order."""
        for ticket in tickets:
            ticket.done = True
            track = ticket.track
            while track.waiting and track.waiting[0].done:
                track.safe = track.waiting.popleft().offset + 1

    def committable(self) -> dict[Place, int]:
        """The next offset of each partition that has moved on since its last commit."""
        return {
            place: track.safe
            for place, track in self._tracks.items()
            if track.safe is not None and (track.committed is None or track.safe > track.committed)
        }

    def committed(self, offsets: Mapping[Place, int]) -> None:
        """Kafka has stored these."""
        for place, offset in offsets.items():
            track = self._tracks.get(place)
            if track is not None and offset <= (track.safe or 0):
                track.committed = offset

    @property
    def in_hand(self) -> int:
        """Messages that were taken and are not done, or wait for one that is not."""
        return sum(len(track.waiting) for track in self._tracks.values())

    def places(self) -> set[Place]:
        """What is assigned."""
        return set(self._tracks)
