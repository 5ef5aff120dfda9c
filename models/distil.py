"""What a student learns from a teacher: the teacher's logits on many texts, kept in shards, and the loss against them.

Stories: the teacher's probabilities, softened by a temperature. Sentiment of a token counts as much as the teacher
believes that the token belongs to a mention, so that a text's mentions together weigh one. Tags are learnt from the
teacher only where no label says them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch.nn import functional

from models import evaluate
from models.batches import Example, Soft, SoftBatch, collate, length_batches
from models.config import Distil
from models.labels import OUTSIDE

SHARD = 2048
"""Texts a shard; a crash loses no more than one shard's work."""


def soft_losses(
    story: torch.Tensor, tags: torch.Tensor, sentiment: torch.Tensor, soft: SoftBatch, settings: Distil
) -> torch.Tensor:
    """The weighted divergences of a batch from its teacher, summed. Logits (B, 3), (B, T, 9), (B, T, 3)."""
    heat = settings.temperature
    known, tag_known = torch.from_numpy(soft.known), torch.from_numpy(soft.tag_known)
    teacher_tags = torch.from_numpy(soft.tags)
    mention = (1 - teacher_tags.softmax(-1)[..., OUTSIDE]) * known.unsqueeze(1)  # (B, T)
    mention[soft.sentiment.any(-1) == 0] = 0  # padding
    share = mention / mention.sum(1, keepdim=True).clamp_min(1.0)
    story_known = torch.from_numpy(soft.story_known)
    total = settings.story_weight * (_divergence(story, torch.from_numpy(soft.story), heat) * story_known).sum()
    total = (
        total + settings.mention_weight * (_divergence(sentiment, torch.from_numpy(soft.sentiment), heat) * share).sum()
    )
    result: torch.Tensor = total + settings.tag_weight * (_divergence(tags, teacher_tags, 1.0) * tag_known).sum()
    return result


def _divergence(student: torch.Tensor, teacher: torch.Tensor, heat: float) -> torch.Tensor:
    """KL(teacher ‖ student) over the last axis at temperature `heat`, times heat² (Hinton et al. 2015)."""
    goal = functional.log_softmax(teacher / heat, -1)
    said = functional.log_softmax(student / heat, -1)
    result: torch.Tensor = heat**2 * (goal.exp() * (goal - said)).sum(-1)
    return result


def mean_of(forwards: Sequence[evaluate.Forward]) -> evaluate.Forward:
    """Several teachers as one: the mean of their logits."""

    def forward(ids: evaluate.Array, mask: evaluate.Array, cases: evaluate.Array) -> tuple[evaluate.Array, ...]:
        story, tags, sentiment = zip(*(each(ids, mask, cases) for each in forwards), strict=True)
        return np.mean(story, axis=0), np.mean(tags, axis=0), np.mean(sentiment, axis=0)

    return forward  # type: ignore[return-value]


def label(
    forward: evaluate.Forward,
    examples: Sequence[Example],
    folder: Path,
    *,
    pad: int,
    report: Callable[[int, int], None],
) -> int:
    """Write the teacher's logits on `examples` to shards in `folder`; those that are there are not made again.

    Returns the bytes of all shards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(examples), SHARD):
        path = _shard(folder, start)
        if not path.is_file():
            part = path.with_suffix(".part")
            save_file(_logits(forward, examples[start : start + SHARD], pad), part)
            part.replace(path)
        report(min(start + SHARD, len(examples)), len(examples))
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def with_soft(examples: Sequence[Example], folder: Path) -> list[Example]:
    """`examples`, in the order in which they were labelled, with the teacher's logits.

    Raises ValueError when the shards are of other texts.
    """
    result: list[Example] = []
    for start in range(0, len(examples), SHARD):
        shard = load_file(_shard(folder, start))
        part = examples[start : start + SHARD]
        if shard["lengths"].tolist() != [len(example) for example in part]:
            raise ValueError(f"{_shard(folder, start)} is of other texts: remove {folder} and label again")
        ends = np.cumsum(shard["lengths"]).tolist()
        for index, example in enumerate(part):
            at = slice(ends[index] - len(example), ends[index])
            soft = Soft(story=shard["story"][index], tags=shard["tags"][at], sentiment=shard["sentiment"][at])
            result.append(msgspec.structs.replace(example, soft=soft))
    return result


def _shard(folder: Path, start: int) -> Path:
    return folder / f"{start // SHARD:05d}.safetensors"


def _logits(forward: evaluate.Forward, examples: Sequence[Example], pad: int) -> dict[str, evaluate.Array]:
    story = np.zeros((len(examples), 3), dtype=np.float16)
    tokens: list[tuple[evaluate.Array, evaluate.Array]] = [(story, story)] * len(examples)
    for indices in length_batches(examples, size=32):
        batch = collate([examples[index] for index in indices], pad=pad)
        story_logits, tag_logits, token_logits = forward(batch.ids, batch.mask, batch.cases)
        for row, index in enumerate(indices):
            n = len(examples[index])
            story[index] = story_logits[row]
            tokens[index] = (tag_logits[row, :n].astype(np.float16), token_logits[row, :n].astype(np.float16))
    return {
        "story": story,
        "tags": np.concatenate([tags for tags, _ in tokens]),
        "sentiment": np.concatenate([sentiment for _, sentiment in tokens]),
        "lengths": np.array([len(example) for example in examples], dtype=np.int32),
    }
