"""LoRA: small matrices beside the frozen encoder's, trained in its place and merged into it before the export.

Heads and word shapes are trained in full; they are new, and nothing of them would be low-rank.
"""

from __future__ import annotations

from torch import nn

from models.network import RiskwireNet

TARGETS = ["query", "key", "value", "dense"]


def inject(network: RiskwireNet, *, rank: int) -> None:
    """Freeze the encoder and put trainable matrices of `rank` beside its own, in place."""
    try:
        from peft import (  # type: ignore[import-not-found,unused-ignore]  # of the train extra
            LoraConfig,
            inject_adapter_in_model,
        )
    except ModuleNotFoundError as error:
        raise FileNotFoundError("lora_rank needs peft: pip install 'riskwire[train]'") from error
    inject_adapter_in_model(
        LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=TARGETS), network.encoder
    )
    for name, parameter in network.named_parameters():
        if "token_type_embeddings" in name:
            parameter.requires_grad_(True)


def merge(network: RiskwireNet) -> None:
    """Add the small matrices to the encoder's own and take them out: the network is as if it had never had any."""
    from peft.tuners.lora import LoraLayer  # type: ignore[import-not-found,unused-ignore]

    for name, module in list(network.named_modules()):
        if isinstance(module, LoraLayer) and isinstance(module, nn.Module):
            module.merge()
            parent = network.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], module.get_base_layer())
    for parameter in network.parameters():
        parameter.requires_grad_(True)
