"""The engine over a scripted day: stories are pushed at a time, notices are wanted between two times."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from desk import T0, Desk, FailingOnce, at

from alerts.loader import load_rules
from riskwire.clock import ManualClock
from riskwire.errors import NotifyError, NotifyRetry, StorageError
from riskwire.ports import NotificationEntry
from riskwire.testing import MemoryIndex, RecordingNotifier, a_story, sentiment_of
from riskwire.types import Alert, EntityMention, Notification, ScoredDocument

DEMO = Path(__file__).parents[2] / "ingest" / "demo" / "stories.jsonl"


def story(number: int, minutes: float, sign: int = -1, symbol: str = "ACME", **fields: object) -> ScoredDocument:
    mention = EntityMention(
        entity_group="ORG", text=symbol, start=0, end=1, confidence=0.9, symbol=symbol, sentiment=sentiment_of(sign)
    )
    values: dict[str, object] = {
        "seen_at": at(minutes), "event_time": at(minutes), "entities": (mention,), "symbols": (symbol,),
        "sentiment": sentiment_of(sign), "source": f"source {number % 3}",
    }  # fmt: skip
    return a_story(number, **(values | fields))


def test_a_crisis_from_the_first_notice_to_the_last() -> None:
    async def day() -> None:
        desk = Desk()
        desk.start()
        await desk.push(*(story(n, n) for n in range(4)))
        await desk.go(10)
        first = desk.want("first", 2, 10)
        assert first.alerts[0].evidence
        for number in range(4, 14):  # it goes on, a story every half an hour …
            await desk.push(story(number, 30 * number - 85))
            await desk.go(30 * number - 75)
        await desk.go(310)
        desk.want("repeat", 240, 260)
        await desk.push(*(story(n, 311, 1) for n in range(20, 25)))
        await desk.go(325)
        resolved = desk.want("resolved", 311, 325)
        assert resolved.alerts[0].status == "resolved"
        desk.total(3)
        await desk.stop()

    asyncio.run(day())


def test_an_alert_resolves_by_time_alone() -> None:
    async def day() -> None:
        desk = Desk()
        desk.start()
        await desk.push(*(story(n, n) for n in range(3)))
        await desk.go(80)
        desk.want("first", 2, 12)
        resolved = desk.want("resolved", 62, 78)
        assert resolved.alerts[0].ends_at == at(62), "the moment itself, not that of a tick"
        desk.total(2)
        await desk.stop()

    asyncio.run(day())


def test_a_restart_says_nothing_twice_and_goes_on() -> None:
    async def day() -> None:
        desk = Desk()
        desk.start()
        await desk.push(*(story(n, n) for n in range(3)))
        await desk.go(4)
        desk.want("first", 2, 4)
        for minutes in (10, 20, 30):
            await desk.stop()
            desk.start()
            await desk.go(minutes)
        desk.total(1)
        await desk.go(80)
        desk.want("resolved", 62, 80)
        desk.total(2)
        assert [alert.status for alert in desk.index.list_alerts()] == ["resolved"]
        await desk.stop()
        desk.start()
        await desk.go(100)
        desk.total(2)
        await desk.stop()

    asyncio.run(day())


def test_a_crash_between_store_and_send_loses_no_notice() -> None:
    async def day() -> None:
        desk = Desk()
        desk.start()
        # The clock stands still, so the group still waits for its company when the crash comes.
        await desk.push(*(story(n, n) for n in range(3)))
        await desk.until(lambda: bool(desk.index.list_alerts(status="firing")))
        await desk.crash()
        desk.total(0)
        desk.start()
        await desk.go(4)
        desk.want("first", 2, 4)
        await desk.crash()
        desk.start()
        await desk.go(5)
        desk.total(1)
        await desk.stop()

    asyncio.run(day())


def test_an_alert_that_ended_unsaid_is_still_told_of_after_a_crash() -> None:
    async def day() -> None:
        desk = Desk(notifiers=[RecordingNotifier(failures=[NotifyRetry("outage", retry_after=60)])])
        desk.start()
        await desk.push(*(story(n, n) for n in range(3)))
        await desk.go(80)
        assert [alert.status for alert in desk.index.list_alerts()] == ["resolved"]
        desk.total(0)
        await desk.crash()
        desk.start()
        await desk.go(81)
        notice = desk.want("first", 80, 82)
        assert notice.alerts[0].status == "resolved"
        desk.total(1)
        await desk.stop()

    asyncio.run(day())


@pytest.mark.parametrize("where", ["put", "commit", "record", "notify"])
def test_a_crash_at_each_step(where: str) -> None:
    """At least once, whatever the step: before the notice was taken exactly once, after it at most twice."""

    class Failing(FailingOnce):
        def commit(self, consumer: str, offset: int) -> None:
            if offset >= 3:
                self.trip("commit")
            super().commit(consumer, offset)

        def record(self, entry: NotificationEntry) -> None:
            self.trip("record")
            super().record(entry)

    index = Failing(where)

    class Dying(RecordingNotifier):
        async def notify(self, notification: Notification) -> None:
            await super().notify(notification)
            if where == "notify" and index.armed:
                index.armed = False
                raise asyncio.CancelledError

    async def day() -> None:
        desk = Desk(index=index, notifiers=[Dying()])
        desk.start()
        for document in (story(n, n) for n in range(4)):
            desk.clock.move_to(document.seen_at)
            index.publish([document])
            await asyncio.sleep(0.15)
        desk.clock.move_to(at(4))
        await asyncio.sleep(0.5)
        assert not index.armed
        await desk.crash()
        desk.start()
        await desk.go(80)
        firsts = [one for one in desk.notifiers[0].notifications if one.reason == "first"]
        assert len(firsts) == (1 if where in ("put", "commit") else 2)
        desk.want("resolved", 60, 80)
        (alert,) = index.list_alerts()
        assert (alert.status, alert.starts_at) == ("resolved", at(2))
        await desk.stop()

    asyncio.run(day())


def test_a_store_that_is_busy_is_waited_for() -> None:
    class Busy(MemoryIndex):
        failures = 6

        def trip(self) -> None:
            if self.failures:
                self.failures -= 1
                raise StorageError("database is locked")

        def put_alerts(self, alerts: Sequence[Alert]) -> None:
            self.trip()
            super().put_alerts(alerts)

        def committed(self, consumer: str) -> int:
            if self.failures > 3:
                self.trip()
            return super().committed(consumer)

    async def day() -> None:
        desk = Desk(index=Busy())
        desk.start()
        await desk.push(*(story(n, n) for n in range(3)))
        await desk.go(4)
        desk.want("first", 2, 4)
        await desk.stop()

    asyncio.run(day())


def test_one_receivers_outage_holds_up_nobody() -> None:
    async def day() -> None:
        good, dead = RecordingNotifier("good"), RecordingNotifier("dead", [NotifyRetry("down", retry_after=600)] * 99)
        refusing = RecordingNotifier("refusing", [NotifyError("invalid_payload")])
        desk = Desk(notifiers=[good, dead, refusing])
        desk.start()
        for number in range(5):
            await desk.push(*(story(10 * number + n, 10 * number + n, symbol=f"S{number}") for n in range(3)))
        await desk.go(50)
        assert len([one for one in good.notifications if one.reason == "first"]) == 5
        assert dead.notifications == []
        assert len([one for one in refusing.notifications if one.reason == "first"]) == 4
        await desk.stop()

    asyncio.run(day())


def test_backfill_never_fires_and_duplicates_count_once() -> None:
    async def day() -> None:
        desk = Desk()
        desk.start()
        await desk.push(*(story(n, n, origin="backfill") for n in range(10)))
        await desk.push(story(11, 11), story(11, 11), story(12, 12), story(12, 12), story(11, 11))
        await desk.go(30)
        assert desk.index.list_alerts() == []
        desk.total(0)
        await desk.stop()

    asyncio.run(day())


def test_what_was_published_while_it_was_down_is_evaluated_at_its_own_time() -> None:
    async def day() -> None:
        desk = Desk()
        desk.index.publish([story(n, n) for n in range(3)])
        desk.clock.move_to(at(30))
        desk.start()
        await desk.go(35)
        notice = desk.want("first", 30, 35)
        assert notice.alerts[0].starts_at == at(2)
        await desk.stop()

    asyncio.run(day())


def demo_stories(end: datetime) -> list[ScoredDocument]:
    """The bundled demo, scored as its author meant it: the bank's crisis bad, its rescue good, the rest neutral."""
    start = end - timedelta(minutes=4320)
    found = []
    for number, line in enumerate(DEMO.read_text(encoding="utf-8").splitlines(), start=1):
        row = json.loads(line)
        minute = row["at"]
        is_bank = "Harwick" in row["title"] or "HWKB" in row["title"]
        sign = -1 if is_bank and 1902 <= minute <= 2201 else 1 if is_bank and 2903 <= minute <= 3119 else 0
        then = start + timedelta(minutes=minute)
        found.append(
            story(
                number,
                0,
                sign,
                "HWKB" if is_bank else f"X{number % 40}",
                title=row["title"],
                origin="demo",
                source=row["source"],
                source_type=row["source_type"],
                seen_at=then,
                event_time=then,
                link=row["link"],
            )
        )
    return found


