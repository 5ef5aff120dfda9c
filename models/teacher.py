"""A base-size teacher on another encoder (MPNet), which reads the student's own tokens.

MPNet's vocabulary is BERT's with a few words moved, so a table from the student's token ids to the teacher's is all it
takes for both to see the same tokens: soft labels of a token need no alignment. Word shapes, which MPNet has no token
types for, are added to the word embeddings and start from nothing.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import MPNetConfig, MPNetModel

from models.config import Base
from models.encoding import CASES
from models.network import RiskwireNet, base_folder, build

SPECIAL = {"[PAD]": "<pad>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}


class TeacherNet(RiskwireNet):
    """`RiskwireNet` with an MPNet encoder; takes the student's token ids."""

    def __init__(self, config: MPNetConfig, table: torch.Tensor, *, dropout: float) -> None:
        super().__init__(config, dropout=dropout)
        self.register_buffer("table", table)  # (V,) student's token id → teacher's
        self.shapes = nn.Embedding(config.type_vocab_size, config.hidden_size)
        nn.init.zeros_(self.shapes.weight)

    def make_encoder(self, config: MPNetConfig) -> nn.Module:
        """MPNet."""
        return MPNetModel(config, add_pooling_layer=False)

    def hidden(self, ids: torch.Tensor, mask: torch.Tensor, cases: torch.Tensor) -> torch.Tensor:
        """The last hidden states (B, T, H)."""
        words = self.encoder.embeddings.word_embeddings(self.table[ids]) + self.shapes(cases)
        states: torch.Tensor = self.encoder(inputs_embeds=words, attention_mask=mask).last_hidden_state
        return states


def token_table(student: Tokenizer, teacher: Tokenizer) -> torch.Tensor:
    """(V,) for every token of the student the teacher's id of the same token, unknown where it has none."""
    known = teacher.get_vocab()
    unknown = known["[UNK]"]
    table = torch.full((student.get_vocab_size(),), unknown, dtype=torch.int64)
    for token, place in student.get_vocab().items():
        table[place] = known.get(SPECIAL.get(token, token), unknown)
    return table


def build_teacher(base: Base, *, tokenizer: Path, dropout: float) -> RiskwireNet:
    """The teacher on its base with fresh heads. `tokenizer`: the student's, whose ids it will be given.

    A base that is a BERT must share the student's vocabulary. Raises ValueError where tokens differ too much.
    """
    student = Tokenizer.from_file(str(tokenizer))
    folder = base_folder(base)
    if folder is None or "mpnet" not in (folder / "config.json").read_text(encoding="utf-8"):
        if (
            folder is not None
            and Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab() != student.get_vocab()
        ):
            raise ValueError(f"the teacher {base.source} has another vocabulary than the student")
        return build(base, vocabulary=student.get_vocab_size(), dropout=dropout)
    table = token_table(student, Tokenizer.from_file(str(folder / "tokenizer.json")))
    missing = int((table == table.mode().values).sum())
    if missing > 0.05 * len(table):
        raise ValueError(f"the teacher {base.source} lacks {missing} of the student's {len(table)} tokens")
    config = MPNetConfig.from_pretrained(folder, type_vocab_size=len(CASES))
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    network = TeacherNet(config, table, dropout=dropout)
    loaded = MPNetModel.from_pretrained(folder, config=config, add_pooling_layer=False, use_safetensors=True)
    network.encoder.load_state_dict(loaded.state_dict())
    return network
