"""One recipe, one TOML file: everything that decides a training run. Unknown keys are refused by name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Base(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The encoder that training starts from."""

    source: str  # "package:NAME" (a wheel that carries model/), "folder:PATH", or "random" (tests)
    licence: str = ""
    case_feature: bool = True  # word shapes through the token types; off for a base that uses its token types
    layers: Count = 6  # of a random base only, as the next two
    width: Count = 384
    heads: Count = 12


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sets, and how they are divided."""

    sets: tuple[str, ...]
    dev: Share = 0.08
    test: Share = 0.12
    split_seed: int = 1  # not the training seed: three seeds must be judged on the same texts
    joined_pairs: Annotated[int, msgspec.Meta(ge=0)] = 0  # training items made of two headlines
    max_tokens: Annotated[int, msgspec.Meta(ge=8, le=512)] = 128  # special tokens included


class Finetune(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Optimisation. Learning rates are those of the top layer; heads take `head_factor` times as much."""

    epochs: Count = 4
    batch_size: Count = 32
    learning_rate: Positive = 8e-5
    layer_decay: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
    head_factor: Positive = 3.0
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.01
    warmup: Share = 0.06
    dropout: Share = 0.1
    label_smoothing: Share = 0.05
    story_weight: Positive = 1.0  # of one story's loss
    tag_weight: Positive = 0.1  # of one token's tag loss against one story
    mention_weight: Positive = 1.0  # of one mention's loss against one story
    derived_story_weight: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1  # of story labels that follow from mentions
    case_noise: Share = 0.15  # share of texts whose word shapes are made all lower, upper or title
    checkpoint_steps: Count = 200
    average_last: Count = 3  # try the mean of the last 2 … n epochs; 1: never
    patience: Count = 2  # epochs without a better dev mean before stopping
    bf16: bool = True


class Quantise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the exported graph becomes small and fast. `rowwise` and `blockwise` don't depend on the batch."""

    method: Literal["none", "rowwise", "blockwise"] = "rowwise"
    embedding: Literal["fp32", "int8"] = "int8"
    keep_fp32: tuple[str, ...] = ()  # parts of node names left alone


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole training run."""

    name: str
    version: str
    base: Base
    data: Data
    seed: int = 1
    finetune: Finetune = Finetune()
    quantise: Quantise = Quantise()


def load_recipe(path: Path) -> Recipe:
    """Read a recipe. Raises ValueError naming the file and the key that is wrong."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Recipe)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
