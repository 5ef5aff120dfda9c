"""Each state of an alert goes to the alerts topic, too: before the index, so that what is found was also told."""

from __future__ import annotations

from collections.abc import Sequence

from riskwire.ports import AlertStore
from riskwire.settings import KafkaSettings
from riskwire.types import Alert, AlertStatus
from stream.kafka.events import alert_event
from stream.kafka.producer import Publisher
from stream.topics import topics


class PublishingAlertStore:
    """AlertStore: another one, and the alerts topic."""

    def __init__(self, settings: KafkaSettings, publisher: Publisher, store: AlertStore) -> None:
        self._topic = topics(settings).alerts.name
        self._publisher, self._store = publisher, store

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """See AlertStore.put_alerts. The topic may repeat a state, as every topic may."""
        self._publisher.send(self._topic, [alert_event(alert) for alert in alerts])
        self._store.put_alerts(alerts)

    def list_alerts(self, *, status: AlertStatus | None = None, limit: int = 50) -> list[Alert]:
        """See AlertStore.list_alerts."""
        return self._store.list_alerts(status=status, limit=limit)
