"""How stories come into a process: one door to its log, one key for its authors, one name for its run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr
from starlette.routing import Route

from ingest.documents.authors import author_key
from ingest.feeds.list import Sources
from ingest.inbox.webhook import PATH, stories_endpoint
from ingest.intake import Intake
from ingest.run import IngestLoop
from riskwire.clock import Clock
from riskwire.settings import Settings

if TYPE_CHECKING:
    from riskwire.cli.cluster import ClusterStore
    from stream.sqlite.storage import Storage


class Inlet:
    """The sources' loop and the webhook of a process, which share its order. Raises StorageError, ConfigError."""

    def __init__(self, settings: Settings, store: Storage | ClusterStore, clock: Clock) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._intake = Intake(store.spool, store.known, clock)
        self._author_key = author_key(settings.folder, _text(settings.ingest.author_key))
        self._run_id = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")  # the start of this run, on its stories

    def loop(self, sources: Sources) -> IngestLoop:
        """Polls these sources."""
        return IngestLoop(
            self._settings.ingest,
            sources,
            self._store.spool,
            self._store.known,
            self._store.sources,
            self._clock,
            self._run_id,
            author_key=self._author_key,
            intake=self._intake,
        )

    def webhook(self) -> Route:
        """Takes signed stories."""
        endpoint = stories_endpoint(
            _text(self._settings.ingest.webhook_secret),
            self._intake,
            self._clock,
            self._run_id,
            folder=self._settings.folder,
            author_key=self._author_key,
        )
        return Route(PATH, endpoint, methods=["POST"])


def _text(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None
