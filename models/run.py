"""One training run: its recipe, its folders, and what its stages share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from rich.console import Console
from safetensors.torch import load_file
from tokenizers import Tokenizer

from models import evaluate
from models.augment import augment
from models.batches import Example, make_examples
from models.config import Recipe, Teacher
from models.corpora import CORPORA, given
from models.corpora.compose import join_pairs
from models.corpora.items import Item, Split
from models.corpora.splits import Sides, split
from models.corpora.unlabelled import sample
from models.encoding import TextEncoder
from models.network import RiskwireNet, base_folder, build
from models.prune import fit
from models.teacher import build_teacher
from models.toy_tokenizer import make_tokenizer
from models.vocabulary import tokenizer_of

console = Console(stderr=True)
EVIDENCE: Final = "evidence.json"
"""In a work folder: other seeds and ablations."""


class Run:
    """One training run: its recipe, folders, and the parts that stages share (made when first asked for)."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        datasets: Path,
        work: Path,
        output: Path,
        unlabelled: Path | None = None,
        labels: Path | None = None,
    ) -> None:
        """`unlabelled`: a file of texts, one a line, for recipes that learn from `given` ones; `labels`: labels that
        users gave (`corpora.given`), beside the recipe's sets."""
        self.recipe, self.datasets, self.work, self.output = recipe, datasets, work, output
        self.given, self.labels = unlabelled, labels
        self._sides: Sides | None = None
        self._encoder: TextEncoder | None = None
        self.fp32, self.shipped = work / "fp32.onnx", work / "shipped.onnx"
        self.student = "distil" if recipe.distil is not None else "finetune"  # the stage that makes what ships
        last = "prune" if recipe.prune is not None else self.student
        self.best, self.balanced = work / last / "final.safetensors", work / "balanced.safetensors"
        self.soft = work / "soft"
        work.mkdir(parents=True, exist_ok=True)

    @property
    def tokenizer_file(self) -> Path:
        """The base's, or one made of the training texts for a random base."""
        folder = base_folder(self.recipe.base)
        if folder is not None:
            return tokenizer_of(folder, self.work / "tokenizer.json")
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

    def has(self, stage: str) -> bool:
        """Did an earlier stage leave something?"""
        return (self.work / f"{stage}.done.json").is_file()

    @property
    def evidence(self) -> dict[str, Any]:
        """What `models.evidence` found out beside this run; empty where nobody asked it."""
        path = self.work / EVIDENCE
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return found

    @property
    def encoder(self) -> TextEncoder:
        """As the shipped model will tokenise."""
        if self._encoder is None:
            base = self.recipe.base
            self._encoder = TextEncoder.from_file(
                self.tokenizer_file, case_feature=base.case_feature, amount_feature=base.amount_feature
            )
        return self._encoder

    @property
    def mask_token(self) -> int:
        """The id of [MASK]. Raises ValueError where the tokenizer has none."""
        found = Tokenizer.from_file(str(self.tokenizer_file)).token_to_id("[MASK]")
        if found is None:
            raise ValueError(f"{self.tokenizer_file} has no [MASK], which pretraining needs")
        return int(found)

    @property
    def sides(self) -> Sides:
        """All sets of the recipe, divided."""
        if self._sides is None:
            data = self.recipe.data
            items = [item for name in data.sets for item in CORPORA[name].load(self.datasets)]
            if self.labels is not None:
                items += given.load(self.labels)
            self._sides = split(items, seed=data.split_seed, dev=data.dev, test=data.test)
        return self._sides

    def examples(self, side: Split, *, sets: tuple[str, ...] = ()) -> list[Example]:
        """One side of `sets` (none: all), encoded; the training side with what is made of it."""
        return self._encoded(self._items(side, sets))

    def _items(self, side: Split, sets: tuple[str, ...] = ()) -> list[Item]:
        items = [item for item in self.sides.side(side) if not sets or item.dataset in sets]
        if side == "train" and self.recipe.data.joined_pairs:
            items += join_pairs(items, count=self.recipe.data.joined_pairs, seed=self.recipe.data.split_seed)
        if side == "train" and self.recipe.data.retold:
            items += augment(items, count=self.recipe.data.retold, seed=self.recipe.data.split_seed)
        return items

    def _encoded(self, items: list[Item]) -> list[Example]:
        return make_examples(items, self.encoder, max_tokens=self.recipe.data.max_tokens)

    def texts(self, counts: Mapping[str, int]) -> list[str]:
        """Texts without labels, none of them like a held-out one."""
        held_out = [item.text for side in (self.sides.dev, self.sides.test) for item in side]
        return sample(counts, root=self.datasets, seed=self.recipe.data.split_seed, held_out=held_out, given=self.given)

    def taught(self) -> list[Example]:
        """What the teacher labels and the student learns from: the training side, texts without labels, and training
        texts told again."""
        distil = self.recipe.distil
        if distil is None:
            return []
        items = self._items("train")
        unlabelled = [Item(dataset="unlabelled", text=text) for text in self.texts(distil.unlabelled)]
        return self._encoded(items + unlabelled + augment(items, count=distil.retold, seed=self.recipe.data.split_seed))

    def own_labels(self) -> list[Example]:
        """What the student learns from labels alone, without a word of the teacher."""
        sets = () if self.recipe.distil is None else self.recipe.distil.sets
        return self._encoded([item for name in sets for item in CORPORA[name].load(self.datasets)])

    def network(self) -> RiskwireNet:
        """The base, as pretraining left it where there was one, with fresh heads; the same each time."""
        network = self.untrained()
        if self.recipe.pretrain is not None:
            network.encoder.load_state_dict(load_file(self.work / "pretrain" / "encoder.safetensors"))
        return network

    def untrained(self) -> RiskwireNet:
        """The base with fresh heads."""
        torch.manual_seed(self.recipe.seed)
        vocabulary = Tokenizer.from_file(str(self.tokenizer_file)).get_vocab_size()
        settings = self.recipe.finetune if self.recipe.distil is None else self.recipe.distil.finetune
        return build(self.recipe.base, vocabulary=vocabulary, dropout=settings.dropout)

    def teachers(self, teacher: Teacher) -> Iterator[RiskwireNet]:
        """Each of the teacher's bases with fresh heads; the same each time."""
        for base in (teacher.base, *teacher.also):
            torch.manual_seed(self.recipe.seed)
            yield build_teacher(base, tokenizer=self.tokenizer_file, dropout=teacher.finetune.dropout)

    def trained(self) -> RiskwireNet:
        """The finished network, for judging and export."""
        network = self.network()
        fit(network, load_file(self.balanced))
        network.eval()
        return network


def forward_of(network: RiskwireNet, *, bf16: bool = False) -> evaluate.Forward:
    """The network as evaluation wants it: numpy in, numpy out; fp32 unless told otherwise."""

    def forward(ids: evaluate.Array, mask: evaluate.Array, cases: evaluate.Array) -> tuple[evaluate.Array, ...]:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            outputs = network(torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(cases))
        return tuple(output.float().numpy() for output in outputs)

    return forward  # type: ignore[return-value]
