"""Multi-task fine-tuning: three losses with missing labels left out, checkpointed, resumable to the same result.

Batches and dropout follow from (seed, epoch, step) alone, so that an interrupted run continues as if nothing had
happened. What stays is the epoch, or the mean of the last few, that dev likes best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional

from models.batches import Batch, Example, class_weights, collate, epoch_batches, shake_case
from models.checkpoint import mean_of, resume, save, write_json, write_tensors
from models.config import Distil, Finetune
from models.distil import soft_losses
from models.network import RiskwireNet
from models.schedule import rate_factor

Report = Callable[[dict[str, Any]], None]
Judge = Callable[[RiskwireNet], dict[str, float]]
"""Dev figures by name; `mean` decides which epoch is best."""


def losses(
    network: RiskwireNet,
    batch: Batch,
    settings: Finetune,
    cases: np.ndarray[Any, Any],
    distil: Distil | None = None,
) -> torch.Tensor:
    """The multi-task loss of one batch (a scalar): sums over what is labelled, divided by the batch size. With `distil`
    also how far the network is from its teacher, where the batch holds the teacher's logits."""
    ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings.bf16):
        story, tags, sentiment = network(ids, mask, torch.from_numpy(cases))
    story, tags, sentiment = story.float(), tags.float(), sentiment.float()
    total = story.sum() * 0
    weights = torch.from_numpy(batch.story_weight * batch.story.any(-1))
    each = functional.cross_entropy(
        story, torch.from_numpy(batch.story), label_smoothing=settings.label_smoothing, reduction="none"
    )
    total = total + settings.story_weight * (each * weights).sum()
    if len(batch.span_label):
        pooled = torch.from_numpy(batch.span_pool) @ sentiment.reshape(-1, sentiment.shape[-1])  # (S, 3)
        total = total + settings.mention_weight * functional.cross_entropy(
            pooled, torch.from_numpy(batch.span_label), label_smoothing=settings.label_smoothing, reduction="sum"
        )
    # Where several tags are possible ("not ORG, PER or LOC, perhaps ASSET") their probabilities add up.
    possible = torch.logsumexp(tags.masked_fill(~torch.from_numpy(batch.allowed), -1e4), -1) - torch.logsumexp(tags, -1)
    total = total - settings.tag_weight * (possible * torch.from_numpy(batch.tag_weight)).sum()
    if distil is not None and batch.soft is not None:
        total = total + soft_losses(story, tags, sentiment, batch.soft, distil)
    mean: torch.Tensor = total / len(batch.story)
    return mean


def parameter_groups(network: RiskwireNet, settings: Finetune) -> list[dict[str, Any]]:
    """AdamW groups: `learning_rate` at the top layer, `layer_decay` of that a layer below, more at heads."""
    depth = len(network.encoder.encoder.layer)
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if settings.frozen_embeddings and (".word_embeddings." in name or ".position_embeddings." in name):
            parameter.requires_grad_(False)
        if not parameter.requires_grad:
            continue
        if not name.startswith("encoder.") or "token_type_embeddings" in name:  # word shapes start from nothing
            rate = settings.learning_rate * settings.head_factor
        elif ".layer." in name:
            layer = int(name.split(".layer.")[1].split(".")[0])
            rate = settings.learning_rate * settings.layer_decay ** (depth - 1 - layer)
        else:
            rate = settings.learning_rate * settings.layer_decay**depth
        decay = 0.0 if parameter.ndim < 2 else settings.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": found, "lr": rate, "peak": rate, "weight_decay": decay} for (rate, decay), found in groups.items()
    ]


