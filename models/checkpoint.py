"""Checkpoints of fine-tuning: safetensors and JSON, never a pickle; a crash at any moment leaves a whole one."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from models.network import RiskwireNet


def resume(folder: Path, network: RiskwireNet, optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """The state of the last checkpoint, its weights and moments loaded; a fresh state where there is none."""
    fresh: dict[str, Any] = {"step": 0, "history": [], "best": None, "finished": False, "loss": None}
    if not (folder / "state.json").is_file():
        return fresh
    state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if state["finished"]:
        return state
    network.load_state_dict(load_file(folder / f"weights-{state['step']}.safetensors"))
    moments = load_file(folder / f"optimiser-{state['step']}.safetensors")
    found = optimiser.state_dict()
    found["state"] = {}
    for key, value in moments.items():
        index, name = key.split(".")
        found["state"].setdefault(int(index), {})[name] = value
    optimiser.load_state_dict(found)
    return state


def save(folder: Path, network: RiskwireNet, optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Weights and moments first, then `state.json` that names them: a crash in between leaves the old checkpoint."""
    step = state["step"]
    write_tensors(folder / f"weights-{step}.safetensors", network.state_dict())
    moments = {
        f"{index}.{name}": value
        for index, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }
    write_tensors(folder / f"optimiser-{step}.safetensors", moments)
    write_json(folder / "state.json", state)
    for old in [*folder.glob("weights-*.safetensors"), *folder.glob("optimiser-*.safetensors")]:
        if not old.name.endswith(f"-{step}.safetensors"):
            old.unlink()


def mean_of(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of several sets of weights, tensor by tensor; integers (positions) are those of the first."""
    sets = [load_file(path) for path in paths]
    return {
        name: torch.stack([weights[name] for weights in sets]).mean(0) if tensor.is_floating_point() else tensor
        for name, tensor in sets[0].items()
    }


def write_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Whole or not at all."""
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1), encoding="utf-8")
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
