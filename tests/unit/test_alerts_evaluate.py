"""Stories × rules × time → states of alerts: the cases a desk would ask about."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from alerts.evaluate import Evaluator
from alerts.rules import Matcher, NegativeShare, Rule, RuleSet, Threshold
from riskwire.testing import a_story, sentiment_of
from riskwire.types import Alert, EntityMention, ScoredDocument

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def story(
    number: int, seen: float, sign: int = -1, *symbols: str, event: float | None = None, **fields: object
) -> ScoredDocument:
    names = symbols or ("ACME",)
    mentions = tuple(
        EntityMention(
            entity_group="ORG", text=name, start=0, end=1, confidence=0.9, symbol=name, sentiment=sentiment_of(sign)
        )
        for name in names
    )
    values: dict[str, object] = {
        "seen_at": at(seen),
        "event_time": at(seen if event is None else event),
        "entities": mentions,
        "symbols": names,
        "sentiment": sentiment_of(sign),
        "source": f"source {number % 3}",
        "link": f"https://example.com/{number}",
    }
    return a_story(number, **(values | fields))


def rule(**fields: object) -> Threshold:
    values: dict[str, object] = {"name": "fall", "window": timedelta(hours=1), "below": -0.5, "min_documents": 3}
    return Threshold(**(values | fields))  # type: ignore[arg-type]


def evaluator(*rules: Rule, lateness: float = 6, **options: object) -> Evaluator:
    chosen = RuleSet(rules=rules or (rule(),))
    return Evaluator(chosen, allowed_lateness=timedelta(hours=lateness), **options)  # type: ignore[arg-type]


def feed(it: Evaluator, *documents: ScoredDocument) -> list[Alert]:
    return [alert for document in documents for alert in it.observe(document)]


def shown(alerts: list[Alert]) -> list[tuple[str, float]]:
    return [(alert.status, (alert.updated_at - T0).total_seconds() / 60) for alert in alerts]


def test_it_fires_with_evidence_and_resolves_when_the_window_is_empty() -> None:
    it = evaluator(base_url="http://127.0.0.1:8600/", names={"ACME": "Acme & Sons"})
    alerts = feed(it, story(1, 0), story(2, 1), story(3, 2))
    assert shown(alerts) == [("firing", 2)]
    (firing,) = alerts
    assert firing.labels == {"rule": "fall", "symbol": "ACME"}
    assert firing.value == pytest.approx(-0.85)
    assert (firing.threshold, firing.window, firing.transition) == (-0.5, 3600, 1)
    assert [one.id for one in firing.evidence] == [story(n, 0).id for n in (3, 2, 1)]
    assert firing.evidence[0].score == pytest.approx(-0.85)
    assert firing.annotations["company"] == "Acme & Sons (ACME)"
    assert firing.annotations["stories"] == "3"
    assert firing.generator_url
    assert firing.generator_url.startswith("http://127.0.0.1:8600/?symbol=ACME&since=2026-01-01T11%3A02%3A00Z")
    ended = it.advance(at(500))
    assert shown(ended) == [("resolved", 62)], "at the moment when the last story left, however late the tick"
    assert ended[0].ends_at == at(62)
    assert ended[0].starts_at == at(2)
    assert ended[0].fingerprint == firing.fingerprint
    assert ended[0].evidence == firing.evidence


def test_a_firing_alert_follows_its_stories() -> None:
    it = evaluator()
    alerts = feed(it, *(story(n, n) for n in range(5)))
    assert shown(alerts) == [("firing", 2), ("firing", 3), ("firing", 4)]
    assert [alert.transition for alert in alerts] == [1, 2, 3]
    assert {alert.starts_at for alert in alerts} == {at(2)}
    assert alerts[-1].annotations["stories"] == "5"


def test_good_news_resolves_it_by_hysteresis() -> None:
    it = evaluator(rule(resolve_at=0.0))
    alerts = feed(it, *(story(n, n) for n in range(3)), *(story(n, n, 1) for n in range(3, 7)))
    assert shown(alerts)[-1] == ("resolved", 5)
    assert "back at" in alerts[-1].annotations["ended"]
    assert alerts[-1].annotations["worst"] == "−0.85"


def test_each_company_has_its_own_window() -> None:
    it = evaluator()
    alerts = feed(it, story(1, 0, -1, "A", "B"), story(2, 1, -1, "A"), story(3, 2, -1, "B"), story(4, 3, -1, "B"))
    assert [alert.labels["symbol"] for alert in alerts] == ["B"]


def test_negative_share_needs_its_denominator() -> None:
    share = NegativeShare(name="s", window=timedelta(hours=1), above=0.7, min_documents=4)
    signs = (-1, -1, -1, 1)
    it = evaluator(share)
    assert shown(feed(it, *(story(n, n, sign) for n, sign in enumerate(signs)))) == [("firing", 3)]
    alert = evaluator(share).observe(story(9, 0))
    assert alert == []


def test_the_market_and_its_watch_list() -> None:
    market = rule(group_by="market")
    watched = rule(name="watched", group_by="market", match=Matcher(symbols=("A",)))
    it = evaluator(market, watched)
    alerts = feed(it, story(1, 0, -1, "A"), story(2, 1, -1, "B"), story(3, 2, -1, "C"), story(4, 3, -1, "A"))
    assert [(alert.rule, alert.labels.get("symbol")) for alert in alerts] == [("fall", None), ("fall", None)]
    assert alerts[0].annotations["company"] == "the market"
    assert [alert.rule for alert in it.observe(story(5, 4, -1, "A"))] == ["fall", "watched"]


def test_matchers() -> None:
    matched = rule(match=Matcher(sources=("good",), source_types=("news",), min_confidence=0.5))
    it = evaluator(matched)
    other = [story(1, 0), story(2, 1, source="good", source_type="social")]
    good = [story(n, n, source="good") for n in range(3, 6)]
    assert shown(feed(it, *other, *good)) == [("firing", 5)]


@pytest.mark.parametrize(("origin", "demo", "fires"), [
    ("live", False, True), ("webhook", False, True), ("backfill", False, False), ("backfill", True, False),
    ("demo", False, False), ("demo", True, True),
])  # fmt: skip
def test_only_some_origins_reach_live_rules(origin: str, demo: bool, fires: bool) -> None:
    alerts = feed(evaluator(demo=demo), *(story(n, n, origin=origin) for n in range(3)))
    assert bool(alerts) == fires
    assert all(alert.origin == ("demo" if origin == "demo" else "live") for alert in alerts)


def test_what_was_delivered_twice_counts_once() -> None:
    it = evaluator()
    assert feed(it, story(1, 0), story(1, 0), story(2, 1), story(2, 1), story(1, 0)) == []


def test_a_correction_replaces_and_a_removal_takes_out() -> None:
    it = evaluator()
    feed(it, story(1, 0), story(2, 1))
    corrected = story(1, 2, 1, revision=2)
    assert feed(it, corrected, story(3, 3)) == []
    assert shown(feed(it, story(1, 4, revision=3))) == [("firing", 4)]
    gone = story(3, 5, revision=2, status="removed", sentiment=None, entities=(), symbols=())
    (state,) = feed(it, gone)
    assert story(3, 0).id not in [one.id for one in state.evidence]
    assert feed(it, story(3, 6)) == [], "an old revision does not come back"
    still = story(3, 7, revision=3, status="removed", sentiment=None, entities=(), symbols=())
    assert feed(it, still, story(3, 8)) == []


def test_what_is_delivered_again_long_after_changes_nothing() -> None:
    it = evaluator(rule(window=timedelta(hours=24), keep_firing_for=timedelta(hours=1)), rule(name="short"))
    feed(it, *(story(n, n) for n in range(3)))
    it.advance(at(24 * 60 + 30))
    assert feed(it, story(1, 1), story(2, 2)) == []


def test_a_removal_of_any_origin_counts() -> None:
    it = evaluator()
    feed(it, story(1, 0), story(2, 1))
    gone = story(1, 2, revision=2, status="removed", sentiment=None, entities=(), symbols=(), origin="backfill")
    assert feed(it, gone, story(3, 3)) == []


def test_a_correction_that_names_another_company_moves() -> None:
    it = evaluator()
    feed(it, story(1, 0), story(2, 1))
    feed(it, story(2, 2, -1, "OTHER", revision=2))
    assert feed(it, story(3, 3)) == []
    assert [a.labels["symbol"] for a in feed(it, story(4, 4, -1, "OTHER"), story(5, 5, -1, "OTHER"))] == ["OTHER"]


def test_unscored_is_not_neutral() -> None:
    it = evaluator()
    unscored = [story(n, n, status="unscored", sentiment=None, entities=(), symbols=()) for n in range(10, 20)]
    assert shown(feed(it, story(1, 0), *unscored, story(2, 20), story(3, 21))) == [("firing", 21)]


def test_too_late_is_its_own_lateness() -> None:
    it = evaluator(rule(window=timedelta(hours=12)), lateness=6)
    # Another story's progress makes nobody late …
    feed(it, story(9, 600, 1, "OTHER"))
    assert shown(feed(it, *(story(n, 300, event=n) for n in range(3)))) == [("firing", 600)]
    # … its own does, even where the window would still hold it.
    assert it.late == 0
    assert feed(it, story(4, 601, event=601 - 361)) == []
    assert it.late == 1


def test_late_stories_that_complete_a_passed_window_still_warn() -> None:
    it = evaluator()
    alerts = feed(it, *(story(n, 240 + n, event=n) for n in range(4)))
    assert shown(alerts) == [("firing", 242), ("firing", 243)]
    assert alerts[0].annotations["late"] == "These stories arrived late: their window ended 4h before."
    assert alerts[0].value == pytest.approx(-0.85)
    assert shown(it.advance(at(1000))) == [("resolved", 303)], "held as long as one that was on time"


def test_late_stories_do_not_warn_against_what_is_known_by_now() -> None:
    it = evaluator()
    feed(it, *(story(n, 235 + n, 1) for n in range(10, 13)))
    assert feed(it, *(story(n, 250 + n, event=n) for n in range(4))) == []


def test_a_late_story_does_not_repeat_an_alert_that_is_over() -> None:
    it = evaluator()
    feed(it, *(story(n, n) for n in range(3)))
    assert shown(it.advance(at(120))) == [("resolved", 62)]
    assert feed(it, story(4, 130, event=3)) == []


def test_out_of_order_arrival_inside_the_window() -> None:
    it = evaluator()
    assert shown(feed(it, story(1, 30, event=30), story(2, 31, event=5), story(3, 32, event=20))) == [("firing", 32)]


def test_one_instant_can_end_and_start_the_same_alert() -> None:
    it = evaluator(rule(min_documents=1, resolve_at=-0.2))
    alerts = feed(it, story(1, 0), story(2, 0, 1), story(3, 0), story(4, 0), story(5, 0), story(6, 0))
    assert [alert.status for alert in alerts] == ["firing", "resolved", "firing", "firing"]
    assert [alert.transition for alert in alerts] == [1, 2, 3, 4]
    assert len({(alert.fingerprint, alert.starts_at) for alert in alerts}) == 1


def test_for_and_keep_firing_for_happen_at_their_moment() -> None:
    it = evaluator(rule(hold=timedelta(minutes=10), keep_firing_for=timedelta(minutes=5)))
    assert shown(feed(it, *(story(n, n) for n in range(3)))) == [("pending", 2)]
    assert shown(it.advance(at(11))) == []
    assert shown(it.advance(at(400))) == [("firing", 12), ("resolved", 67)]


def test_a_restart_goes_on_where_it_was() -> None:
    documents = [story(n, n) for n in range(4)]
    whole, before = evaluator(), evaluator()
    feed(whole, *documents)
    states = feed(before, *documents[:3])
    after = evaluator()
    for document in documents[:3]:
        after.fill(document)
    assert after.restore(states[-1:]) == []
    assert feed(after, documents[3])[0].transition == 2
    assert [msgspec.structs.replace(a, transition=0) for a in after.advance(at(500))] == [
        msgspec.structs.replace(a, transition=0) for a in whole.advance(at(500))
    ]


def test_a_restart_evaluates_again_without_harm() -> None:
    """The states of all five stories were stored, but the offset was committed after the second only."""
    documents = [story(n, n) for n in range(3)] + [story(n, n, 1) for n in range(3, 6)]
    before = evaluator(rule(resolve_at=0.0))
    states = feed(before, *documents)
    assert states[-1].status == "resolved"
    after = evaluator(rule(resolve_at=0.0))
    for document in documents[:2]:
        after.fill(document)
    after.restore(states[-1:])
    assert feed(after, *documents[2:]) == []
    assert after.advance(at(500)) == []


def test_a_held_alert_stays_held_after_a_restart() -> None:
    documents = [story(n, 240 + n, event=n) for n in range(3)]
    states = feed(evaluator(), *documents)
    after = evaluator()
    for document in documents:
        after.fill(document)
    after.restore(states[-1:])
    assert after.advance(at(290)) == []
    assert shown(after.advance(at(400))) == [("resolved", 302)]


def test_alerts_of_a_rule_that_is_gone_end() -> None:
    states = feed(evaluator(), *(story(n, n) for n in range(3)))
    other = evaluator(rule(name="other"))
    (ended,) = other.restore(states)
    assert (ended.status, ended.transition) == ("resolved", states[-1].transition + 1)
    assert "removed" in ended.annotations["ended"]


def test_what_is_over_is_forgotten() -> None:
    it = evaluator()
    feed(it, *(story(n, n, -1, f"S{n}") for n in range(50)))
    it.advance(at(10_000))
    assert (len(it._cells), len(it._known), len(it._heap)) == (0, 0, 0)
