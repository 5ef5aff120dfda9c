"""AlertStore and NotificationLog."""

from datetime import UTC, datetime, timedelta

import msgspec

from riskwire.ports import NotificationEntry
from riskwire.types import Alert, Evidence

START = datetime(2026, 1, 1, tzinfo=UTC)


def alert(fingerprint="f", *, at=0, transition=1, status="firing", updated=0, **fields):
    return Alert(
        rule="r",
        labels={"symbol": fingerprint},
        status=status,
        starts_at=START + timedelta(hours=at),
        updated_at=START + timedelta(hours=updated),
        fingerprint=fingerprint,
        transition=transition,
        evidence=(Evidence(id="1", title="Zürich"),),
        **fields,
    )


def test_the_newest_state_of_each_alert_is_listed_newest_first(backend):
    a, b = alert("a", updated=1), alert("b", updated=2)
    backend.alerts.put_alerts([a, b])
    resolved = alert("a", transition=2, status="resolved", updated=3)
    backend.alerts.put_alerts([resolved])
    backend.reopen()
    assert backend.alerts.list_alerts() == [resolved, b]
    assert backend.alerts.list_alerts(status="firing") == [b]
    assert backend.alerts.list_alerts(status="pending") == []
    assert backend.alerts.list_alerts(limit=1) == [resolved]


def test_the_same_or_an_older_transition_is_left_out(backend):
    newest = alert(transition=3, status="resolved", updated=3)
    backend.alerts.put_alerts([newest, alert(transition=2, updated=9)])
    backend.alerts.put_alerts([alert(transition=3, status="firing", updated=9), alert(transition=1, status="pending")])
    assert backend.alerts.list_alerts() == [newest]


def test_an_alert_that_starts_again_is_another(backend):
    backend.alerts.put_alerts([alert(at=0, updated=0), alert(at=5, updated=5)])
    assert [one.starts_at for one in backend.alerts.list_alerts()] == [START + timedelta(hours=5), START]


def entry(receiver="slack", group="g", **fields):
    return msgspec.structs.replace(
        NotificationEntry(
            receiver=receiver,
            group_key=group,
            firing=("f@1",),
            resolved=(),
            severity="warning",
            reason="first",
            sent_at=START,
        ),
        **fields,
    )


def test_the_last_thing_said_to_a_receiver_about_a_group(backend):
    assert backend.notifications.last("slack", "g") is None
    backend.notifications.record(entry())
    backend.notifications.record(entry(reason="repeat", sent_at=START + timedelta(hours=4)))
    backend.notifications.record(entry("mail", reason="escalated"))
    backend.notifications.record(entry(group="other"))
    backend.reopen()
    assert backend.notifications.last("slack", "g").reason == "repeat"
    assert backend.notifications.last("mail", "g").reason == "escalated"
    assert backend.notifications.last("mail", "other") is None
