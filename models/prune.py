"""Structured pruning: whole attention heads, feed-forward units and layers go, so that the graph is really smaller.

What goes is what the loss misses least: the size of its first-order change were the part set to zero (Michel et al.
2019), summed over training texts. Every layer loses the same share, so that one graph has one shape throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from models.batches import Example, collate, length_batches
from models.config import Finetune, Prune
from models.finetune import losses
from models.network import RiskwireNet


def prune(network: RiskwireNet, examples: Sequence[Example], settings: Prune, *, pad: int) -> dict[str, int]:
    """Cut `network` in place; the weights that stay are untouched. Returns layers, heads and width that are left.

    Raises ValueError when nothing would be left, or a layer is named that isn't there.
    """
    layers = network.encoder.encoder.layer
    if any(number >= len(layers) for number in settings.layers) or len(set(settings.layers)) >= len(layers):
        raise ValueError(f"can't prune layers {list(settings.layers)} of {len(layers)}")
    network.encoder.encoder.layer = nn.ModuleList(
        layer for number, layer in enumerate(layers) if number not in settings.layers
    )
    heads, units = importance(network, examples, pad=pad)
    size = network.encoder.config.hidden_size // network.encoder.config.num_attention_heads
    keep_heads = max(1, round(heads.shape[1] * (1 - settings.heads)))
    keep_units = max(1, round(units.shape[1] * (1 - settings.width)))
    for layer, head_scores, unit_scores in zip(network.encoder.encoder.layer, heads, units, strict=True):
        chosen = head_scores.topk(keep_heads).indices.sort().values
        rows = (chosen[:, None] * size + torch.arange(size)).flatten()
        own = layer.attention.self
        own.query, own.key, own.value = _rows(own.query, rows), _rows(own.key, rows), _rows(own.value, rows)
        layer.attention.output.dense = _columns(layer.attention.output.dense, rows)
        stay = unit_scores.topk(keep_units).indices.sort().values
        layer.intermediate.dense = _rows(layer.intermediate.dense, stay)
        layer.output.dense = _columns(layer.output.dense, stay)
    return {"layers": len(network.encoder.encoder.layer), "heads": keep_heads, "width": keep_units}


def importance(
    network: RiskwireNet, examples: Sequence[Example], *, pad: int, size: int = 32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of heads (layers, heads) and feed-forward units (layers, width): Σ |weight column · its gradient|."""
    settings = Finetune(bf16=False, label_smoothing=0.0)
    network.eval()
    head_size = network.encoder.config.hidden_size // network.encoder.config.num_attention_heads
    layers = network.encoder.encoder.layer
    heads = torch.zeros(len(layers), layers[0].attention.output.dense.in_features // head_size)
    units = torch.zeros(len(layers), layers[0].output.dense.in_features)
    for indices in length_batches(examples, size=size):
        batch = collate([examples[index] for index in indices], pad=pad)
        network.zero_grad(set_to_none=True)
        losses(network, batch, settings, batch.cases).backward()  # type: ignore[no-untyped-call,unused-ignore]
        for number, layer in enumerate(layers):
            out, down = layer.attention.output.dense.weight, layer.output.dense.weight
            if out.grad is not None and down.grad is not None:
                heads[number] += (out * out.grad).sum(0).reshape(-1, head_size).sum(1).abs().detach()
                units[number] += (down * down.grad).sum(0).abs().detach()
    network.zero_grad(set_to_none=True)
    return heads, units


def fit(network: RiskwireNet, tensors: Mapping[str, torch.Tensor]) -> None:
    """Load weights that may be of a pruned network: `network` first takes their shape."""
    count = 1 + max(int(name.split(".layer.")[1].split(".")[0]) for name in tensors if ".layer." in name)
    network.encoder.encoder.layer = nn.ModuleList(list(network.encoder.encoder.layer)[:count])
    for name, module in list(network.named_modules()):
        wanted = tensors.get(f"{name}.weight")
        if isinstance(module, nn.Linear) and wanted is not None and module.weight.shape != wanted.shape:
            parent = network.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], nn.Linear(wanted.shape[1], wanted.shape[0]))
    network.load_state_dict(dict(tensors))


def _rows(linear: nn.Linear, rows: torch.Tensor) -> nn.Linear:
    return _made(linear.weight[rows], linear.bias[rows])


def _columns(linear: nn.Linear, columns: torch.Tensor) -> nn.Linear:
    return _made(linear.weight[:, columns], linear.bias)


def _made(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        made.weight.copy_(weight)
        made.bias.copy_(bias)
    return made
