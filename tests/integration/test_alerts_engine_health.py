"""The engine over the health of sources: a feed dies, a notice says so, and another one when it is back."""

from __future__ import annotations

import asyncio

import pytest
from desk import Desk, FailingOnce, at

from alerts.engine import CONSUMER, HEALTH_CONSUMER
from alerts.loader import parse_rules
from riskwire.ports import SourceHealth

RULES = """
notify: {group_by: [rule], group_wait: 5s, group_interval: 5m}
rules:
  - {name: dead, kind: source_health, for: 15m}
  - {name: fall, kind: threshold, below: -0.5, window: 1h}
"""


def health(minutes: float, status: str, name: str = "wire", **fields: object) -> SourceHealth:
    return SourceHealth(name=name, status=status, at=at(minutes), **fields)  # type: ignore[arg-type]


def told(desk: Desk) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (one.reason, sorted((alert.labels["source"], alert.status) for alert in one.alerts))
        for one in desk.notifiers[0].notifications
    ]


def test_a_feed_dies_and_is_back_with_a_restart_at_each_step() -> None:
    async def day() -> None:
        desk = Desk(rules=parse_rules(RULES))
        desk.start()
        await desk.tell(health(0, "ok"), health(1, "failing", failures=3, error="HTTP 500"))
        await desk.go(10)
        assert told(desk) == []
        await desk.crash()
        desk.start()
        await desk.go(20)
        assert told(desk) == [("first", [("wire", "firing")])]
        (alert,) = desk.index.list_alerts()
        assert (alert.starts_at, alert.annotations["error"]) == (at(1), "HTTP 500")
        await desk.stop()
        desk.start()
        await desk.go(30)
        assert len(told(desk)) == 1
        await desk.tell(health(31, "ok"))
        await desk.go(40)
        assert told(desk)[1:] == [("resolved", [("wire", "resolved")])]
        (alert,) = desk.index.list_alerts()
        assert (alert.status, alert.ends_at) == ("resolved", at(31))
        assert desk.index._offsets == {HEALTH_CONSUMER: 3}
        await desk.stop()
        desk.start()
        await desk.go(50)
        assert len(told(desk)) == 2
        await desk.stop()

    asyncio.run(day())


def test_our_own_network_is_down_and_one_notice_says_so() -> None:
    async def day() -> None:
        desk = Desk(rules=parse_rules(RULES))
        desk.start()
        await desk.tell(*(health(number / 100, "failing", f"feed {number}") for number in range(50)))
        await desk.go(30)
        ((reason, alerts),) = told(desk)
        assert (reason, len(alerts)) == ("first", 50)
        await desk.stop()

    asyncio.run(day())


def test_what_happened_while_it_was_down_is_evaluated_at_its_own_time() -> None:
    async def day() -> None:
        desk = Desk(rules=parse_rules(RULES))
        desk.sources.save_all([], [health(0, "silent"), health(20, "ok"), health(30, "gone")])
        desk.clock.move_to(at(60))
        desk.start()
        await desk.go(70)
        alerts = {alert.starts_at: alert.status for alert in desk.index.list_alerts()}
        assert alerts == {at(0): "resolved", at(30): "firing"}
        await desk.stop()

    asyncio.run(day())


def test_a_source_that_was_removed_is_over_at_the_next_start() -> None:
    async def day() -> None:
        desk = Desk(rules=parse_rules(RULES))
        desk.start()
        await desk.tell(health(0, "gone"), health(0.1, "gone", "other"))
        await desk.go(20)
        await desk.stop()
        desk.polled = {"other"}
        desk.start()
        await desk.go(30)
        assert {alert.labels["source"]: alert.status for alert in desk.index.list_alerts()} == {
            "wire": "resolved",
            "other": "firing",
        }
        await desk.stop()

    asyncio.run(day())


@pytest.mark.parametrize("where", ["put", "commit"])
def test_a_crash_at_each_step(where: str) -> None:
    class Failing(FailingOnce):
        def commit(self, consumer: str, offset: int) -> None:
            assert consumer != CONSUMER, "no story came"
            self.trip("commit")
            super().commit(consumer, offset)

    async def day() -> None:
        index = Failing(where)
        desk = Desk(rules=parse_rules(RULES), index=index)
        desk.start()
        desk.sources.save_all([], [health(0, "failing")])
        await desk.until(lambda: not index.armed)
        await desk.crash()
        desk.start()
        await desk.go(20)
        await desk.tell(health(21, "ok"))
        await desk.go(30)
        assert told(desk) == [("first", [("wire", "firing")]), ("resolved", [("wire", "resolved")])]
        (alert,) = index.list_alerts()
        assert (alert.starts_at, alert.ends_at) == (at(0), at(21))
        await desk.stop()

    asyncio.run(day())
