"""Documents and time in, states of alerts out. Pure: no clock, no store; the same calls give the same answers.

Time is each story's `seen_at` and the ticks. Whatever changes by time alone (a story leaves a window, a `for` is over)
happens at its own moment, in order, before anything later is looked at. So it makes no difference how documents are
batched, or how often somebody ticks in between: a replay gives the same alerts.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from alerts.cells import Cell, Late, content_of, ended_state, held_from, late_words
from alerts.describe import Builder, labels_of
from alerts.rules import Reading, RuleSet, StoryRule
from alerts.samples import MARKET, Sample, samples_of
from alerts.states import Phase, due, step
from alerts.windows import totals_of
from riskwire.identity import fingerprint
from riskwire.types import Alert, ScoredDocument

_INSTANT = timedelta(microseconds=1)


class _Known(msgspec.Struct):
    """A story that is in some windows, or was taken out of them."""

    revision: int
    cells: set[tuple[int, str]] = msgspec.field(default_factory=set)


class Evaluator:
    """The rules over the scored stories. `late` counts stories that came too late for any window."""

    def __init__(
        self,
        rules: RuleSet,
        *,
        allowed_lateness: timedelta,
        demo: bool = False,
        base_url: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.rules = rules.about_stories
        self._longest = rules.longest_window
        self.now: datetime | None = None
        self.late = 0
        self._lateness = allowed_lateness
        self._origins = {"live", "webhook", "demo"} if demo else {"live", "webhook"}
        self._build = Builder(base_url, names)
        self._cells: dict[tuple[int, str], Cell] = {}
        self._known: dict[str, _Known] = {}
        self._forget: deque[tuple[datetime, str]] = deque()
        self._heap: list[tuple[datetime, tuple[int, str]]] = []

    @property
    def horizon(self) -> timedelta:
        """How far back a story can matter: the longest window and the allowed lateness."""
        return self._longest + self._lateness

    @property
    def firing(self) -> int:
        """How many alerts fire."""
        return sum(cell.phase.status == "firing" for cell in self._cells.values())

    def fill(self, document: ScoredDocument) -> None:
        """Put a story that was handled before back into its windows. Nothing is said about it."""
        if not self._is_new(document):
            return
        self.now = document.seen_at if self.now is None else max(self.now, document.seen_at)
        for cell, _ in self._admit(document):
            self._schedule(cell, self.now)

    def restore(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Go on from the stored states: the newest of each alert, the open ones and those resolved lately.

        Call it after `fill` and before anything else. What it returns are alerts whose rule is gone: now resolved.
        """
        ended = []
        for alert in sorted(alerts, key=lambda one: (one.updated_at, one.transition)):
            group = alert.labels.get("symbol", MARKET)
            index = next((i for i, rule in enumerate(self.rules) if self._is_of(rule, group, alert)), None)
            if index is None:
                if alert.status != "resolved":
                    ended.append(
                        ended_state(alert, max(alert.updated_at, self.now or alert.updated_at), "the rule was removed")
                    )
                continue
            cell = self._cell(index, group)
            cell.guard = alert.updated_at
            if alert.status == "resolved":
                cell.ended = alert
            else:
                cell.alert = alert
                cell.phase = Phase(status=alert.status, since=alert.starts_at)
                cell.late = held_from(alert)
            self._schedule(cell, max(alert.updated_at, self.now or alert.updated_at))
        return ended

    def observe(self, document: ScoredDocument) -> list[Alert]:
        """A story was seen. The states that alerts entered by it and by the time until then, in order."""
        if not self._is_new(document):
            return []
        states = self.advance(document.seen_at)
        for cell, sample in sorted(self._admit(document), key=lambda pair: pair[0].order):
            states += self._evaluate(cell, sample, arrived=True)
        return states

    def advance(self, now: datetime) -> list[Alert]:
        """It is `now`. The states that alerts entered by time alone, each stamped with its own moment."""
        states: list[Alert] = []
        while self._heap and self._heap[0][0] <= now:
            then, key = heapq.heappop(self._heap)
            cell = self._cells.get(key)
            if cell is None or cell.due != then:
                continue  # it was evaluated since, and has another moment
            cell.due = None
            self.now = then if self.now is None else max(self.now, then)
            states += self._evaluate(cell)
        self.now = now if self.now is None else max(self.now, now)
        while self._forget and self._forget[0][0] + self.horizon <= self.now:
            _, document_id = self._forget.popleft()
            known = self._known.get(document_id)
            if known is not None and known.cells:
                self._forget.append((self.now, document_id))
            elif known is not None:
                del self._known[document_id]
        return states

    def _is_new(self, document: ScoredDocument) -> bool:
        known = self._known.get(document.id)
        if document.origin not in self._origins and not (known and document.status == "removed"):
            return False
        return known is None or known.revision < document.revision

    def _admit(self, document: ScoredDocument) -> list[tuple[Cell, Sample | None]]:
        """Put the story's samples where they belong; every cell that it changed, with its sample there."""
        assert self.now is not None
        known = self._known.get(document.id)
        before = set(known.cells) if known else set()
        # Its own lateness, never another story's progress. A correction replaces what is in a window, however late.
        is_late = document.seen_at - document.event_time > self._lateness
        after: dict[tuple[int, str], Sample] = {}
        for group, sample in samples_of(document):
            for index, rule in enumerate(self.rules):
                fits = (group == MARKET) == (rule.group_by == "market") and rule.match.takes(document, group, sample)
                if fits and (not is_late or (index, group) in before):
                    after[index, group] = sample
        if known is None and not after:
            self.late += is_late and document.status == "scored"
            return []
        is_first = known is None
        if known is None:
            known = self._known[document.id] = _Known(document.revision)
            self._forget.append((self.now, document.id))
        known.revision = document.revision
        touched: list[tuple[Cell, Sample | None]] = []
        for key in before | after.keys():
            cell = self._cell(*key)
            self._move(cell)
            if key in after:
                cell.window.put(after[key])
            else:
                cell.window.remove(document.id)
            if document.id in cell.window:
                known.cells.add(key)
            elif key in before:
                known.cells.discard(key)
            else:
                self._reschedule(cell)  # older than any window: as if it had not come
                continue
            touched.append((cell, after.get(key)))
        if is_first and not touched:
            del self._known[document.id]
        return touched

    def _evaluate(self, cell: Cell, sample: Sample | None = None, *, arrived: bool = False) -> list[Alert]:
        assert self.now is not None
        now, rule = self.now, cell.rule
        self._move(cell)
        if cell.guard is not None and now <= cell.guard:
            self._reschedule(cell)
            return []
        cell.guard = None
        reading = self._read(cell)
        met = rule.starts(reading)
        if sample is not None and not met and reading.n < rule.min_documents:
            cell.late = self._completed_late(cell, sample) or cell.late
        if cell.late is not None:
            calm = reading.n >= rule.min_documents and not rule.stays(reading)
            if now >= cell.late.until or met or calm:
                cell.late = None  # what is known by now goes before what came late
        is_held = cell.late is not None
        phase = step(rule, cell.phase, now, met=met or is_held, stays=rule.stays(reading) or is_held)
        alert = self._state(cell, phase, reading, arrived=arrived)
        cell.phase = phase
        if phase.status == "inactive":
            cell.alert, cell.ended = None, alert or cell.ended
        else:
            cell.alert = alert or cell.alert
        self._reschedule(cell)
        return [alert] if alert is not None else []

    def _state(self, cell: Cell, phase: Phase, reading: Reading, *, arrived: bool) -> Alert | None:
        """The state to tell of, if this one differs from the last."""
        assert self.now is not None
        last = cell.alert
        if phase.status == "inactive":
            if last is None:
                return None
            left = reading.value is not None and reading.n
            shown = (
                f"{cell.rule.words()} is back at {_show(cell, reading)}" if left else "no more stories in the window"
            )
            state = ended_state(last, self.now, shown)
            return msgspec.structs.replace(state, value=reading.value if reading.n else None)
        same_phase = last is not None and last.status == phase.status
        if same_phase and not arrived:
            return None
        late = cell.late
        if same_phase and late is not None and not late.samples:
            return None  # held since before a restart: its stories are those already told
        assert phase.since is not None
        before = last
        if last is None and cell.ended is not None and cell.ended.starts_at == phase.since:
            before = cell.ended  # over and met again in one instant: the same alert goes on
        alert = self._build.firing(
            cell.rule,
            cell.group,
            late.reading if late else reading,
            late.samples if late else cell.window.current,
            starts_at=phase.since,
            now=self.now,
            transition=before.transition + 1 if before else 1,
            pending=phase.status == "pending",
            before=last,
            late=late_words(late, self.now) if late else None,
        )
        if same_phase and last is not None and content_of(alert) == content_of(last):
            return None
        return alert

    def _completed_late(self, cell: Cell, sample: Sample) -> Late | None:
        assert self.now is not None
        told_until = cell.ended.ends_at if cell.ended is not None else None
        for samples in cell.window.passed_windows(sample):
            if told_until is not None and samples[-1].event_time <= told_until:
                return None  # an alert was told of that time already
            totals = totals_of(samples)
            reading = Reading(value=cell.rule.measure(totals, samples), n=totals.n, sources=len(totals.sources))
            if cell.rule.starts(reading):
                return Late(self.now + cell.rule.window, samples[-1].event_time, reading, tuple(samples))
        return None

    def _read(self, cell: Cell) -> Reading:
        totals = cell.window.totals
        samples = cell.window.current if cell.rule.needs_samples() else ()
        return Reading(value=cell.rule.measure(totals, samples), n=totals.n, sources=len(totals.sources))

    def _cell(self, index: int, group: str) -> Cell:
        key = (index, group)
        if key not in self._cells:
            self._cells[key] = Cell(self.rules[index], index, group, self._lateness)
        return self._cells[key]

    def _move(self, cell: Cell) -> None:
        assert self.now is not None
        for document_id in cell.window.advance(self.now):
            if document_id in self._known:
                self._known[document_id].cells.discard(cell.order)

    def _reschedule(self, cell: Cell) -> None:
        if not len(cell.window) and cell.phase.status == "inactive" and cell.guard is None:
            self._cells.pop(cell.order, None)
            return
        moments = [
            cell.window.next_change(),
            cell.window.next_forget(),
            due(cell.rule, cell.phase),
            cell.late.until if cell.late else None,
            cell.guard + _INSTANT if cell.guard else None,
        ]
        known = [moment for moment in moments if moment is not None]
        if known:
            self._schedule(cell, min(known))

    def _schedule(self, cell: Cell, then: datetime) -> None:
        if cell.due != then:
            cell.due = then
            heapq.heappush(self._heap, (then, cell.order))

    def _is_of(self, rule: StoryRule, group: str, alert: Alert) -> bool:
        return rule.name == alert.rule and fingerprint(labels_of(rule, group)) == alert.fingerprint


def _show(cell: Cell, reading: Reading) -> str:
    return cell.rule.show(reading.value) if reading.value is not None else "nothing"
