"""MLflow, for who wants to compare runs: parameters, dev figures by epoch, test figures, and what each stage found.

Off unless a recipe's run is given a tracking address. `file:var/mlruns` is a folder on this machine. Nothing else
depends on it: the work folder holds all of it as JSON.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from models.config import Recipe

EXPERIMENT = "riskwire"
_LONGEST = 500  # MLflow's limit for a parameter


class Tracker(Protocol):
    """Where the findings of stages go."""

    def stage(self, name: str, found: Mapping[str, Any]) -> None: ...

    def close(self, *, failed: bool) -> None: ...


class NoTracker:
    """Nowhere."""

    def stage(self, name: str, found: Mapping[str, Any]) -> None:
        """Nothing."""

    def close(self, *, failed: bool) -> None:
        """Nothing."""


class MlflowTracker:
    """One MLflow run for one run of a recipe."""

    def __init__(self, uri: str, recipe: Recipe) -> None:
        """Raises FileNotFoundError where MLflow isn't installed."""
        if uri.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow asks for it since 3.7
        try:
            from mlflow.tracking import MlflowClient  # type: ignore[import-not-found,unused-ignore]  # of the train extra
        except ModuleNotFoundError as error:
            raise FileNotFoundError("tracking needs MLflow: pip install 'riskwire[train]'") from error
        self._client = MlflowClient(tracking_uri=uri)
        found = self._client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found is not None else self._client.create_experiment(EXPERIMENT)
        name = f"{recipe.name} {recipe.version}"
        self._run = self._client.create_run(experiment, run_name=name).info.run_id
        for key, value in flat(msgspec.to_builtins(recipe)):
            self._client.log_param(self._run, key, str(value)[:_LONGEST])

    def stage(self, name: str, found: Mapping[str, Any]) -> None:
        """Every number of what a stage found; lists of figures (epochs) become steps."""
        for key, value in flat(found):
            parts = key.split(".")
            step = next((int(part) for part in parts if part.isdigit()), 0)
            if isinstance(value, int | float) and not isinstance(value, bool):
                measure = ".".join(part for part in parts if not part.isdigit())
                self._client.log_metric(self._run, f"{name}.{_clean(measure)}", float(value), step=step)

    def close(self, *, failed: bool) -> None:
        """End the run."""
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings and lists, with their dotted names."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}{key}.")
    elif isinstance(value, list | tuple) and any(isinstance(inner, Mapping | list | tuple) for inner in value):
        for number, inner in enumerate(value):
            yield from flat(inner, f"{prefix}{number}.")
    else:
        yield prefix.removesuffix("."), value


def _clean(name: str) -> str:
    return "".join(char if char.isalnum() or char in "._-/ " else "_" for char in name)


def tracker(uri: str | None, recipe: Recipe) -> Tracker:
    """The tracker for an address; none without one."""
    return MlflowTracker(uri, recipe) if uri else NoTracker()
