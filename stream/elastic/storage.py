"""The index side of the cluster setting, opened at once: what `riskwire.cli` wires to the ports."""

from __future__ import annotations

from riskwire.closing import Closing
from riskwire.settings import ElasticsearchSettings
from stream.elastic.alerts import ElasticAlertStore, ElasticNotificationLog
from stream.elastic.bulk import Bulk
from stream.elastic.client import connect
from stream.elastic.index import ElasticIndex
from stream.elastic.known import ElasticKnownStories
from stream.elastic.state import ElasticCheckpoints, ElasticOffsets, ElasticSourceStates, State


class ElasticStorage(Closing):
    """Every port that stands on Elasticsearch. Close it, or use it in a `with`. Nothing is sent until it is used.

    `patience`: seconds that a write waits out passing failures before it raises StorageError. `refresh`: what was
    written is found at once (for tests). Raises ConfigError.
    """

    def __init__(self, settings: ElasticsearchSettings, *, patience: float = 10.0, refresh: bool = False) -> None:
        self.client = connect(settings)
        self.bulk = Bulk(
            self.client,
            most_bytes=settings.bulk_bytes,
            concurrency=settings.bulk_concurrency,
            patience=patience,
            refresh=refresh,
        )
        self.state = state = State(self.client, self.bulk, settings.prefix)
        self.index = ElasticIndex(self.client, self.bulk, settings.prefix)
        self.alerts = ElasticAlertStore(self.client, self.bulk, settings.prefix)
        self.known = ElasticKnownStories(self.client, settings.prefix)
        self.notifications = ElasticNotificationLog(state)
        self.offsets = ElasticOffsets(state)
        self.sources = ElasticSourceStates(state)
        self.checkpoints = ElasticCheckpoints(state)

    def close(self) -> None:
        """End the threads and the connections."""
        self.bulk.close()
        self.client.close()
