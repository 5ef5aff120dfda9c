"""How a source is: its rhythm, its silence, and what share of its stories is undated, doubled or late. Pure.

A stopped feed that still answers looks like a quiet market, and a wire that is silent at night is well: so silence is
measured against the source's own longest pause of the last weeks. Counts and pauses fade, so that what was long ago
does not hide what is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from ingest.base import SAID_DIGITS, Polled
from ingest.change import Decision
from riskwire.ports import SourceHealth, SourceState, SourceStatus
from riskwire.types import Document

#: Failures in a row from which a source counts as failing: one is the weather.
FAILING = 3
#: Shares are over about this many stories; half of what was counted earlier is forgotten with each so many.
_MEMORY = 200.0
#: Weight of the newest gap in the mean.
_NEWEST = 0.1
#: The longest pause seen is forgotten by half in so many seconds: weekends come once a week.
_FADES = 14 * 86400.0
#: A pause twice as long as any before is silence.
_BEYOND = 2.0
#: A share that has moved by so much is told to those who watch, and a lateness by this part of itself.
_STEP = 0.05
_LATER = 0.25
#: Never silent sooner than this (seconds); and while nobody knows its nights and weekends, not within this.
_SOONEST, _UNKNOWN, _KNOWN_AFTER = 2 * 3600.0, 72 * 3600.0, timedelta(days=8)


def with_stories(state: SourceState, polled: Polled, decision: Decision, now: datetime) -> SourceState:
    """The state after a poll that was taken: counts and rhythm. `state` is the one before it.

    The first poll brings a feed's whole past, and says nothing of how late or how often.
    """
    first = state.known_since is None
    changes = decision.new + decision.corrected
    known = {one.document.id[:SAID_DIGITS] for one in polled.told} & set(polled.said)
    fresh = len(polled.told) - sum(one.document.id[:SAID_DIGITS] in known for one in polled.told)
    old = state
    state = msgspec.structs.replace(state, known_since=state.known_since or now)
    if fresh:
        fades = 0.5 ** (fresh / _MEMORY)
        undated = sum(
            one.document.published_quality in ("missing", "future")
            for one in polled.told
            if one.document.id[:SAID_DIGITS] not in known
        )
        state = msgspec.structs.replace(
            state,
            fresh=state.fresh * fades + fresh,
            undated=state.undated * fades + undated,
            duplicates=state.duplicates * fades + (0 if first else max(fresh - len(changes), 0)),
        )
    if not changes:
        return state
    if first:
        return msgspec.structs.replace(state, last_new_at=now)
    # What was published while nobody asked (we were stopped, or late) says nothing of the source's own pauses.
    gap = (now - (old.last_new_at or now)).total_seconds() - _unasked(old, now)
    late = _median([seconds for one in decision.new if (seconds := _late(one)) is not None])
    return msgspec.structs.replace(
        state,
        last_new_at=now,
        mean_gap=_blend(old.mean_gap, gap),
        longest_gap=max(gap, (old.longest_gap or 0.0) * 0.5 ** (max(gap, 0.0) / _FADES)),
        lateness=old.lateness if late is None else _blend(old.lateness, max(late, 0.0)),
    )


def usual_quiet(state: SourceState, now: datetime) -> float:
    """For how many seconds it may bring nothing new and yet be well."""
    usual = max(_BEYOND * (state.longest_gap or 0.0), _SOONEST)
    unknown = state.known_since is None or now - state.known_since < _KNOWN_AFTER or state.longest_gap is None
    return max(usual, _UNKNOWN) if unknown else usual


def status_of(state: SourceState, now: datetime) -> SourceStatus:
    """In one word, the worst first."""
    if state.last_outcome is None:
        return "new"
    if state.last_outcome == "gone":
        return "gone"
    if state.last_outcome == "refused":
        return "refused"
    if state.failures >= FAILING:
        return "failing"
    quiet = _quiet(state, now)
    return "silent" if quiet is not None and quiet > usual_quiet(state, now) else "ok"


def with_status(state: SourceState, now: datetime) -> tuple[SourceState, SourceHealth | None]:
    """The state with its status as it is now; and, where its health has changed, the record that says so."""
    status, previous = status_of(state, now), state.status
    if state.last_new_at is not None:
        state = msgspec.structs.replace(state, usual_quiet=usual_quiet(state, now))
    if status != previous:
        state = msgspec.structs.replace(state, status=status, status_since=now)
    health = health_of(state, now, previous=previous if status != previous else None)
    if not _is_news(health, state.reported):
        return state, None
    return msgspec.structs.replace(state, reported=health), health


def health_of(state: SourceState, now: datetime, previous: SourceStatus | None = None) -> SourceHealth:
    """All that can be said of a source. Its status is that of now, also when nobody has asked it since."""
    status = status_of(state, now)
    return SourceHealth(
        name=state.name,
        status=status,
        at=now,
        since=state.status_since if status == state.status else now,
        previous=previous,
        last_success_at=state.last_success_at,
        error=state.last_error,
        failures=state.failures,
        items=state.entries,
        lateness=state.lateness,
        undated=state.undated / state.fresh if state.fresh else None,
        duplicates=state.duplicates / state.fresh if state.fresh else None,
        quiet=_quiet(state, now),
        usual_quiet=usual_quiet(state, now) if state.last_new_at else None,
    )


def _is_news(health: SourceHealth, told: SourceHealth | None) -> bool:
    """Whether a rule could see a difference: another status, one more failure, a share or lateness that has moved."""
    if health.previous is not None:
        return True
    if told is None:
        return health.status != "new"
    if health.failures >= FAILING and health.failures != told.failures:
        return True
    return (
        _moved(health.undated, told.undated, _STEP)
        or _moved(health.duplicates, told.duplicates, _STEP)
        or _moved(health.lateness, told.lateness, max(60.0, _LATER * (told.lateness or 0.0)))
    )


def _moved(now: float | None, before: float | None, by: float) -> bool:
    return (now is None) != (before is None) or abs((now or 0.0) - (before or 0.0)) >= by


def _unasked(state: SourceState, now: datetime) -> float:
    """For how many seconds it should have been asked (a stream: was not heard) and was not."""
    due = state.next_poll_at or state.last_polled_at
    return max((now - due).total_seconds(), 0.0) if due is not None else 0.0


def _quiet(state: SourceState, now: datetime) -> float | None:
    return max((now - state.last_new_at).total_seconds(), 0.0) if state.last_new_at else None


def _late(document: Document) -> float | None:
    """Seconds from publication to us; None where its date is not to be trusted."""
    if document.published_at is None or document.published_quality not in ("stated", "repaired"):
        return None
    return (document.seen_at - document.published_at).total_seconds()


def _blend(old: float | None, new: float) -> float:
    return new if old is None else old + _NEWEST * (new - old)


def _median(values: Sequence[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None
