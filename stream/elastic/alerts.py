"""The alerts on Elasticsearch: the newest state of each. Every state is on the alerts topic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from elasticsearch import Elasticsearch

from riskwire.errors import StorageError
from riskwire.ports import NotificationEntry
from riskwire.removal import tells_of, without_story
from riskwire.types import Alert, AlertStatus
from stream.elastic.bodies import action, alert_body, alert_of, rewriting
from stream.elastic.bulk import Bulk
from stream.elastic.client import asked
from stream.elastic.mapping import ALERTS
from stream.elastic.state import State
from stream.times import to_micros

_PATIENCE = 2.0
#: What one page of Elasticsearch may hold.
_MOST = 10_000


class ElasticAlertStore:
    """AlertStore. An alert is a (fingerprint, starts_at), its transition the external version."""

    def __init__(self, client: Elasticsearch, bulk: Bulk, prefix: str) -> None:
        self._client, self._bulk, self._alerts = client, bulk, ALERTS.alias(prefix)

    def telling_of(self, ids: Sequence[str]) -> list[Alert]:
        """The alerts whose evidence still says what was written in one of these stories."""
        if not ids:
            return []

        def found() -> Any:
            self._client.indices.refresh(index=self._alerts)
            return self._client.search(index=self._alerts, query={"terms": {"evidence.id": list(ids)}}, size=_MOST)

        hits = asked(found, patience=_PATIENCE)["hits"]["hits"]
        return [alert for alert in (alert_of(hit["_source"]) for hit in hits) if tells_of(alert, ids)]

    def forget(self, ids: Sequence[str], titles: Collection[str]) -> None:
        """They stay, without what was written in these stories. Raises StorageError."""
        alerts = [without_story(alert, ids, titles) for alert in self.telling_of(ids)]
        entries = [rewriting(_identity(alert), alert.transition) + alert_body(alert) + b"\n" for alert in alerts]
        if entries:
            self._bulk.write(self._alerts, entries)

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """See AlertStore.put_alerts."""
        entries = [action(_identity(alert), alert.transition) + alert_body(alert) + b"\n" for alert in alerts]
        for alert, outcome in zip(alerts, self._bulk.write(self._alerts, entries), strict=True):
            if outcome.kind == "refused":
                raise StorageError(f"an alert can't be kept: {outcome.reason}", about=alert.rule)

    def list_alerts(self, *, status: AlertStatus | None = None, limit: int = 50) -> list[Alert]:
        """See AlertStore.list_alerts. Newest first by (updated_at, starts_at)."""
        if limit <= 0:
            return []
        answer = asked(
            lambda: self._client.search(
                index=self._alerts,
                query={"match_all": {}} if status is None else {"term": {"status": status}},
                sort=[{"updated_micros": "desc"}, {"starts_micros": "desc"}, {"fingerprint": "desc"}],
                size=min(limit, _MOST),
                track_total_hits=False,
            ),
            patience=_PATIENCE,
        )
        return [alert_of(hit["_source"]) for hit in answer["hits"]["hits"]]


class ElasticNotificationLog:
    """NotificationLog. Only the newest entry of a (receiver, group) is kept: it is all that deduplication needs."""

    def __init__(self, state: State) -> None:
        self._state = state

    def last(self, receiver: str, group_key: str) -> NotificationEntry | None:
        """See NotificationLog.last."""
        return self._state.load("notice", _name(receiver, group_key), NotificationEntry)

    def record(self, entry: NotificationEntry) -> None:
        """See NotificationLog.record."""
        self._state.save("notice", _name(entry.receiver, entry.group_key), entry)


def _identity(alert: Alert) -> str:
    return f"{alert.fingerprint}@{to_micros(alert.starts_at)}"


def _name(receiver: str, group_key: str) -> str:
    return f"{receiver}\n{group_key}"  # a receiver's name has no line break