def finetune(
    network: RiskwireNet,
    examples: Sequence[Example],
    settings: Finetune,
    *,
    pad: int,
    seed: int,
    folder: Path,
    judge: Judge,
    report: Report,
    stop_after: int | None = None,
    distil: Distil | None = None,
) -> dict[str, Any]:
    """Train `network` in place and leave the best weights in it.

    `folder` keeps the checkpoint; a half-finished run there is taken up. `stop_after` ends after so many steps with the
    checkpoint written (tests use it to interrupt). Returns dev figures an epoch (`history`), `best`, `chosen`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimiser = torch.optim.AdamW(parameter_groups(network, settings), betas=(0.9, 0.98), eps=1e-6, fused=True)
    state = resume(folder, network, optimiser)
    weights = class_weights(examples) if settings.class_weights else None
    per_epoch = len(epoch_batches(examples, size=settings.batch_size, seed=0))
    total = per_epoch * settings.epochs
    done_here = 0
    while len(state["history"]) < settings.epochs and not state.get("stopped"):
        epoch = len(state["history"])
        network.train()
        for indices in epoch_batches(examples, size=settings.batch_size, seed=seed * 1000 + epoch)[
            state["step"] - epoch * per_epoch :
        ]:
            state["loss"] = _step(
                network,
                optimiser,
                [examples[i] for i in indices],
                settings,
                pad,
                seed,
                state["step"],
                total,
                distil,
                weights,
            )
            state["step"] += 1
            done_here += 1
            report({"epoch": epoch, "step": state["step"], "total": total, "loss": state["loss"]})
            if stop_after is not None and done_here >= stop_after:
                save(folder, network, optimiser, state)
                return state
            if state["step"] % settings.checkpoint_steps == 0:
                save(folder, network, optimiser, state)
        _close_epoch(folder, network, state, judge, settings, report)
        save(folder, network, optimiser, state)
    if not state["finished"]:
        _choose(folder, network, state, judge, settings, report)
        state["finished"] = True
        write_json(folder / "state.json", state)
    network.load_state_dict(load_file(folder / "best.safetensors"))
    return state


def _step(
    network: RiskwireNet,
    optimiser: torch.optim.Optimizer,
    examples: list[Example],
    settings: Finetune,
    pad: int,
    seed: int,
    step: int,
    total: int,
    distil: Distil | None,
    weights: np.ndarray[Any, Any] | None,
) -> float:
    torch.manual_seed(seed * 1_000_003 + step)
    generator = np.random.default_rng([seed, step])
    batch = collate(
        examples,
        pad=pad,
        derived_weight=settings.derived_story_weight,
        weights=weights,
        agreement=settings.agreement,
    )
    cases = shake_case(batch.cases, share=settings.case_noise, generator=generator)
    loss = losses(network, batch, settings, cases, distil)
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * rate_factor(step, total, settings.warmup)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call,unused-ignore]  # torch is absent from the light environment
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _close_epoch(
    folder: Path, network: RiskwireNet, state: dict[str, Any], judge: Judge, settings: Finetune, report: Report
) -> None:
    epoch = len(state["history"])
    figures = judge(network)
    write_tensors(folder / f"epoch-{epoch}.safetensors", network.state_dict())
    state["history"].append(figures)
    state["best"] = max(range(epoch + 1), key=lambda n: float(state["history"][n]["mean"]))
    state["stopped"] = epoch - state["best"] >= settings.patience
    report({"dev": figures, "epoch": epoch})


def _choose(
    folder: Path, network: RiskwireNet, state: dict[str, Any], judge: Judge, settings: Finetune, report: Report
) -> None:
    """The best epoch, or the mean of the last few if dev likes it better: weights near a minimum average well."""
    last = len(state["history"])
    candidates: dict[tuple[int, ...], dict[str, float]] = {(state["best"],): state["history"][state["best"]]}
    for count in range(2, min(settings.average_last, last) + 1):
        epochs = tuple(range(last - count, last))
        network.load_state_dict(mean_of([folder / f"epoch-{epoch}.safetensors" for epoch in epochs]))
        candidates[epochs] = judge(network)
        report({"dev": candidates[epochs], "epoch": epochs})
    chosen = max(candidates, key=lambda epochs: float(candidates[epochs]["mean"]))
    write_tensors(folder / "best.safetensors", mean_of([folder / f"epoch-{epoch}.safetensors" for epoch in chosen]))
    state["chosen"] = {"epochs": list(chosen), "dev": candidates[chosen]}
