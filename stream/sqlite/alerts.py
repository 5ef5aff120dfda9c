"""The alerts and the notification log on SQLite."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from riskwire import wire
from riskwire.ports import NotificationEntry
from riskwire.types import Alert, AlertStatus
from stream.sqlite.database import Database
from stream.times import to_micros

_decode_entry = msgspec.json.Decoder(NotificationEntry).decode


class SqliteAlertStore:
    """AlertStore. An alert is a (fingerprint, starts_at), its transition the external version; every state is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """See AlertStore.put_alerts."""
        rows = [(alert, to_micros(alert.starts_at), wire.encode(alert)) for alert in alerts]
        with self._database.write() as connection:
            for alert, starts_at, body in rows:
                connection.execute(
                    "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (fingerprint, starts_at) DO UPDATE SET"
                    " transition = excluded.transition, status = excluded.status, updated_at = excluded.updated_at,"
                    " body = excluded.body WHERE excluded.transition > transition",
                    (
                        alert.fingerprint,
                        starts_at,
                        alert.transition,
                        alert.status,
                        to_micros(alert.updated_at),
                        body,
                    ),
                )
                connection.execute(
                    "INSERT OR IGNORE INTO alert_states VALUES (?, ?, ?, ?)",
                    (alert.fingerprint, starts_at, alert.transition, body),
                )

    def list_alerts(self, *, status: AlertStatus | None = None, limit: int = 50) -> list[Alert]:
        """See AlertStore.list_alerts. Newest first by (updated_at, starts_at)."""
        rows = self._database.read(
            "SELECT body FROM alerts WHERE :status IS NULL OR status = :status"
            " ORDER BY updated_at DESC, starts_at DESC, fingerprint DESC LIMIT :limit",
            {"status": status, "limit": max(limit, 0)},
        )
        return [wire.decode(bytes(body), Alert) for (body,) in rows]

    def states(self, fingerprint: str) -> list[Alert]:
        """Every state of the alerts with this fingerprint, oldest first."""
        rows = self._database.read(
            "SELECT body FROM alert_states WHERE fingerprint = ? ORDER BY starts_at, transition", (fingerprint,)
        )
        return [wire.decode(bytes(body), Alert) for (body,) in rows]


class SqliteNotificationLog:
    """NotificationLog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self, receiver: str, group_key: str) -> NotificationEntry | None:
        """See NotificationLog.last."""
        rows = self._database.read(
            "SELECT body FROM notifications WHERE receiver = ? AND group_key = ? ORDER BY number DESC LIMIT 1",
            (receiver, group_key),
        )
        return _decode_entry(bytes(rows[0][0])) if rows else None

    def record(self, entry: NotificationEntry) -> None:
        """See NotificationLog.record."""
        body = msgspec.json.encode(entry)
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO notifications (receiver, group_key, body) VALUES (?, ?, ?)",
                (entry.receiver, entry.group_key, body),
            )
