"""From settings to objects: which implementation stands behind each port. Imports are inside, since a command that
only reads the index must not wait for the model's libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskwire.clock import Clock
from riskwire.errors import ConfigError
from riskwire.ports import Linker, Scorer
from riskwire.settings import ModelSettings, Settings

if TYPE_CHECKING:
    from models.inference import OnnxScorer
    from models.symbols import SymbolLinker
    from stream.sqlite.database import Kind
    from stream.sqlite.storage import Storage


def open_store(settings: Settings, *, kind: Kind | None = None, clock: Clock | None = None) -> Storage:
    """Every port of the storage. `kind` claims the folder for live or demo stories.

    Raises ConfigError for the cluster setting, which this version does not have; StorageError; UsageError.
    """
    from stream.sqlite.storage import Storage

    if settings.kafka.bootstrap_servers:
        raise ConfigError(
            "the cluster setting is not in this version",
            about="kafka.bootstrap_servers, elasticsearch.url",
            hint="Leave both empty: everything runs on this machine.",
        )
    return Storage(settings.database, kind=kind, clock=clock)


def load_model(settings: ModelSettings) -> tuple[OnnxScorer, SymbolLinker]:
    """The verified model and the linker. Raises ModelError and its kinds, InputError for a list of symbols."""
    from models.artefact import PRETRAINED
    from models.inference import load_scorer
    from models.symbols import SymbolLinker

    linker = SymbolLinker.default(settings.symbols)
    scorer = load_scorer(settings.path or PRETRAINED, device=settings.device, threads=settings.threads, linker=linker)
    return scorer, linker


def load_scorer(settings: ModelSettings) -> tuple[Scorer, Linker]:
    """The same, as the ports that the processor knows."""
    return load_model(settings)
