"""The cluster setting's objects: Kafka for the log and the streams, Elasticsearch for the rest, and a spool of its own
for each process that puts documents on the log."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path

from riskwire.clock import Clock
from riskwire.closing import Closing
from riskwire.settings import Settings
from stream.elastic.storage import ElasticStorage
from stream.forget import ClusterPersonalData
from stream.kafka.alerts import PublishingAlertStore
from stream.kafka.log import KafkaLog
from stream.kafka.producer import Publisher
from stream.kafka.scored import KafkaOffsets, KafkaScoredStream
from stream.kafka.spool import BoundedSpool, Forwarder, KnownAnywhere
from stream.sqlite.storage import Storage
from stream.topics import topics


class ClusterStore(Closing):
    """Every port of the cluster setting, as `Storage` is of the one machine's. Close it, or use it in a `with`.

    `own` is the process's own SQLite file in `folder`: the spool of what it puts on the documents topic, with the
    memory of what it has accepted. It is opened when it is first asked for.
    """

    def __init__(self, settings: Settings, client: str, *, folder: Path | None = None) -> None:
        self._settings, self._folder = settings, folder or settings.folder
        with ExitStack() as stack:
            self.publisher = stack.enter_context(Publisher(settings.kafka, client))
            self.elastic = elastic = stack.enter_context(ElasticStorage(settings.elasticsearch))
            self.index, self.notifications = elastic.index, elastic.notifications
            self.sources, self.health_offsets = elastic.sources, elastic.offsets
            self.checkpoints = elastic.checkpoints
            self.alerts = PublishingAlertStore(settings.kafka, self.publisher, elastic.alerts)
            self.scored = KafkaScoredStream(settings.kafka, self.publisher)
            stack.callback(self.scored.close)
            self.offsets = KafkaOffsets(settings.kafka, self.scored)
            stack.callback(self.offsets.close)
            self._stack = stack.pop_all()

    @cached_property
    def own(self) -> Storage:
        """The process's own SQLite storage."""
        return self._stack.enter_context(Storage(self._folder / "riskwire.db", kind="live"))

    @cached_property
    def spool(self) -> BoundedSpool:
        """What ingest writes to: `forwarder` moves it to Kafka."""
        return BoundedSpool(self.own.log, self._settings.kafka.spool_documents)

    @cached_property
    def known(self) -> KnownAnywhere:
        """KnownStories: what this process has accepted, and what the index holds."""
        return KnownAnywhere(self.own.log, self.elastic.known)

    @cached_property
    def log(self) -> KafkaLog:
        """DocumentLog, and KnownStories: the spool in front, Kafka behind."""
        log = KafkaLog(self._settings.kafka, self.own.log, self.publisher, known=self.known)
        return self._stack.enter_context(closing(log))

    def people(self, clock: Clock, *, patience: float = 120.0) -> ClusterPersonalData:
        """PersonalData. `patience`: seconds that the workers may take."""
        return ClusterPersonalData(
            log=self.log,
            known=self.known,
            own=self.own.people,
            index=self.index,
            alerts=self.elastic.alerts,
            state=self.elastic.state,
            clock=clock,
            patience=patience,
        )

    def forwarder(self, clock: Clock) -> Forwarder:
        """What moves the spool to Kafka."""
        return Forwarder(self.own.log, self.publisher, topics(self._settings.kafka).documents.name, clock)

    def close(self) -> None:
        """Close all."""
        self._stack.close()
