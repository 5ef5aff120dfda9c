"""`make train`: from labelled sets to a shipped artefact, in stages that can each be stopped and taken up again.

    prepare → finetune → export (fp32, and quantised) → calibrate → evaluate → package

`python -m models.train models/configs/minilm.toml [--datasets DIR] [--work DIR] [--output DIR]`. A stage that is done
leaves `NAME.done.json` in the work folder, with what it found, and is skipped next time; another recipe takes another
work folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from safetensors.torch import load_file
from tokenizers import Tokenizer

from models import calibrate, evaluate, export
from models.artefact import DataEntry
from models.batches import Example, make_examples
from models.card import write_card
from models.config import Quantise, Recipe, load_recipe
from models.corpora import CORPORA
from models.corpora.compose import join_pairs
from models.corpora.splits import Sides, split
from models.encoding import TextEncoder
from models.finetune import finetune
from models.network import RiskwireNet, base_folder, build
from models.packaging import package
from models.toy_tokenizer import make_tokenizer

console = Console(stderr=True)
PARITY = 1e-4
DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", "../shared/data"))


class Run:
    """One training run: its recipe, folders, and the parts that stages share (made when first asked for)."""

    def __init__(self, recipe: Recipe, *, datasets: Path, work: Path, output: Path) -> None:
        self.recipe, self.datasets, self.work, self.output = recipe, datasets, work, output
        self._sides: Sides | None = None
        self._encoder: TextEncoder | None = None
        self.fp32, self.shipped = work / "fp32.onnx", work / "shipped.onnx"
        work.mkdir(parents=True, exist_ok=True)

    @property
    def tokenizer_file(self) -> Path:
        folder = base_folder(self.recipe.base)
        if folder is not None:
            return folder / "tokenizer.json"
        path = self.work / "tokenizer.json"
        if not path.is_file():
            make_tokenizer((item.text for item in self.sides.train), path)
        return path

    def found(self, stage: str) -> dict[str, Any]:
        """What an earlier stage left."""
        answer: dict[str, Any] = json.loads((self.work / f"{stage}.done.json").read_text(encoding="utf-8"))
        return answer

    @property
    def encoder(self) -> TextEncoder:
        if self._encoder is None:
            self._encoder = TextEncoder.from_file(self.tokenizer_file, case_feature=self.recipe.base.case_feature)
        return self._encoder

    @property
    def sides(self) -> Sides:
        if self._sides is None:
            data = self.recipe.data
            items = [item for name in data.sets for item in CORPORA[name].load(self.datasets)]
            self._sides = split(items, seed=data.split_seed, dev=data.dev, test=data.test)
        return self._sides

    def examples(self, side: str) -> list[Example]:
        items = list({"train": self.sides.train, "dev": self.sides.dev, "test": self.sides.test}[side])
        if side == "train" and self.recipe.data.joined_pairs:
            items += join_pairs(items, count=self.recipe.data.joined_pairs, seed=self.recipe.seed)
        return make_examples(items, self.encoder, max_tokens=self.recipe.data.max_tokens)

    def network(self) -> RiskwireNet:
        torch.manual_seed(self.recipe.seed)
        vocabulary = Tokenizer.from_file(str(self.tokenizer_file)).get_vocab_size()
        return build(self.recipe.base, vocabulary=vocabulary, dropout=self.recipe.finetune.dropout)

    def trained(self) -> RiskwireNet:
        network = self.network()
        network.load_state_dict(load_file(self.work / "finetune" / "best.safetensors"))
        network.eval()
        return network


def forward_of(network: RiskwireNet) -> evaluate.Forward:
    """The network as evaluation wants it: numpy in, numpy out, fp32."""

    def forward(ids: evaluate.Array, mask: evaluate.Array, cases: evaluate.Array) -> tuple[evaluate.Array, ...]:
        with torch.inference_mode():
            outputs = network(torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(cases))
        return tuple(output.float().numpy() for output in outputs)

    return forward  # type: ignore[return-value]


def prepare(run: Run) -> dict[str, Any]:
    """Read and divide the sets; note their fingerprints."""
    counts = {side: dict(Counter(i.dataset for i in run.sides.side(side))) for side in ("train", "dev", "test")}
    return {
        "items": counts,
        "dropped": run.sides.dropped,
        "fingerprints": {
            file: hashlib.sha256((run.datasets / file).read_bytes()).hexdigest()
            for name in run.recipe.data.sets
            for file in CORPORA[name].files
        },
    }


def fine_tune(run: Run) -> dict[str, Any]:
    """Train; the best epoch on dev stays."""
    dev = run.examples("dev")
    network = run.network()

    def judge(candidate: RiskwireNet) -> dict[str, float]:
        candidate.eval()
        outputs = evaluate.run(forward_of(candidate), dev, pad=run.encoder.pad)
        found = evaluate.figures(outputs, dev, run.encoder, story_temperature=1.0, mention_temperature=1.0)
        return evaluate.dev_mean(found)

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

        return finetune(
            network,
            run.examples("train"),
            run.recipe.finetune,
            pad=run.encoder.pad,
            seed=run.recipe.seed,
            folder=run.work / "finetune",
            judge=judge,
            report=report,
        )


def export_stage(run: Run) -> dict[str, Any]:
    """The exact graph, which must say what the network says; and the small one."""
    network = run.trained()
    sizes = {
        "fp32": export.export(network, run.fp32, Quantise(method="none", embedding="fp32")),
        "shipped": export.export(network, run.shipped, run.recipe.quantise),
    }
    sample = run.examples("test")[:: max(1, len(run.examples("test")) // 200)]
    parity = export.difference(forward_of(network), export.forward_of(run.fp32), sample, pad=run.encoder.pad)
    if parity > PARITY:
        raise RuntimeError(f"the exported graph differs from the network by {parity:.1e} in probability")
    return {"parity": parity, "bytes": sizes}


def calibrate_stage(run: Run) -> dict[str, Any]:
    """Temperatures on dev, for the logits of the graph that ships."""
    dev = run.examples("dev")
    return dict(calibrate.temperatures(evaluate.run(export.forward_of(run.shipped), dev, pad=run.encoder.pad), dev))


def evaluate_stage(run: Run) -> dict[str, Any]:
    """Every figure on the test side: shipped, shipped before calibration, and fp32."""
    test, fitted = run.examples("test"), run.found("calibrate")
    shipped = export.forward_of(run.shipped)
    outputs = evaluate.run(shipped, test, pad=run.encoder.pad)
    exact = evaluate.run(export.forward_of(run.fp32), test, pad=run.encoder.pad)
    plain = {"story_temperature": 1.0, "mention_temperature": 1.0}
    warm = {"story_temperature": fitted["story"], "mention_temperature": fitted["mention"]}
    sample = test[:: max(1, len(test) // 500)]
    return {
        "shipped": evaluate.figures(outputs, test, run.encoder, **warm),
        "uncalibrated": evaluate.figures(outputs, test, run.encoder, **plain),
        "fp32": evaluate.figures(exact, test, run.encoder, **warm),
        "batch": export.batch_dependence(shipped, sample, pad=run.encoder.pad),
    }


def package_stage(run: Run) -> dict[str, Any]:
    """Card, manifest, artefact."""
    found, figures, fitted = run.found("prepare"), run.found("evaluate"), run.found("calibrate")
    exported, history = run.found("export"), run.found("finetune")
    data = tuple(
        DataEntry(
            name=name,
            about=CORPORA[name].about,
            licence=CORPORA[name].licence,
            files={file: found["fingerprints"][file] for file in CORPORA[name].files},
            items={side: found["items"][side].get(name, 0) for side in ("train", "dev", "test")},
        )
        for name in run.recipe.data.sets
    )
    checks = {"parity": exported["parity"], "bytes": exported["bytes"]["shipped"], "batch": figures["batch"]}
    card = write_card(run.recipe, figures=figures, data=data, checks=checks, temperatures=fitted)
    manifest = package(
        run.recipe,
        graph=run.shipped,
        tokenizer=run.tokenizer_file,
        card=card,
        data=data,
        temperatures=fitted,
        metrics={"test": figures["shipped"], "test_fp32": figures["fp32"], "checks": checks, "dev": history["history"]},
        output=run.output,
    )
    return {"output": str(run.output), "sha256": manifest.files[manifest.model_file].sha256}


STAGES: dict[str, Callable[[Run], dict[str, Any]]] = {
    "prepare": prepare,
    "finetune": fine_tune,
    "export": export_stage,
    "calibrate": calibrate_stage,
    "evaluate": evaluate_stage,
    "package": package_stage,
}


def stage(run: Run, name: str, work: Callable[[Run], dict[str, Any]]) -> dict[str, Any]:
    """Do one stage, or read what it found when it is done."""
    done = run.work / f"{name}.done.json"
    if done.is_file():
        console.print(f"[dim]{name}: done before[/]")
        found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return found
    console.print(f"[bold]{name}[/]")
    found = work(run)
    part = done.with_suffix(".part")
    part.write_text(json.dumps(found, indent=1), encoding="utf-8")
    part.replace(done)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run all stages of a recipe. Exit codes: 0 done, 1 failed, 2 used wrongly."""
    parser = argparse.ArgumentParser(prog="models.train", description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--datasets", type=Path, default=DATASETS, help="folder of the labelled sets")
    parser.add_argument("--work", type=Path, help="checkpoints and stages (default: var/train/NAME)")
    parser.add_argument("--output", type=Path, help="where the artefact goes (default: models/pretrained/NAME)")
    parser.add_argument("--seed", type=int, help="another seed than the recipe's")
    options = parser.parse_args(arguments)
    try:
        recipe = load_recipe(options.recipe)
    except (OSError, ValueError) as error:
        console.print(f"[red]{error}[/]")
        return 2
    if options.seed is not None:
        recipe = msgspec.structs.replace(recipe, seed=options.seed)
    unknown = [name for name in recipe.data.sets if name not in CORPORA]
    if unknown:
        console.print(f"[red]{options.recipe}: there are no sets {unknown}; known are {sorted(CORPORA)}[/]")
        return 2
    run = Run(
        recipe,
        datasets=options.datasets,
        work=options.work or Path("var/train") / recipe.name,
        output=options.output or Path(__file__).parent / "pretrained" / recipe.name,
    )
    if not same_recipe(run):
        console.print(f"[red]{run.work} belongs to another recipe or seed: give --work, or remove it[/]")
        return 2
    try:
        for name, work in STAGES.items():
            stage(run, name, work)
    except FileNotFoundError as error:
        console.print(f"[red]{error}[/]")
        return 1
    return 0


def same_recipe(run: Run) -> bool:
    """Write the recipe into a fresh work folder; say whether a used one is of this very recipe."""
    path, mine = run.work / "recipe.json", msgspec.json.format(msgspec.json.encode(run.recipe))
    if path.is_file():
        return path.read_bytes() == mine
    path.write_bytes(mine)
    return True


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    sys.exit(main())
