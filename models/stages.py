"""The stages before and after learning. Each takes the run and returns what it found, as plain JSON values."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import torch
from safetensors.torch import load_file

from models import calibrate, evaluate, export
from models.artefact import DataEntry
from models.behaviour import pairs
from models.behaviour.answers import answers_of
from models.behaviour.judge import judge as behaviour
from models.behaviour.judge import shares
from models.card import write_card
from models.checkpoint import write_tensors
from models.config import Quantise
from models.corpora import CORPORA, given
from models.labels import SENTIMENTS
from models.packaging import package
from models.prune import fit
from models.run import Run, forward_of

PARITY = 1e-4
"""The largest |Δp| allowed between the network and its exported fp32 graph."""


class ParityError(Exception):
    """The exported graph does not say what the network says."""


def prepare(run: Run) -> dict[str, Any]:
    """Read and divide the sets; note their fingerprints."""
    counts = {side: dict(Counter(i.dataset for i in run.sides.side(side))) for side in ("train", "dev", "test")}
    files = {file: run.datasets / file for name in run.recipe.data.sets for file in CORPORA[name].files}
    if run.labels is not None:
        files[given.NAME] = run.labels
    return {
        "items": counts,
        "dropped": run.sides.dropped,
        "fingerprints": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()},
    }


def balance(run: Run) -> dict[str, Any]:
    """Refit the story head's bias on dev, in the network itself, so that every graph made of it has it."""
    network, dev = run.network(), run.examples("dev")
    fit(network, load_file(run.best))
    network.eval()
    bias = calibrate.story_bias(evaluate.run(forward_of(network), dev, pad=run.encoder.pad), dev)
    with torch.no_grad():
        network.story.bias += torch.from_numpy(bias).to(network.story.bias.dtype)
    write_tensors(run.balanced, network.state_dict())
    return {"story_bias": dict(zip(SENTIMENTS, bias.round(4).tolist(), strict=True))}


def export_graphs(run: Run) -> dict[str, Any]:
    """The exact graph, which must say what the network says; and the small one."""
    network = run.trained()
    sizes = {
        "fp32": export.export(network, run.fp32, Quantise(method="none", embedding="fp32")),
        "shipped": export.export(network, run.shipped, run.recipe.quantise),
    }
    sample = run.examples("test")[:: max(1, len(run.examples("test")) // 200)]
    parity = export.difference(forward_of(network), export.forward_of(run.fp32), sample, pad=run.encoder.pad)
    if parity > PARITY:
        raise ParityError(f"the exported graph differs from the network by {parity:.1e} in probability")
    return {"parity": parity, "bytes": sizes}


def fit_temperatures(run: Run) -> dict[str, Any]:
    """Temperatures on dev, for the logits of the graph that ships."""
    dev = run.examples("dev")
    return dict(calibrate.temperatures(evaluate.run(export.forward_of(run.shipped), dev, pad=run.encoder.pad), dev))


def judge(run: Run) -> dict[str, Any]:
    """Every figure on the test side: shipped, shipped before calibration, and fp32; shipped on test and dev, which
    is twice the texts, but chose the epoch, the bias and the temperatures; and the minimal pairs."""
    test, fitted = run.examples("test"), run.found("calibrate")
    held_out = test + run.examples("dev")
    shipped = export.forward_of(run.shipped)
    outputs = evaluate.run(shipped, test, pad=run.encoder.pad)
    exact = evaluate.run(export.forward_of(run.fp32), test, pad=run.encoder.pad)
    plain = {"story_temperature": 1.0, "mention_temperature": 1.0}
    warm = {"story_temperature": fitted["story"], "mention_temperature": fitted["mention"]}
    sample = test[:: max(1, len(test) // 500)]
    return {
        "shipped": evaluate.figures(outputs, test, run.encoder, **warm),
        "held_out": evaluate.figures(
            evaluate.run(shipped, held_out, pad=run.encoder.pad), held_out, run.encoder, **warm
        ),
        "uncalibrated": evaluate.figures(outputs, test, run.encoder, **plain),
        "fp32": evaluate.figures(exact, test, run.encoder, **warm),
        "batch": export.batch_dependence(shipped, sample, pad=run.encoder.pad),
        "behaviour": shares(behaviour(answers_of(shipped, run.encoder, **warm), pairs.load())),
    }


def package_artefact(run: Run) -> dict[str, Any]:
    """Card, manifest, artefact."""
    found, figures, fitted = run.found("prepare"), run.found("evaluate"), run.found("calibrate")
    exported, history = run.found("export"), run.found(run.student)
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
    if given.NAME in found["fingerprints"]:
        data += (
            DataEntry(
                name=given.NAME,
                about="Labels that users gave",
                licence="their own",
                files={given.NAME: found["fingerprints"][given.NAME]},
                items={side: found["items"][side].get(given.NAME, 0) for side in ("train", "dev", "test")},
            ),
        )
    checks = {"parity": exported["parity"], "bytes": exported["bytes"]["shipped"], "batch": figures["batch"]}
    bias = run.found("balance")["story_bias"]
    made = {name: run.found(name) for name in ("pretrain", "teacher", "label", "prune") if run.has(name)}
    card = write_card(
        run.recipe,
        figures=figures,
        data=data,
        checks=checks,
        temperatures=fitted,
        story_bias=bias,
        made=made,
        evidence=run.evidence,
    )
    manifest = package(
        run.recipe,
        graph=run.shipped,
        tokenizer=run.tokenizer_file,
        card=card,
        data=data,
        temperatures=fitted,
        metrics={
            "test": figures["shipped"],
            "test_and_dev": figures["held_out"],
            "test_fp32": figures["fp32"],
            "behaviour": figures["behaviour"],
            "checks": checks,
            "story_bias": bias,
            "dev": history["history"],
            "dev_chosen": history["chosen"],
            "made": made,
            **run.evidence,
        },
        output=run.output,
    )
    return {"output": str(run.output), "sha256": manifest.files[manifest.model_file].sha256}
