"""Continued pretraining of the encoder on financial text: whole-word masking, packed blocks, gradient accumulation.

Masks and batches follow from (seed, step) alone, so that an interrupted run goes on as if nothing had happened.
Perplexity is measured on blocks put aside, always under the same masks, before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional

from models.checkpoint import resume, save, write_json, write_tensors
from models.config import Pretrain
from models.network import RiskwireNet
from models.packing import IGNORED, Blocks, mask_words
from models.schedule import rate_factor

_NAMES = {
    "transform.dense": "cls.predictions.transform.dense",
    "transform.norm": "cls.predictions.transform.LayerNorm",
}


class MaskedNet(nn.Module):  # type: ignore[misc,unused-ignore]  # torch is absent from the light environment
    """The encoder of a `RiskwireNet` with BERT's word-prediction head, whose output matrix is the word embedding."""

    def __init__(self, network: RiskwireNet) -> None:
        super().__init__()
        self.encoder = network.encoder
        config = network.encoder.config
        self.transform = nn.ModuleDict(
            {
                "dense": nn.Linear(config.hidden_size, config.hidden_size),
                "norm": nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
            }
        )
        nn.init.eye_(self.transform["dense"].weight)  # of a base without a head: predict from what is there
        nn.init.zeros_(self.transform["dense"].bias)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, ids: torch.Tensor, cases: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Logits (M, V) of the tokens at `places`, a (N, L) mask with M set."""
        hidden = self.encoder(
            input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=cases
        ).last_hidden_state
        found = self.transform["norm"](functional.gelu(self.transform["dense"](hidden[places])))
        logits: torch.Tensor = functional.linear(found, self.encoder.embeddings.word_embeddings.weight, self.bias)
        return logits

    def load_head(self, base: Path | None) -> bool:
        """Take over the base's own word-prediction head; says whether it has one."""
        path = base / "model.safetensors" if base is not None else None
        if path is None or not path.is_file():
            return False
        with safe_open(path, framework="pt") as file:
            if "cls.predictions.bias" not in file.keys():  # noqa: SIM118  # not a mapping
                return False
            with torch.no_grad():
                for name, theirs in _NAMES.items():
                    part = self.transform[name.removeprefix("transform.")]
                    part.weight.copy_(file.get_tensor(f"{theirs}.weight"))
                    part.bias.copy_(file.get_tensor(f"{theirs}.bias"))
                self.bias.copy_(file.get_tensor("cls.predictions.bias"))
        return True


def perplexity(network: MaskedNet, blocks: Blocks, settings: Pretrain, *, mask: int, size: int = 32) -> float:
    """Perplexity of masked tokens on `blocks`, under masks that are the same each time."""
    network.eval()
    vocabulary = network.encoder.config.vocab_size
    ids, targets = mask_words(
        blocks, share=settings.masked, mask=mask, vocabulary=vocabulary, generator=np.random.default_rng(0)
    )
    total, count = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(blocks), size):
            at = slice(start, start + size)
            loss = _loss(network, ids[at], targets[at], blocks.cases[at], bf16=settings.bf16, reduction="sum")
            total += float(loss)
            count += int((targets[at] != IGNORED).sum())
    return float(np.exp(total / count))


def _loss(
    network: MaskedNet,
    ids: np.ndarray[Any, Any],
    targets: np.ndarray[Any, Any],
    cases: np.ndarray[Any, Any],
    *,
    bf16: bool,
    reduction: str = "mean",
) -> torch.Tensor:
    goal = torch.from_numpy(targets)
    places = goal != IGNORED
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        logits = network(torch.from_numpy(ids), torch.from_numpy(cases), places)
    return functional.cross_entropy(logits.float(), goal[places], reduction=reduction)


def pretrain(
    network: MaskedNet,
    blocks: Blocks,
    settings: Pretrain,
    *,
    mask: int,
    seed: int,
    folder: Path,
    report: Callable[[dict[str, Any]], None],
    stop_after: int | None = None,
) -> dict[str, Any]:
    """Train `network` in place; leaves `encoder.safetensors` in `folder`. A half-finished run there is taken up.

    Returns `perplexity_before`, `perplexity_after` (on blocks put aside), `blocks`, `held_out_blocks` and `steps`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = max(1, round(settings.held_out * len(blocks)))
    order = np.random.default_rng([seed, 1]).permutation(len(blocks))
    held, kept = blocks.take(order[:aside]), blocks.take(order[aside:])
    if not len(kept):
        raise ValueError("too little text to pretrain on: one block at least must stay beside the held-out ones")
    decayed = [p for p in network.parameters() if p.ndim >= 2]
    rest = [p for p in network.parameters() if p.ndim < 2]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": rest, "weight_decay": 0.0}],
        lr=settings.learning_rate,
        betas=(0.9, 0.98),
        eps=1e-6,
        fused=True,
    )
    state = resume(folder, network, optimiser)
    if "before" not in state:
        state["before"] = perplexity(network, held, settings, mask=mask)
    done_here = 0
    while state["step"] < settings.steps:
        state["loss"] = _step(network, optimiser, kept, settings, mask, seed, state["step"])
        state["step"] += 1
        done_here += 1
        report({"epoch": 0, "step": state["step"], "total": settings.steps, "loss": state["loss"]})
        stop = stop_after is not None and done_here >= stop_after
        if stop or state["step"] % settings.checkpoint_steps == 0:
            save(folder, network, optimiser, state)
        if stop:
            return state
    if not state["finished"]:
        state["after"] = perplexity(network, held, settings, mask=mask)
        write_tensors(folder / "encoder.safetensors", network.encoder.state_dict())
        state["finished"] = True
        write_json(folder / "state.json", state)
    return {
        "perplexity_before": state["before"],
        "perplexity_after": state["after"],
        "blocks": len(kept),
        "held_out_blocks": len(held),
        "steps": state["step"],
    }


def _step(
    network: MaskedNet,
    optimiser: torch.optim.Optimizer,
    blocks: Blocks,
    settings: Pretrain,
    mask: int,
    seed: int,
    step: int,
) -> float:
    torch.manual_seed(seed * 1_000_003 + step)
    generator = np.random.default_rng([seed, 2, step])
    network.train()
    factor = rate_factor(step, settings.steps, settings.warmup)
    for group in optimiser.param_groups:
        group["lr"] = settings.learning_rate * factor
    optimiser.zero_grad(set_to_none=True)
    total = 0.0
    for _ in range(settings.accumulate):
        part = blocks.take(generator.choice(len(blocks), min(settings.batch_size, len(blocks)), replace=False))
        ids, targets = mask_words(
            part,
            share=settings.masked,
            mask=mask,
            vocabulary=network.encoder.config.vocab_size,
            generator=generator,
        )
        loss = _loss(network, ids, targets, part.cases, bf16=settings.bf16) / settings.accumulate
        loss.backward()  # type: ignore[no-untyped-call,unused-ignore]  # torch is absent from the light environment
        total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return total
