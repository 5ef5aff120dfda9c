"""From settings to a scorer and its linker: for one command, or for what runs for long and follows promotions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from models import artefact
from models.artefact import Artefact
from models.inference import OnnxScorer
from models.registry.reload import FollowingScorer
from models.registry.store import Registry
from models.symbols import SymbolLinker
from riskwire import metrics
from riskwire.errors import ConfigError
from riskwire.settings import ModelSettings


def registry_of(settings: ModelSettings) -> Registry:
    """The registry of these settings. Raises ConfigError: there is none."""
    if settings.registry is None:
        raise ConfigError("is not set", about="model.registry")
    return Registry(settings.registry.expanduser())


def load_model(settings: ModelSettings) -> tuple[OnnxScorer, SymbolLinker]:
    """The verified model of now, and the linker: `model.path`, else what is in production, else the packaged one.

    Raises ModelError and its kinds, InputError for a list of symbols.
    """
    linker = SymbolLinker.default(settings.symbols)
    if settings.path is not None:
        found = artefact.load(settings.path.expanduser())
    elif settings.registry is not None:
        registry = registry_of(settings)
        found = registry.load(registry.production())
    else:
        found = artefact.load()
    return _scorer(found, settings, linker), linker


@contextmanager
def watch_model(settings: ModelSettings) -> Iterator[tuple[OnnxScorer | FollowingScorer, SymbolLinker]]:
    """The same for what runs for long: a promotion is picked up, and what can't be used is reported and left.

    Raises ModelError and its kinds when not even an older model can be used.
    """
    if settings.path is not None or settings.registry is None:
        scorer, linker = load_model(settings)
        metrics.observe_model(scorer.model.name, scorer.model.version, scorer.provider)
        yield scorer, linker
        return

    def changed(scorer: OnnxScorer | None, error: str) -> None:
        metrics.model_refused.set(bool(error))
        metrics.model_changes.labels("refused" if scorer is None else "taken").inc()
        if scorer is not None:
            metrics.observe_model(scorer.model.name, scorer.model.version, scorer.provider)

    linker = SymbolLinker.default(settings.symbols)
    with FollowingScorer(
        registry_of(settings),
        lambda found: _scorer(found, settings, linker),
        interval=settings.registry_interval,
        on_change=changed,
    ) as following:
        yield following, linker


def _scorer(found: Artefact, settings: ModelSettings, linker: SymbolLinker) -> OnnxScorer:
    return OnnxScorer(found, device=settings.device, threads=settings.threads, linker=linker)