def test_the_demos_bank_fires_and_resolves_under_the_default_rules() -> None:
    async def three_days() -> None:
        documents = demo_stories(T0)
        desk = Desk(rules=load_rules(), demo=True, clock=ManualClock(T0 - timedelta(minutes=4320)))
        desk.start()
        for document in documents:
            desk.clock.move_to(document.seen_at)
            desk.index.publish([document])
            await asyncio.sleep(0.002)
        desk.clock.move_to(T0)
        await desk.quiet()
        await desk.until(lambda: not desk.index.list_alerts(status="firing"))
        await asyncio.sleep(0.3)
        await desk.stop()
        alerts = {alert.rule: alert for alert in desk.index.list_alerts()}
        assert alerts.keys() == {"company-sentiment-collapse", "company-negative-news"}
        collapse = alerts["company-sentiment-collapse"]
        assert (collapse.labels["symbol"], collapse.severity, collapse.origin) == ("HWKB", "critical", "demo")
        begin = T0 - timedelta(minutes=4320 - 1902)
        assert begin < collapse.starts_at < begin + timedelta(minutes=60)
        assert collapse.ends_at is not None
        assert collapse.ends_at < begin + timedelta(hours=12)
        assert len(collapse.evidence) > 0
        reasons = {one.reason for one in desk.notifiers[0].notifications}
        assert {"first", "resolved"} <= reasons

    asyncio.run(three_days())


def test_the_demos_stories_are_nothing_to_a_live_engine() -> None:
    async def three_days() -> None:
        desk = Desk(rules=load_rules(), clock=ManualClock(T0))
        desk.index.publish(demo_stories(T0))
        desk.start()
        await desk.quiet()
        await desk.stop()
        assert desk.index.list_alerts() == []

    asyncio.run(three_days())
