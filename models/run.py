"""One training run: its recipe, its folders, and what its stages share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import torch
from rich.console import Console
from safetensors.torch import load_file
from tokenizers import Tokenizer

from models import evaluate
from models.batches import Example, make_examples
from models.config import Recipe
from models.corpora import CORPORA
from models.corpora.compose import join_pairs
from models.corpora.items import Split
from models.corpora.splits import Sides, split
from models.encoding import TextEncoder
from models.network import RiskwireNet, base_folder, build
from models.toy_tokenizer import make_tokenizer

console = Console(stderr=True)


class Run:
    """One training run: its recipe, folders, and the parts that stages share (made when first asked for)."""

    def __init__(self, recipe: Recipe, *, datasets: Path, work: Path, output: Path) -> None:
        self.recipe, self.datasets, self.work, self.output = recipe, datasets, work, output
        self._sides: Sides | None = None
        self._encoder: TextEncoder | None = None
        self.fp32, self.shipped = work / "fp32.onnx", work / "shipped.onnx"
        self.best, self.balanced = work / "finetune" / "best.safetensors", work / "balanced.safetensors"
        work.mkdir(parents=True, exist_ok=True)

    @property
    def tokenizer_file(self) -> Path:
        """The base's, or one made of the training texts for a random base."""
        folder = base_folder(self.recipe.base)
        if folder is not None:
            return folder / "tokenizer.json"
        path = self.work / "tokenizer.json"
        if not path.is_file():
            make_tokenizer((item.text for item in self.sides.train), path)
        return path

    def claim(self) -> bool:
        """Write the recipe into a fresh work folder; say whether a used one is of this very recipe."""
        path, mine = self.work / "recipe.json", msgspec.json.format(msgspec.json.encode(self.recipe))
        if path.is_file():
            return path.read_bytes() == mine
        path.write_bytes(mine)
        return True

    def found(self, stage: str) -> dict[str, Any]:
        """What an earlier stage left."""
        answer: dict[str, Any] = json.loads((self.work / f"{stage}.done.json").read_text(encoding="utf-8"))
        return answer

    @property
    def encoder(self) -> TextEncoder:
        """As the shipped model will tokenise."""
        if self._encoder is None:
            self._encoder = TextEncoder.from_file(self.tokenizer_file, case_feature=self.recipe.base.case_feature)
        return self._encoder

    @property
    def sides(self) -> Sides:
        """All sets of the recipe, divided."""
        if self._sides is None:
            data = self.recipe.data
            items = [item for name in data.sets for item in CORPORA[name].load(self.datasets)]
            self._sides = split(items, seed=data.split_seed, dev=data.dev, test=data.test)
        return self._sides

    def examples(self, side: Split) -> list[Example]:
        """One side, encoded; the training side with its joined headlines."""
        items = list(self.sides.side(side))
        if side == "train" and self.recipe.data.joined_pairs:
            items += join_pairs(items, count=self.recipe.data.joined_pairs, seed=self.recipe.seed)
        return make_examples(items, self.encoder, max_tokens=self.recipe.data.max_tokens)

    def network(self) -> RiskwireNet:
        """The base with fresh heads; the same each time."""
        torch.manual_seed(self.recipe.seed)
        vocabulary = Tokenizer.from_file(str(self.tokenizer_file)).get_vocab_size()
        return build(self.recipe.base, vocabulary=vocabulary, dropout=self.recipe.finetune.dropout)

    def trained(self) -> RiskwireNet:
        """The finished network, for judging and export."""
        network = self.network()
        network.load_state_dict(load_file(self.balanced))
        network.eval()
        return network


def forward_of(network: RiskwireNet) -> evaluate.Forward:
    """The network as evaluation wants it: numpy in, numpy out, fp32."""

    def forward(ids: evaluate.Array, mask: evaluate.Array, cases: evaluate.Array) -> tuple[evaluate.Array, ...]:
        with torch.inference_mode():
            outputs = network(torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(cases))
        return tuple(output.float().numpy() for output in outputs)

    return forward  # type: ignore[return-value]
