"""Event-time windows: the stories of one group, sorted by when they happened, and exact totals of the current window.

Pure: time comes in, nothing goes out. The window at `now` holds event times in (now − length, now]. Older stories are
kept for the allowed lateness, because a late one may complete a window that has passed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from alerts.samples import MICRO, Sample

#: The most stories one window keeps; beyond it the oldest leave early.
MAX_SAMPLES = 50_000
#: The most earlier windows that are looked at for one late story.
_MAX_LATE_WINDOWS = 256


class Totals(msgspec.Struct):
    """Counts and sums over some samples, exact whatever the order they were added in."""

    n: int = 0
    negative: int = 0
    weight: int = 0
    weighted: int = 0
    plain: int = 0
    sources: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, sample: Sample, sign: int = 1) -> None:
        """Count it, or with sign −1 take it out again."""
        self.n += sign
        self.negative += sign * (sample.label == "negative")
        self.weight += sign * sample.confidence
        self.weighted += sign * sample.confidence * sample.score
        self.plain += sign * sample.score
        left = self.sources.get(sample.source, 0) + sign
        if left:
            self.sources[sample.source] = left
        else:
            self.sources.pop(sample.source, None)

    @property
    def mean(self) -> float | None:
        """The mean score, weighted by confidence; None of nothing."""
        if not self.n:
            return None
        return self.weighted / self.weight / MICRO if self.weight else self.plain / self.n / MICRO

    @property
    def negative_share(self) -> float | None:
        """The share of stories with a negative label, 0…1; None of nothing."""
        return self.negative / self.n if self.n else None


def totals_of(samples: Iterable[Sample]) -> Totals:
    """The totals by adding all: what the running ones must equal."""
    totals = Totals()
    for sample in samples:
        totals.add(sample)
    return totals


def _when(sample: Sample) -> tuple[datetime, str]:
    return sample.event_time, sample.id


class Window:
    """The stories of one group for one rule. `now` never goes back."""

    def __init__(self, length: timedelta, lateness: timedelta, max_samples: int = MAX_SAMPLES) -> None:
        self._length = length
        self._kept_for = length + lateness
        self._max = max_samples
        self._samples: list[Sample] = []
        self._by_id: dict[str, Sample] = {}
        self._start = 0  # index of the first sample of the current window
        self.now: datetime | None = None
        self.totals = Totals()

    def __len__(self) -> int:
        return len(self._samples)

    def __contains__(self, document_id: str) -> bool:
        return document_id in self._by_id

    @property
    def current(self) -> Sequence[Sample]:
        """The samples of the window at `now`, oldest first."""
        return self._samples[self._start :]

    def advance(self, now: datetime) -> list[str]:
        """Move on to `now`; the ids that were forgotten for good."""
        if self.now is not None and now <= self.now:
            return []
        self.now = now
        edge = now - self._length
        while self._start < len(self._samples) and self._samples[self._start].event_time <= edge:
            self.totals.add(self._samples[self._start], -1)
            self._start += 1
        return self._forget(bisect_right(self._samples, now - self._kept_for, key=lambda one: one.event_time))

    def put(self, sample: Sample) -> bool:
        """Add, or replace the older revision of the same story. Whether it is in the current window.

        A sample older than anything that is kept is left out.
        """
        assert self.now is not None, "advance first"
        self.remove(sample.id)
        if sample.event_time <= self.now - self._kept_for:
            return False
        is_current = sample.event_time > self.now - self._length
        insort(self._samples, sample, key=_when)
        self._by_id[sample.id] = sample
        if is_current:
            self.totals.add(sample)
        else:
            self._start += 1
        if len(self._samples) > self._max:
            self._forget(len(self._samples) - self._max)
        return is_current

    def remove(self, document_id: str) -> bool:
        """Take a story out. Whether it was there."""
        sample = self._by_id.pop(document_id, None)
        if sample is None:
            return False
        index = bisect_left(self._samples, _when(sample), key=_when)
        del self._samples[index]
        if index < self._start:
            self._start -= 1
        else:
            self.totals.add(sample, -1)
        return True

    def next_change(self) -> datetime | None:
        """When the window at `now` changes next without a new story: its oldest one leaves."""
        if self._start < len(self._samples):
            return self._samples[self._start].event_time + self._length
        return None

    def next_forget(self) -> datetime | None:
        """When the oldest story that is kept is forgotten for good."""
        return self._samples[0].event_time + self._kept_for if self._samples else None

    def passed_windows(self, sample: Sample) -> Iterable[Sequence[Sample]]:
        """The samples of each earlier window that a late story is part of, newest window first.

        A window is taken to end at each story from this one on: between two of them its content only shrinks.
        """
        first = bisect_left(self._samples, _when(sample), key=_when)
        last = bisect_left(self._samples, sample.event_time + self._length, key=lambda one: one.event_time)
        for end in range(last, max(first, last - _MAX_LATE_WINDOWS), -1):
            edge = self._samples[end - 1].event_time - self._length
            start = bisect_right(self._samples, edge, hi=end, key=lambda one: one.event_time)
            yield self._samples[start:end]

    def _forget(self, count: int) -> list[str]:
        gone = self._samples[:count]
        for index, sample in enumerate(gone):
            del self._by_id[sample.id]
            if index >= self._start:
                self.totals.add(sample, -1)
        del self._samples[:count]
        self._start = max(0, self._start - count)
        return [sample.id for sample in gone]
