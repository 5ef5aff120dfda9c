"""Live equals replay: the same stories give the same alerts, whatever the batches, ticks and restarts in between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evaluate import Evaluator
from alerts.rules import Matcher, NegativeShare, RuleSet, Threshold
from alerts.samples import MARKET, MICRO, Sample
from alerts.windows import Window, totals_of
from riskwire.testing import a_story
from riskwire.types import Alert, EntityMention, ScoredDocument, Sentiment, SentimentLabel

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATENESS = timedelta(hours=2)
RULES = RuleSet(
    rules=(
        Threshold(name="mean", window=60 * MINUTE, below=-0.3, resolve_at=-0.1, min_documents=2, min_sources=2),
        Threshold(name="low", window=30 * MINUTE, aggregate="min", below=-0.7, hold=7 * MINUTE),
        Threshold(name="buzz", window=45 * MINUTE, aggregate="count", above=3, group_by="market"),
        NegativeShare(name="share", window=90 * MINUTE, above=0.6, min_documents=3, keep_firing_for=11 * MINUTE),
        Threshold(name="watch", window=20 * MINUTE, above=0.4, match=Matcher(symbols=("A",), min_confidence=0.5)),
    )
)


def sentiment(score: float, confidence: float) -> Sentiment:
    label: SentimentLabel = "negative" if score < -0.2 else "positive" if score > 0.2 else "neutral"
    return Sentiment(label=label, confidence=confidence, probabilities={label: 1.0}, score=score)


@st.composite
def stories(draw: st.DrawFn) -> list[ScoredDocument]:
    """Stories in the order they were seen; some late, some corrected, removed, delivered twice."""
    seen, found = T0, []
    for index in range(draw(st.integers(1, 25))):
        seen += draw(st.sampled_from([0, 0, 1, 3, 10, 40, 100])) * MINUTE
        late = draw(st.sampled_from([0, 0, 0, 2, 15, 50, 90, 130])) * MINUTE
        number, revision = index, 1
        if found and draw(st.integers(0, 4)) == 0:
            old = draw(st.sampled_from(found))
            if draw(st.booleans()):
                found.append(old)  # delivered again, as it was
                continue
            newest = max(one.revision for one in found if one.id == old.id)
            number, revision = int(old.id, 16), newest + 1
        score = draw(st.sampled_from([-1.0, -0.8, -0.3, 0.0, 0.1, 0.7]))
        confidence = draw(st.sampled_from([0.0, 0.4, 0.9]))
        names = draw(st.sampled_from([("A",), ("B",), ("A", "B"), ()]))
        own = sentiment(score, confidence)
        gone = draw(st.integers(0, 9)) == 0
        mentions = tuple(
            EntityMention(entity_group="ORG", text=n, start=0, end=1, confidence=0.8, symbol=n, sentiment=own)
            for n in names
        )
        found.append(
            a_story(
                number,
                revision=revision,
                seen_at=seen,
                event_time=seen - late,
                source=f"source {index % 3}",
                entities=() if gone else mentions,
                symbols=() if gone else names,
                sentiment=None if gone else own,
                status="removed" if gone else "scored",
                origin=draw(st.sampled_from(["live", "live", "live", "webhook", "backfill"])),
            )
        )
    return found


def evaluator() -> Evaluator:
    return Evaluator(RULES, allowed_lateness=LATENESS)


def replay(documents: Sequence[ScoredDocument], it: Evaluator | None = None) -> list[Alert]:
    it = it or evaluator()
    states = [alert for document in documents for alert in it.observe(document)]
    return states + it.advance(T0 + timedelta(days=30))


@settings(max_examples=150, deadline=None)
@given(stories(), st.data())
def test_ticks_and_repeats_make_no_difference(documents: list[ScoredDocument], data: st.DataObject) -> None:
    """Ticks anywhere before the next story, and stories delivered again, change nothing."""
    it = evaluator()
    states: list[Alert] = []
    for index, document in enumerate(documents):
        if index:
            gap = document.seen_at - documents[index - 1].seen_at
            for share in sorted(data.draw(st.lists(st.floats(0, 1), max_size=3))):
                # A tick at the very moment of a story would be before it in one run and after it in the other.
                states += it.advance(documents[index - 1].seen_at + gap * min(share, 0.999))
        states += it.observe(document)
        if data.draw(st.booleans()):
            again = data.draw(st.sampled_from(documents[: index + 1]))
            states += it.observe(again)
    states += it.advance(T0 + timedelta(days=30))
    assert states == replay(documents)


@settings(max_examples=100, deadline=None)
@given(stories())
def test_every_alert_ends_and_its_states_follow_each_other(documents: list[ScoredDocument]) -> None:
    newest: dict[tuple[str, datetime], Alert] = {}
    for alert in replay(documents):
        key = (alert.fingerprint, alert.starts_at)
        before = newest.get(key)
        assert alert.transition == (before.transition + 1 if before else 1)
        assert alert.updated_at >= alert.starts_at
        assert before is None or alert.updated_at >= before.updated_at
        assert alert.status != "pending" or before is None or before.status in ("pending", "resolved")
        newest[key] = alert
    assert {alert.status for alert in newest.values()} <= {"resolved"}


@settings(max_examples=100, deadline=None)
@given(stories(), st.data())
def test_a_restart_makes_no_difference_to_what_fires(documents: list[ScoredDocument], data: st.DataObject) -> None:
    """Stop after any story, with the offset committed at it or before it: the same alerts fire and end."""
    stop = data.draw(st.integers(0, len(documents)))
    committed = data.draw(st.integers(max(0, stop - 3), stop))
    before = evaluator()
    stored: dict[tuple[str, datetime], Alert] = {}
    for document in documents[:stop]:
        for alert in before.observe(document):
            stored[alert.fingerprint, alert.starts_at] = alert
    after = evaluator()
    for document in documents[:committed]:
        after.fill(document)
    after.restore(stored.values())
    for alert in replay(documents[committed:], after):
        key = (alert.fingerprint, alert.starts_at)
        if key not in stored or stored[key].transition < alert.transition:
            stored[key] = alert
    assert all(alert.status == "resolved" for alert in stored.values())
    if committed == stop and not RULES_WITH_MEMORY & {alert.rule for alert in stored.values()}:
        whole = {(a.fingerprint, a.starts_at): a.ends_at for a in replay(documents)}
        assert {key: alert.ends_at for key, alert in stored.items()} == whole


#: Their `keep_firing_for` starts anew with a restart.
RULES_WITH_MEMORY = {"share"}


@st.composite
def window_samples(draw: st.DrawFn) -> list[Sample]:
    size = draw(st.integers(0, 30))
    return [
        Sample(
            id=f"{draw(st.integers(0, 15)):02}",
            revision=index,
            event_time=T0 + draw(st.integers(0, 300)) * MINUTE,
            score=draw(st.integers(-MICRO, MICRO)),
            confidence=draw(st.integers(0, MICRO)),
            label=draw(st.sampled_from(["positive", "neutral", "negative"])),
            source=draw(st.sampled_from("abc")),
        )
        for index in range(size)
    ]


@settings(max_examples=200, deadline=None)
@given(window_samples(), st.integers(0, 300), st.data())
def test_running_totals_equal_brute_force(samples: list[Sample], now: int, data: st.DataObject) -> None:
    """And do not depend on the order of arrival within the allowed lateness."""
    length = 60 * MINUTE
    end = T0 + (300 + now) * MINUTE
    newest = {sample.id: sample for sample in samples}
    removed = set(data.draw(st.lists(st.sampled_from(sorted(newest)), unique=True))) if newest else set()
    wanted = [
        one for one in newest.values() if one.id not in removed and end - length < one.event_time <= end
    ]  # fmt: skip
    results = []
    for order in (list(newest.values()), data.draw(st.permutations(list(newest.values())))):
        window = Window(length, timedelta(hours=24))
        window.advance(T0 + 300 * MINUTE)
        for sample in order:
            window.put(sample)
        for document_id in removed:
            window.remove(document_id)
        window.advance(end)
        assert window.totals == totals_of(wanted)
        assert [one.id for one in window.current] == [
            one.id for one in sorted(wanted, key=lambda one: (one.event_time, one.id))
        ]
        results.append((window.totals.mean, window.totals.negative_share))
    assert results[0] == results[1]
    if wanted and sum(one.confidence for one in wanted):
        weight = sum(one.confidence for one in wanted)
        mean = sum(one.confidence * one.score for one in wanted) / weight / MICRO
        assert results[0][0] == pytest.approx(mean)


@settings(max_examples=60, deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_arrival_order_within_lateness_gives_the_same_value(documents: list[ScoredDocument], random: object) -> None:
    """Stories seen at one moment in any order: the same value of the window afterwards."""
    moment = documents[-1].seen_at
    first = {one.id: one for one in documents if one.status == "scored" and one.origin == "live"}
    together = [msgspec.structs.replace(one, seen_at=moment, revision=1) for one in first.values()]
    values = []
    for shuffled in (False, True):
        if shuffled:
            random.shuffle(together)  # type: ignore[attr-defined]
        it = evaluator()
        for one in together:
            it.observe(one)
        values.append(
            {
                key: (cell.window.totals.mean, cell.window.totals.n)
                for key, cell in it._cells.items()
                if cell.window.totals.n
            }
        )
    assert values[0] == values[1]
    assert all(group == MARKET for (index, group) in values[0] if RULES.rules[index].group_by == "market")
