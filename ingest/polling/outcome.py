"""What a poll came to, and the state of its source afterwards. Pure: takes the time and the dice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from ingest.base import Polled
from ingest.change import Decision
from ingest.polling.health import with_stories
from ingest.polling.moves import without_move
from ingest.polling.schedule import adapted, after_failure, after_success
from riskwire.errors import AddressRefused, FetchError, IngestError
from riskwire.log import masked
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

Outcome = Literal["ok", "not_modified", "failed", "refused", "gone"]
#: A stream is connected to again after so many seconds, and a failing one at least this often.
_RECONNECT, _RECONNECT_MOST = 2.0, 300.0


class FeedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one poll came to: a row of `riskwire up --once`. `new` counts stories and corrections that were accepted."""

    name: str
    outcome: Outcome
    entries: int = 0
    new: int = 0
    error: str | None = None
    moved_to: str | None = None


def outcome_of(error: IngestError) -> Outcome:
    """What an error means for its source."""
    if isinstance(error, AddressRefused):
        return "refused"
    return "gone" if isinstance(error, FetchError) and error.status == 410 else "failed"


def claimed(state: SourceState, interval: float, now: datetime) -> SourceState:
    """The state before a poll: should it be cut off here, its host is not asked again at once after the restart."""
    return msgspec.structs.replace(state, next_poll_at=now + timedelta(seconds=interval))


def succeeded(
    before: SourceState,
    polled: Polled,
    decision: Decision,
    *,
    settings: IngestSettings,
    interval: float | None,
    now: datetime,
    dice: float,
) -> SourceState:
    """The state after a poll whose stories are on the log. `interval` is the source's own; without, it is learnt."""
    state = with_stories(polled.state, polled, decision, now)
    new = len(decision.new) + len(decision.corrected)
    pace = before.pace or settings.interval
    if before.known_since is not None:  # the first poll brings everything, and says nothing of the pace
        pace = adapted(pace, bool(new), settings.interval_min, settings.interval_max)
    return msgspec.structs.replace(
        state,
        pace=pace,
        next_poll_at=after_success(
            now,
            interval=interval_of(msgspec.structs.replace(state, pace=pace), interval, settings),
            fresh=polled.fresh,
            wait=polled.wait,
            dice=dice,
        ),
        last_polled_at=now,
        last_success_at=now,
        last_outcome=polled.outcome,
        last_error=None,
        failures=0,
        entries=polled.entries if polled.outcome == "ok" else state.entries,
        new=new,
    )


def interval_of(state: SourceState, own: float | None, settings: IngestSettings) -> float:
    """Seconds between two polls: the source's own, else as learnt, else the configuration's.

    What the feed says of itself (ttl) can make it longer, up to `interval_max`: most say an hour without meaning it.
    """
    if own is not None:
        return own
    pace = (state.pace or settings.interval) if settings.adaptive else settings.interval
    return max(pace, min(state.asked_pace or 0.0, settings.interval_max))


def failed(
    before: SourceState,
    error: IngestError,
    *,
    settings: IngestSettings,
    interval: float | None,
    now: datetime,
    dice: float,
) -> SourceState:
    """The state after a poll that failed: later each time, never sooner than the server asked for."""
    outcome = outcome_of(error)
    return msgspec.structs.replace(
        without_move(before),
        next_poll_at=after_failure(
            now,
            interval=interval_of(before, interval, settings),
            failures=before.failures + 1,
            backoff_max=settings.backoff_max,
            retry_after=error.retry_after if isinstance(error, FetchError) else None,
            gone=outcome == "gone",
            dice=dice,
        ),
        last_polled_at=now,
        last_outcome=outcome,
        last_error=masked(str(error)),
        failures=before.failures + 1,
        new=0,
    )


def broken_off(
    before: SourceState, error: IngestError, *, settings: IngestSettings, now: datetime, dice: float
) -> SourceState:
    """The same for a stream: it is connected to again soon, as nothing of it comes meanwhile."""
    quick = settings.model_copy(update={"backoff_max": min(settings.backoff_max, _RECONNECT_MOST)})
    return failed(before, error, settings=quick, interval=_RECONNECT, now=now, dice=dice)
