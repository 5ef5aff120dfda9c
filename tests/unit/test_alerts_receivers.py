"""One receiver: retries, giving up, coalescing; and settings that make notifiers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr

from alerts.build import build_notifiers
from alerts.receivers import MAX_WAITING, Receiver
from alerts.rules import NotifyPolicy
from riskwire import metrics
from riskwire.clock import ManualClock
from riskwire.errors import ConfigError, NotifyError, NotifyRetry, StorageError
from riskwire.ports import NotificationEntry
from riskwire.settings import AlertSettings, EmailSettings, SlackSettings, WebhookSettings
from riskwire.testing import MemoryIndex, RecordingNotifier
from riskwire.types import Alert, Notification

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
POLICY = NotifyPolicy()


def alert(symbol: str = "ACME", **fields: object) -> Alert:
    values: dict[str, object] = {
        "rule": "fall", "labels": {"rule": "fall", "symbol": symbol}, "status": "firing", "starts_at": T0,
        "updated_at": T0, "fingerprint": f"fp-{symbol}",
    }  # fmt: skip
    return Alert(**(values | fields))  # type: ignore[arg-type]


def over(one: Alert) -> Alert:
    return msgspec.structs.replace(one, status="resolved", ends_at=T0, transition=2)


def count(receiver: str, outcome: str) -> float:
    return (
        metrics.REGISTRY.get_sample_value("riskwire_notifications_total", {"receiver": receiver, "outcome": outcome})
        or 0.0
    )


def running(
    notifier: RecordingNotifier,
    act: Callable[[Receiver], Awaitable[None]],
    notices: MemoryIndex | None = None,
    **options: object,
) -> MemoryIndex:
    store = notices or MemoryIndex()

    async def run() -> None:
        values: dict[str, object] = {"timeout": 1.0, "max_attempts": 5, "pause": lambda attempt: 0.001}
        receiver = Receiver(notifier, store, ManualClock(T0), **(values | options))  # type: ignore[arg-type]
        task = asyncio.create_task(receiver.run())
        try:
            async with asyncio.timeout(10):
                await act(receiver)
                await receiver.settled()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    return store


async def offer(receiver: Receiver) -> None:
    receiver.offer("g", POLICY, [alert()])


def test_what_was_taken_is_recorded_and_not_said_again() -> None:
    notifier = RecordingNotifier()

    async def twice(receiver: Receiver) -> None:
        await offer(receiver)
        await receiver.settled()
        await offer(receiver)

    store = running(notifier, twice)
    assert [one.reason for one in notifier.notifications] == ["first"]
    (entry,) = store.notifications
    assert entry.firing == ("fp-ACME@2026-01-01T12:00:00+00:00",)
    assert entry.severity == "warning"


def test_it_is_tried_again_until_taken_and_recorded_once() -> None:
    notifier = RecordingNotifier("retrying", failures=[NotifyRetry("later"), NotifyRetry("later")])
    store = running(notifier, offer)
    assert len(notifier.notifications) == len(store.notifications) == 1
    assert (count("retrying", "retry"), count("retrying", "sent"), count("retrying", "failed")) == (2, 1, 0)


def test_retry_after_is_waited_for() -> None:
    notifier = RecordingNotifier(failures=[NotifyRetry("later", retry_after=0.3)])
    times: list[float] = []

    async def timed(receiver: Receiver) -> None:
        times.append(asyncio.get_running_loop().time())
        await offer(receiver)
        await receiver.settled()
        times.append(asyncio.get_running_loop().time())

    running(notifier, timed)
    assert times[1] - times[0] >= 0.3


def test_it_is_given_up_loudly_and_not_recorded() -> None:
    notifier = RecordingNotifier("hopeless", failures=[NotifyRetry("later")] * 5)
    store = running(notifier, offer)
    assert store.notifications == []
    assert (count("hopeless", "failed"), count("hopeless", "retry")) == (1, 4)


def test_what_is_refused_for_good_is_not_tried_again_until_it_changes() -> None:
    notifier = RecordingNotifier(failures=[NotifyError("invalid_payload")])

    async def act(receiver: Receiver) -> None:
        for _ in range(2):
            await offer(receiver)
            await receiver.settled()
        assert notifier.notifications == []
        receiver.offer("g", POLICY, [alert(), alert("B")])

    store = running(notifier, act)
    assert [one.reason for one in notifier.notifications] == ["new alerts"]
    assert len(store.notifications) == 1


def test_the_newest_state_wins_and_no_end_is_lost() -> None:
    notifier = RecordingNotifier(failures=[NotifyRetry("outage", retry_after=0.2)])

    async def act(receiver: Receiver) -> None:
        await offer(receiver)
        await asyncio.sleep(0.05)
        receiver.offer("g", POLICY, [over(alert()), alert("B")])
        receiver.offer("g", POLICY, [alert("B"), alert("C")])

    running(notifier, act)
    (told,) = notifier.notifications
    assert sorted((one.labels["symbol"], one.status) for one in told.alerts) == [
        ("ACME", "resolved"), ("B", "firing"), ("C", "firing"),
    ]  # fmt: skip


def test_a_bug_or_a_hanging_notifier_is_an_outage_not_an_end() -> None:
    class Odd(RecordingNotifier):
        calls = 0

        async def notify(self, notification: Notification) -> None:
            self.calls += 1
            if self.calls == 1:
                raise RuntimeError("https://hooks.slack.com/services/SECRET")
            if self.calls == 2:
                await asyncio.sleep(60)
            await super().notify(notification)

    notifier = Odd()
    running(notifier, offer, timeout=0.1)
    assert len(notifier.notifications) == 1


def test_the_queue_is_bounded() -> None:
    notifier = RecordingNotifier("full", failures=[NotifyRetry("outage", retry_after=0.05)])

    async def act(receiver: Receiver) -> None:
        for number in range(MAX_WAITING + 5):
            receiver.offer(f"g{number}", POLICY, [alert(f"S{number}")])

    running(notifier, act)
    assert len(notifier.notifications) == MAX_WAITING
    assert count("full", "failed") == 5


def test_a_log_that_fails_for_a_moment_neither_loses_nor_doubles() -> None:
    class Flaky(MemoryIndex):
        reads = writes = 0

        def last(self, receiver: str, group_key: str) -> NotificationEntry | None:
            self.reads += 1
            if self.reads == 1:
                raise StorageError("busy")
            return super().last(receiver, group_key)

        def record(self, entry: NotificationEntry) -> None:
            self.writes += 1
            if self.writes == 1:
                raise StorageError("full")
            super().record(entry)

    notifier = RecordingNotifier()
    store = running(notifier, offer, Flaky())
    assert len(notifier.notifications) == len(store.notifications) == 1


def test_repeats_follow_the_policy() -> None:
    notifier = RecordingNotifier()
    store = MemoryIndex()
    running(notifier, offer, store)
    old = msgspec.structs.replace(store.notifications[0], sent_at=T0 - timedelta(hours=4))
    store.notifications[:] = [old]
    running(notifier, offer, store)
    assert [one.reason for one in notifier.notifications] == ["first", "repeat"]


def test_notifiers_come_from_the_settings(tmp_path: Path) -> None:
    assert [one.name for one in build_notifiers(AlertSettings())] == ["console"]
    everything = AlertSettings(
        file=tmp_path / "n.jsonl",
        webhook=WebhookSettings(url=SecretStr("https://example.com/hook"), secret=SecretStr("canary-secret")),
        slack=SlackSettings(webhook_url=SecretStr("https://hooks.slack.com/services/canary-slack")),
        email=EmailSettings(host="mail.example.com", sender="a@example.com", recipients=("b@example.com",)),
    )
    made = build_notifiers(everything)
    assert [one.name for one in made] == ["console", "file", "webhook", "slack", "email"]
    assert "canary" not in repr(made) + repr([vars(one) for one in made])


def email(**keys: object) -> dict[str, object]:
    return {"email": {"host": "mail.example.com", "sender": "a@b.de", "recipients": ["c@d.de"]} | keys}


@pytest.mark.parametrize(
    ("settings", "about"),
    [
        ({"webhook": {"url": "https://example.com/canary"}}, "alerts.webhook.secret"),
        ({"webhook": {"url": "ftp://example.com/canary", "secret": "s3cret"}}, "alerts.webhook.url"),
        ({"webhook": {"url": "https://u:canary@example.com", "secret": "s3cret"}}, "alerts.webhook.url"),
        ({"slack": {"webhook_url": "http://hooks.slack.com/canary"}}, "alerts.slack.webhook_url"),
        ({"slack": {"webhook_url": "canary"}}, "alerts.slack.webhook_url"),
        (email(sender=""), "alerts.email.sender"),
        (email(sender="a@b.de\nBcc: x@y.z"), "alerts.email.sender"),
        (email(recipients=[]), "alerts.email.recipients"),
        (email(recipients=["nobody"]), "alerts.email.recipients"),
        (email(security="none"), "alerts.email.security"),
        (email(username="u"), "alerts.email"),
        (email(ca_file="/none"), "alerts.email.ca_file"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_by_name(settings: dict[str, object], about: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_notifiers(AlertSettings.model_validate({"console": False} | settings))
    assert caught.value.about == about
    assert caught.value.hint
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None or "canary" not in str(caught.value.__cause__)
