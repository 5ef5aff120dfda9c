"""The stages in which something is learnt: pretraining, the teacher, its opinions, the student, what is cut from it.

Each takes the run and returns what it found, as plain JSON values; a stage that the recipe does not ask for is not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from safetensors.torch import load_file

from models import distil, evaluate, lora
from models.batches import Example
from models.checkpoint import mean_of, write_tensors
from models.config import Distil, Finetune
from models.finetune import Report, finetune
from models.network import RiskwireNet, base_folder
from models.packing import pack
from models.pretrain import MaskedNet
from models.pretrain import pretrain as masked_training
from models.prune import prune
from models.run import Run, console, forward_of


def pretrain(run: Run) -> dict[str, Any]:
    """Train the encoder on texts without labels."""
    settings = run.recipe.pretrain
    if settings is None:
        return {}
    network = MaskedNet(run.untrained())
    had_head = network.load_head(base_folder(run.recipe.base))
    texts = run.texts(settings.unlabelled)
    blocks = pack(texts, run.encoder, length=settings.block)
    with progress_of_epochs() as report:
        found = masked_training(
            network,
            blocks,
            settings,
            mask=run.mask_token,
            seed=run.recipe.seed,
            folder=run.work / "pretrain",
            report=report,
        )
    return {"texts": len(texts), "base_had_a_head": had_head, **found}


def teach(run: Run) -> dict[str, Any]:
    """Fine-tune the teacher's networks on the labels."""
    teacher = run.recipe.teacher
    if teacher is None:
        return {}
    examples, dev = (run.examples(side, sets=teacher.sets) for side in ("train", "dev"))
    found = [
        _train(run, network, examples, teacher.finetune, dev=dev, folder=_teacher_folder(number))
        for number, network in enumerate(run.teachers(teacher))
    ]
    return {"networks": found}


def label(run: Run) -> dict[str, Any]:
    """The teacher's opinion on every training text and on many without labels; its own figures on dev."""
    teacher = run.recipe.teacher
    if teacher is None:
        return {}
    forwards = []
    for number, network in enumerate(run.teachers(teacher)):
        network.load_state_dict(load_file(run.work / _teacher_folder(number) / "final.safetensors"))
        network.eval()
        forwards.append(forward_of(network, bf16=teacher.finetune.bf16))
    forward = distil.mean_of(forwards)
    examples = run.taught()

    def report(done: int, total: int) -> None:
        console.print(f"labelled {done}/{total}")

    size = distil.label(forward, examples, run.soft, pad=run.encoder.pad, report=report)
    unlabelled = sum(example.item.dataset == "unlabelled" for example in examples)
    dev = _dev_figures(run, forward, run.examples("dev", sets=teacher.sets))
    return {"texts": len(examples), "unlabelled": unlabelled, "bytes": size, "dev": dev}


def _teacher_folder(number: int) -> str:
    return f"teacher/{number + 1}"


def distil_student(run: Run) -> dict[str, Any]:
    """Train the student on labels and on the teacher's opinions; the best epoch on dev stays. Of several, the mean:
    networks tuned from one start lie in one valley (model soups, Wortsman et al. 2022, arXiv 2203.05482)."""
    settings = run.recipe.distil
    if settings is None:
        return {}
    examples, dev = distil.with_soft(run.taught(), run.soft) + run.own_labels(), run.examples("dev")
    trained, ends = [], []
    for number in range(settings.students):
        network = run.network()
        if settings.from_teacher:
            network.load_state_dict(_widened(load_file(run.work / _teacher_folder(0) / "final.safetensors"), network))
        folder, seed = f"distil/{number + 1}", run.recipe.seed + number
        trained.append(
            _train(run, network, examples, settings.finetune, dev=dev, folder=folder, soft=settings, seed=seed)
        )
        ends.append(run.work / folder / "final.safetensors")
    mean = mean_of(ends)
    write_tensors(run.work / "distil" / "final.safetensors", mean)
    if len(trained) == 1:
        return trained[0]
    network.load_state_dict(mean)
    network.eval()
    figures = _dev_figures(run, forward_of(network, bf16=settings.finetune.bf16), dev)
    return {"history": [one["chosen"]["dev"] for one in trained], "chosen": {"students": len(trained), "dev": figures}}


def _widened(weights: dict[str, torch.Tensor], network: RiskwireNet) -> dict[str, torch.Tensor]:
    """`weights` of a teacher without the feature of amounts, with rows for its marks that are as if there were none."""
    name = "encoder.embeddings.token_type_embeddings.weight"
    missing = network.types - len(weights[name])
    return {**weights, name: torch.cat([weights[name], weights[name][:1].repeat(missing, 1)])}


def fine_tune(run: Run) -> dict[str, Any]:
    """Train; the best epoch on dev stays."""
    return _train(
        run, run.network(), run.examples("train"), run.recipe.finetune, dev=run.examples("dev"), folder="finetune"
    )


def _train(
    run: Run,
    network: RiskwireNet,
    examples: list[Example],
    settings: Finetune,
    *,
    dev: list[Example],
    folder: str,
    soft: Distil | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    def dev_figures(candidate: RiskwireNet) -> dict[str, float]:
        candidate.eval()
        return _dev_figures(run, forward_of(candidate, bf16=settings.bf16), dev)

    if settings.lora_rank:
        lora.inject(network, rank=settings.lora_rank)
    with progress_of_epochs() as report:
        found = finetune(
            network,
            examples,
            settings,
            pad=run.encoder.pad,
            seed=run.recipe.seed if seed is None else seed,
            folder=run.work / folder,
            judge=dev_figures,
            report=report,
            distil=soft,
        )
    if settings.lora_rank:
        lora.merge(network)
    write_tensors(run.work / folder / "final.safetensors", network.state_dict())
    return found


def _dev_figures(run: Run, forward: evaluate.Forward, dev: list[Example]) -> dict[str, float]:
    outputs = evaluate.run(forward, dev, pad=run.encoder.pad)
    found = evaluate.figures(outputs, dev, run.encoder, story_temperature=1.0, mention_temperature=1.0)
    return evaluate.dev_mean(found)


@contextmanager
def progress_of_epochs() -> Iterator[Report]:
    """Where a training stands: a bar on a terminal, a line every hundred steps in a log."""
    with Progress(
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} loss {task.fields[loss]:.3f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("train", epoch=0, loss=0.0)

        def report(event: dict[str, Any]) -> None:
            if "dev" in event:
                told = "  ".join(f"{name} {value:.3f}" for name, value in event["dev"].items())
                progress.console.print(f"epoch {event['epoch']}: {told}")
            else:
                progress.update(
                    task, completed=event["step"], total=event["total"], epoch=event["epoch"], loss=event["loss"]
                )
                if event["step"] % 100 == 0 and not console.is_terminal:
                    console.print(
                        f"epoch {event['epoch']} step {event['step']}/{event['total']} loss {event['loss']:.3f}"
                    )

        yield report


def prune_student(run: Run) -> dict[str, Any]:
    """Cut the trained student and heal it; what is left, and dev before healing, beside dev after it."""
    settings = run.recipe.prune
    if settings is None:
        return {}
    network = run.network()
    network.load_state_dict(load_file(run.work / run.student / "final.safetensors"))
    examples = run.examples("train")
    step = max(1, len(examples) // settings.texts)
    left = prune(network, examples[::step], settings, pad=run.encoder.pad)
    return {**_train(run, network, examples, settings.finetune, dev=run.examples("dev"), folder="prune"), "left": left}
