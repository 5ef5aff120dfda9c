"""From settings to objects: which implementation stands behind each port. Imports are inside, since a command that
only reads the index must not wait for the model's libraries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from riskwire.clock import Clock
from riskwire.errors import ConfigError
from riskwire.ports import Linker, Scorer
from riskwire.settings import ModelSettings, Settings
from riskwire.types import EntityMention, ModelRef, TextScore

if TYPE_CHECKING:
    from models.inference import OnnxScorer
    from models.registry.reload import FollowingScorer
    from models.registry.store import Registry
    from models.symbols import SymbolLinker
    from riskwire.cli.cluster import ClusterStore
    from stream.sqlite.database import Kind
    from stream.sqlite.storage import Storage


def open_store(
    settings: Settings, *, kind: Kind | None = None, clock: Clock | None = None, client: str = "cli"
) -> Storage | ClusterStore:
    """Every port of the storage, of the setting that is configured. `kind` claims a folder for live or demo stories;
    `client` is what Kafka knows the process by.

    Raises StorageError, UsageError.
    """
    if settings.kafka.bootstrap_servers:
        from riskwire.cli.cluster import ClusterStore

        return ClusterStore(settings, client)
    return open_local(settings, kind=kind, clock=clock)


def open_local(settings: Settings, *, kind: Kind | None = None, clock: Clock | None = None) -> Storage:
    """The storage of the one-machine setting. Raises ConfigError in the cluster setting, StorageError, UsageError."""
    from stream.sqlite.storage import Storage

    if settings.kafka.bootstrap_servers:
        raise ConfigError(
            "is set, and this command runs everything on one machine",
            about="kafka.bootstrap_servers",
            hint="Leave it and elasticsearch.url empty, or start ingest, stream, alerts run and web.",
        )
    return Storage(settings.database, kind=kind, clock=clock)


def registry_of(settings: ModelSettings) -> Registry:
    """The registry of these settings. Raises ConfigError: there is none."""
    from models import opening

    return opening.registry_of(settings)


class _NoModel:
    """Stands where a command scores nothing itself."""

    def current(self) -> Scorer:
        return self

    @property
    def model(self) -> ModelRef:
        raise AssertionError("this command scores nothing")

    def score(self, texts: Sequence[str]) -> list[TextScore]:
        raise AssertionError("this command scores nothing")

    def link(self, text: str, mentions: Sequence[EntityMention]) -> tuple[EntityMention, ...]:
        raise AssertionError("this command links nothing")


NO_MODEL: tuple[Scorer, Linker] = (_NoModel(), _NoModel())


def load_model(settings: ModelSettings) -> tuple[OnnxScorer, SymbolLinker]:
    """See models.opening."""
    from models import opening

    return opening.load_model(settings)


def watch_model(
    settings: ModelSettings,
) -> AbstractContextManager[tuple[OnnxScorer | FollowingScorer, SymbolLinker]]:
    """See models.opening."""
    from models import opening

    return opening.watch_model(settings)


def load_scorer(settings: ModelSettings) -> tuple[Scorer, Linker]:
    """The same, as the ports that the processor knows."""
    return load_model(settings)
