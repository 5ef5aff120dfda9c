"""What the gate is told: figures of a model on held-out texts, either out of its manifest or measured here.

Two models compare where both were judged on the same texts, which `Judged.texts` names. Needs no torch.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from models import artefact, evaluate
from models.artefact import Manifest
from models.batches import make_examples
from models.behaviour import pairs
from models.behaviour.judge import judge as judge_pairs
from models.behaviour.judge import shares
from models.corpora.items import Item
from models.evaluate_artefact import forward_of, without_mentions
from models.inference import OnnxScorer
from models.labels import SENTIMENTS
from models.registry.gate import Figure, Judged, Verdict, figures_of, judge
from models.registry.store import PACKAGED_NAME, Judgement, Registry, fingerprint

#: Every model reads so much of a text here, whatever it can: both must be asked for the same mentions.
_MAX_TOKENS: Final = 128
#: Texts that are scored alone and in a batch, and those whose speed is measured.
_SAMPLE: Final = 64
_ROUNDS: Final = 5
_SPEED_TEXTS: Final = (
    "Alder Bank said its net profit fell to EUR 12.4 mn in the third quarter from EUR 15.1 mn a year earlier",
    "$TSLA calls printing again, this thing does not want to go down",
    "Regulator opens probe into accounts of Quarry Foods; shares suspended",
    "Northwind Mills will hold its annual general meeting in Bergen on 3 May, the company said in a statement",
)


def from_manifest(manifest: Manifest) -> Judged:
    """What its maker measured on the test side of the sets it was trained on."""
    metrics, data = manifest.metrics, manifest.configuration.get("data", {})
    sides = {key: data.get(key) for key in ("sets", "dev", "test", "split_seed")}
    held_out = {entry.name: (dict(sorted(entry.files.items())), entry.items.get("test")) for entry in manifest.data}
    figures, ece = figures_of(metrics.get("test", {}))
    figures |= _behaviour(metrics.get("behaviour", {}))
    texts = _digest(msgspec.json.encode([sides, held_out], order="sorted"))
    return Judged(texts=texts, figures=figures, ece=ece, **_checks(manifest))


def measured(folder: Path, items: Sequence[Item]) -> Judged:
    """What the artefact in `folder` says of these held-out texts, and of the minimal pairs.

    Raises ModelError and its kinds.
    """
    found = artefact.load(folder)
    scorer, warm = OnnxScorer(found, device="cpu"), found.manifest.temperatures
    examples = make_examples(items, found.encoder, max_tokens=_MAX_TOKENS)
    test = evaluate.figures(
        evaluate.run(forward_of(found), examples, pad=found.encoder.pad),
        examples,
        found.encoder,
        story_temperature=warm.story,
        mention_temperature=warm.mention,
    )
    figures, ece = figures_of(without_mentions(test) if found.manifest.story_only else test)
    figures |= _behaviour(shares(judge_pairs(scorer.score, pairs.load())))
    texts = [example.item.text for example in examples]
    checks = _checks(found.manifest) | {"batch_dp": _batch_dp(scorer, texts[:: max(1, len(texts) // _SAMPLE)])}
    named = sorted(msgspec.json.encode(item) for item in items)
    return Judged(texts=_digest(b"\n".join(named)), figures=figures, ece=ece, **checks)


def compare(registry: Registry, name: str, *, now: datetime, items: Sequence[Item] | None = None) -> Verdict:
    """The gate's verdict on the artefact `name` against what is in production; kept beside it.

    On `items` where they are given; else on what was measured before, or, where the candidate never was, on what the
    makers of both wrote into their manifests. Speed is measured side by side.
    Raises ModelError and its kinds, InputError: there is no such artefact.
    """
    production = registry.production()
    folders = (registry.find(name), registry.path_of(production))
    names = (name, production.path or PACKAGED_NAME)
    mine, theirs = (registry.judgement(one) for one in names)
    candidate, held = (from_manifest(artefact.read_manifest(folder)) for folder in folders)
    if items is not None:
        candidate, held = (measured(folder, items) for folder in folders)
    elif mine is not None and mine.measured:  # from then on its manifest has no say
        candidate, held = mine.judged, held if theirs is None else theirs.judged
    candidate, held = (
        msgspec.structs.replace(one, texts_a_second=speed)
        for one, speed in zip((candidate, held), side_by_side(*folders), strict=True)
    )
    verdict = judge(candidate, held)
    sums = [fingerprint(folder) for folder in folders]
    if items is not None:
        registry.keep(names[1], Judgement(sha256=sums[1], judged=held, measured=True, at=now))
    was = items is not None or (mine is not None and mine.measured)
    kept = Judgement(sha256=sums[0], judged=candidate, measured=was, against=sums[1], verdict=verdict, at=now)
    registry.keep(name, kept)
    return verdict


def side_by_side(*folders: Path) -> list[float]:
    """Texts that one core of this machine scores a second, with each artefact: the best of some rounds, in turn.

    Seconds of the processor, not of the clock: what else runs meanwhile must not decide.
    """
    scorers = [OnnxScorer(artefact.load(folder), device="cpu", threads=1) for folder in folders]
    texts = [_SPEED_TEXTS[number % len(_SPEED_TEXTS)] for number in range(_SAMPLE)]
    best = [0.0] * len(scorers)
    for scorer in scorers:
        scorer.score(texts)
    for _ in range(_ROUNDS):
        for number, scorer in enumerate(scorers):
            started = time.process_time()
            scorer.score(texts)
            best[number] = max(best[number], len(texts) / (time.process_time() - started))
    return best


def _behaviour(found: Mapping[str, Any]) -> dict[str, Figure]:
    """The minimal pairs, as one more guarded figure."""
    if not found.get("pairs"):
        return {}
    return {"minimal pairs accuracy": Figure(float(found["accuracy"]), int(found["pairs"]))}


def _checks(manifest: Manifest) -> dict[str, Any]:
    """What only its maker could measure: how far the exported graph is from the trained network."""
    checks = manifest.metrics.get("checks", {})
    if manifest.precision == "fp32":
        loss: float | None = 0.0
    else:
        exact, _ = figures_of(manifest.metrics.get("test_fp32", {}))
        small, _ = figures_of(manifest.metrics.get("test", {}))
        loss = max((one.value - small[name].value for name, one in exact.items() if name in small), default=None)
    return {
        "parity": checks.get("parity"),
        "batch_dp": checks.get("batch", {}).get("max_dp"),
        "quantised_loss": loss,
    }


def _batch_dp(scorer: OnnxScorer, texts: Sequence[str]) -> float:
    """The largest |Δp| of a story between alone and in a batch."""
    together = scorer.score(texts)
    alone = [scorer.score([text])[0] for text in texts]
    return max(
        (
            abs(one.sentiment.probabilities[name] - other.sentiment.probabilities[name])
            for one, other in zip(together, alone, strict=True)
            for name in SENTIMENTS
        ),
        default=0.0,
    )


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
