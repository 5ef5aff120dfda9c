"""The model card, written from what was measured; nothing in it is typed by hand twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.artefact import DataEntry
from models.card_evidence import evidence_sections
from models.config import Recipe
from models.corpora.unlabelled import SOURCES
from models.tables import figure, table_head, table_row

_RESTRICTED = ("non-commercial", "research", "not stated")

_INTENDED = """## Intended use, and limits

Ranking and aggregating financial news headlines, short summaries and social posts in English, by story and by company.
It reads the words, not the market: a score is no forecast of a price and no advice.

- Trained on headlines, single sentences and posts, mostly of 2008-2020; much of the mention data is Indian. New names
  are found by their form and context, less surely than known ones.
- ASSET spans come from one set only, and which of its mentions are assets was decided by a word list
  (`models/corpora/assets.py`). ORG, PER and LOC follow newswire guidelines.
- Irony, slang and several clauses that pull in different directions are where it fails most; the all-agree figures are
  those of easy sentences. Sentiment of a mention is right less often where mentions of one headline conflict.
- Long texts are read in windows; a document's argument across windows is not followed.
- Other languages than English are not supported.
"""


def write_card(
    recipe: Recipe,
    *,
    figures: dict[str, Any],
    data: tuple[DataEntry, ...],
    checks: dict[str, Any],
    temperatures: dict[str, float],
    story_bias: dict[str, float],
    made: dict[str, dict[str, Any]],
    evidence: Mapping[str, Any],
) -> str:
    """Markdown. `figures`: by graph and set (`shipped`, `uncalibrated` and `fp32` on test, `held_out` with dev added),
    and `behaviour`; `checks`: parity, batch, bytes; `made`: what pretraining, teacher, labelling and pruning found,
    where the recipe has them; `evidence`: what other runs showed (`models.evidence`)."""
    batch = checks["batch"]
    return "\n".join(
        [
            f"# {recipe.name} {recipe.version}",
            "",
            "One BERT encoder, three heads, one forward pass: sentiment of the story, entity tags (ORG, PER, LOC,",
            "ASSET), and sentiment of each token, pooled over a mention. Labels: positive, neutral, negative.",
            "",
            f"Base: `{recipe.base.source}` ({recipe.base.licence or 'no licence given'}). Seed {recipe.seed}. "
            f"Weights: {recipe.quantise.method}, embeddings {recipe.quantise.embedding}.",
            "",
            *_making(recipe, made),
            "## Licences of the training data",
            "",
            *_licences(data),
            *_data_table(data),
            "",
            "## Figures on the held-out test side",
            "",
            "Texts that were not trained on; near-copies of them were dropped from training. The epoch, the bias and",
            "the temperatures were chosen on another side (dev); recipes were compared on dev, too, but the test",
            "figures of a few were seen on the way. One standard error: about 1.8 points on PhraseBank, 1.3 on the",
            "posts, 0.9 on SEntFiN. Smaller differences say nothing.",
            "",
            *_story_table(figures["shipped"]),
            "",
            *_mention_table(figures["shipped"]),
            "",
            *_span_table(figures["shipped"]),
            "",
            "With the dev side added: nearly twice the texts, but that is the side on which the epoch, the bias and",
            "the temperatures were chosen.",
            "",
            *_story_table(figures["held_out"], agreement=False),
            "",
            *_mention_table(figures["held_out"]),
            "",
            *evidence_sections(evidence, averaged=recipe.averaged),
            "## Minimal pairs",
            "",
            "Two sentences of our own that differ in little, unlike any in training (`models/behaviour/pairs.toml`). A",
            "pair is right only where both are.",
            "",
            *_behaviour_table(figures["behaviour"]),
            "",
            "## Calibration",
            "",
            "Added to the story logits, fitted on the dev side, since the sets mixed in training have other shares",
            f"of the labels: {', '.join(f'{name} {value:+.2f}' for name, value in story_bias.items())}.",
            f"Temperatures, fitted on the dev side: story {temperatures['story']}, mention {temperatures['mention']}.",
            "Expected calibration error (15 equal-width bins of the label's confidence) on the test side:",
            "",
            *_calibration_table(figures),
            "",
            "## int8 against fp32, and one text against a batch",
            "",
            *_precision_table(figures),
            "",
            f"- The fp32 graph against the trained network: largest |Δp| {checks['parity']:.1e} over all heads.",
            f"- The shipped graph, each of {batch['texts']} test texts alone and in shuffled, padded batches of 32: "
            f"largest |Δp| {batch['max_dp']:.1e} over all heads, {batch['flips']} labels flipped.",
            f"- Size of the graph: {checks['bytes'] / 1e6:.1f} MB.",
            "",
            _INTENDED,
            "## How it was made",
            "",
            "`make train`, which is `python -m models.train models/configs/minilm.toml`. The recipe, the data's",
            "fingerprints and every figure are in `manifest.json`.",
            "",
        ]
    )


def _making(recipe: Recipe, made: dict[str, dict[str, Any]]) -> list[str]:
    """What else went into it than labels."""
    lines: list[str] = []
    if recipe.pretrain is not None and (found := made.get("pretrain")):
        lines += [
            f"Pretrained on {found['texts']} texts without labels ({_sources(recipe.pretrain.unlabelled)}), "
            f"{found['steps']} steps: perplexity of masked words on blocks put aside "
            f"{found['perplexity_before']:.1f} before, {found['perplexity_after']:.1f} after.",
            "",
        ]
    if recipe.teacher is not None and recipe.distil is not None and (found := made.get("label")):
        bases = (recipe.teacher.base, *recipe.teacher.also)
        named = " and ".join(f"`{base.source}` ({base.licence or 'no licence given'})" for base in bases)
        each = ", each of which" if len(bases) > 1 else ", which"
        lines += [
            f"Distilled from {named}{each} was fine-tuned on the same training side; "
            f"{'the mean of their opinions' if len(bases) > 1 else 'its opinions'} labelled {found['texts']} texts, "
            f"{found['unlabelled']} of them without labels of their own ({_sources(recipe.distil.unlabelled)}).",
            f"The teacher on dev: {', '.join(f'{name} {value:.3f}' for name, value in found['dev'].items())}.",
            "",
        ]
    if recipe.prune is not None and (found := made.get("prune")):
        left = found["left"]
        lines += [
            f"Pruned to {left['layers']} layers of {left['heads']} heads and {left['width']} feed-forward units.",
            "",
        ]
    return lines


def _sources(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{SOURCES[name].about}: {SOURCES[name].licence}" for name in counts if name in SOURCES)


def _licences(data: tuple[DataEntry, ...]) -> list[str]:
    restricted = [entry for entry in data if any(word in entry.licence for word in _RESTRICTED)]
    if not restricted:
        return []
    return [
        "**Some of the data may not be used commercially, or only for research:**",
        "",
        *(f"- {entry.about}: {entry.licence}" for entry in restricted),
        "",
        "Whether a model trained on it may be used commercially is for you to settle with your lawyers; to train",
        "without a set, take it out of `sets` in the recipe. No sentence of the data is in this artefact.",
        "",
    ]


def _data_table(data: tuple[DataEntry, ...]) -> list[str]:
    rows = [table_row(entry.about, entry.licence, *(entry.items.get(side, 0) for side in _SIDES)) for entry in data]
    return [*table_head("set", "licence", *_SIDES), *rows]


_SIDES = ("train", "dev", "test")


def _story_table(figures: dict[str, Any], *, agreement: bool = True) -> list[str]:
    rows = []
    for name, entry in figures.items():
        for key in [key for key in entry if key.startswith("story") and entry[key]["n"]]:
            if key != "story" and not agreement:
                continue
            value = entry[key]
            title = name if key == "story" else f"{name}, {key.removeprefix('story_agreement_')} % agreed"
            if name in ("sentfin", "semeval_fiqa"):
                title += " (label follows from its mentions)"
            by_class = " / ".join(f"{scores['f1']:.3f}" for scores in value["per_class"].values())
            rows.append(table_row(title, value["n"], figure(value["accuracy"]), figure(value["macro_f1"]), by_class))
    return [*table_head("story sentiment", "n", "accuracy", "macro-F1", "F1 positive / neutral / negative"), *rows]


def _mention_table(figures: dict[str, Any]) -> list[str]:
    kinds = {
        "mention": "given spans",
        "mention_conflicting": "given spans, conflicting",
        "mention_found_and_right": "found exactly and right",
    }
    rows = []
    for name, entry in figures.items():
        for key, title in kinds.items():
            value = entry.get(key)
            if value and value["n"]:
                rows.append(
                    table_row(f"{name}, {title}", value["n"], figure(value["accuracy"]), figure(value.get("macro_f1")))
                )
    return [*table_head("mention sentiment", "n", "accuracy", "macro-F1"), *rows]


def _span_table(figures: dict[str, Any]) -> list[str]:
    rows = []
    for name, entry in figures.items():
        spans = entry.get("spans")
        if spans:
            by_group = ", ".join(f"{group} {scores['f1']:.3f}" for group, scores in spans["per_group"].items())
            measures = (figure(spans[measure]) for measure in ("precision", "recall", "f1"))
            rows.append(table_row(name, spans["support"], *measures, by_group))
    return [
        *table_head("entities, exact span", "n", "precision", "recall", "micro-F1", "F1 by group"),
        *rows,
        "",
        "Groups that a set does not annotate are left out; SEntFiN leaves some companies and assets unannotated.",
    ]


def _behaviour_table(found: dict[str, Any]) -> list[str]:
    rows = [table_row(kind, entry["pairs"], figure(entry["accuracy"])) for kind, entry in found["kinds"].items()]
    return [*table_head("kind", "pairs", "right"), *rows, table_row("all", found["pairs"], figure(found["accuracy"]))]


def _calibration_table(figures: dict[str, Any]) -> list[str]:
    rows = []
    for name, entry in figures["shipped"].items():
        for key in ("story", "mention"):
            if key in entry and entry[key]["n"]:
                before, after = figures["uncalibrated"][name][key]["ece"], entry[key]["ece"]
                rows.append(table_row(f"{name}, {key}", figure(before), figure(after)))
    return [*table_head("", "before", "after"), *rows]


def _precision_table(figures: dict[str, Any]) -> list[str]:
    rows = []
    for name, entry in figures["shipped"].items():
        exact = figures["fp32"][name]
        for key, measure in (("story", "macro_f1"), ("mention", "macro_f1"), ("spans", "f1")):
            value = entry.get(key)
            if value and value.get("n", 1):
                title = f"{name}, {key} {measure.replace('_', '-')}"
                rows.append(table_row(title, figure(exact[key][measure]), figure(value[measure])))
    return [*table_head("", "fp32", "shipped"), *rows]
