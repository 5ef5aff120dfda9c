"""The report to read, made from `metrics.json` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from models.tables import figure, table_head, table_row

TABLE: Final[tuple[tuple[str, tuple[str, ...], float | None, float | None], ...]] = (
    ("PhraseBank, accuracy", ("figures", "phrasebank", "story", "accuracy"), 0.855, 0.88),
    ("PhraseBank, macro-F1", ("figures", "phrasebank", "story", "macro_f1"), 0.845, 0.875),
    ("PhraseBank, all agree, accuracy", ("figures", "phrasebank", "story_agreement_100", "accuracy"), 0.97, 0.985),
    ("Posts, accuracy", ("figures", "twitter_financial_news", "story", "accuracy"), None, None),
    ("Posts, macro-F1", ("figures", "twitter_financial_news", "story", "macro_f1"), 0.85, 0.88),
    ("SEntFiN, given mention, accuracy", ("figures", "sentfin", "mention", "accuracy"), None, None),
    ("… on conflicting headlines", ("figures", "sentfin", "mention_conflicting", "accuracy"), None, None),
    ("SEntFiN, mention found and right", ("figures", "sentfin", "mention_found_and_right", "accuracy"), 0.80, 0.92),
    (
        "… on conflicting headlines, found and right",
        ("figures", "sentfin", "mention_found_and_right_conflicting", "accuracy"),
        0.76,
        0.90,
    ),
    ("FiNER-ORD, exact-span micro-F1", ("figures", "ner_finer_ord", "spans", "f1"), 0.72, 0.77),
    ("Minimal pairs", ("behaviour", "accuracy"), 0.85, 0.95),
)
"""Name, where it stands in `metrics.json`, what is asked at least, and what is aimed at."""


def value_at(found: Mapping[str, Any], path: Sequence[str]) -> float | None:
    """The number at `path`, None where there is none or nothing was counted."""
    value: Any = found
    for key in path:
        if isinstance(value, Mapping) and value.get("n") == 0:
            return None
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value is None else float(value)


def report(metrics: Mapping[str, Any], pictures: Mapping[str, Sequence[str]]) -> str:
    """Markdown."""
    ref, columns = metrics["artefact"], {**metrics["baselines"], **metrics["against"]}
    parts = [
        f"# {ref['name']} {ref['version']} on the {metrics['side']} side of `{metrics['recipe']}`",
        "",
        f"{metrics['texts']} texts, none of which the recipe trains on; graph {ref['sha256'][:12]}.",
        "",
        *_table(metrics, columns),
        *_differences(metrics["against"]),
        *_sets(metrics["figures"]),
        *_spans(metrics["figures"]),
        *_slices(metrics["figures"]),
        *_behaviour(metrics),
        *_calibration(metrics["calibration"]),
    ]
    for kind, names in pictures.items():
        if names:
            parts += [f"## Pictures: {kind}", "", *(f"![{name.removesuffix('.svg')}]({name})" for name in names), ""]
    return "\n".join(parts)


def _table(metrics: Mapping[str, Any], columns: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, path, least, aim in TABLE:
        own = value_at(metrics, path)
        if own is None:
            continue
        seeds = metrics["seeds"].get(name)
        spread = f"{seeds['mean']:.3f} ± {seeds['sd']:.3f}" if seeds else ""
        others = [figure(value_at(column, path)) for column in columns.values()]
        rows.append(table_row(name, *others, figure(own), spread, figure(least), figure(aim)))
    seeds = max((len(entry["values"]) for entry in metrics["seeds"].values()), default=0)
    spread = f"{seeds} seeds, mean ± sd" if seeds else "seeds"
    return [*table_head("", *columns, "**this**", spread, "at least", "aim"), *rows, ""]


def _differences(against: Mapping[str, Any]) -> list[str]:
    rows = [
        table_row(f"against {name}", gap["measure"], gap["texts"], f"{gap['one'] - gap['other']:+.3f}",
             f"{gap['low']:+.3f} … {gap['high']:+.3f}")
        for name, entry in against.items()
        for gap in entry["differences"]
    ]  # fmt: skip
    title = ["## Differences, paired bootstrap", "", "An interval that holds 0 says nothing.", ""]
    return [*title, *table_head("", "measure", "n", "this − other", "95 %"), *rows, ""] if rows else []


def _sets(figures: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, entry in figures.items():
        for key, value in entry.items():
            if key.startswith(("story", "mention")) and "per_class" in value:
                classes = (f"{c['precision']:.2f} / {c['recall']:.2f}" for c in value["per_class"].values())
                title = f"{name}, {key.replace('_', ' ')}"
                measures = (figure(value[measure]) for measure in ("accuracy", "macro_f1", "ece"))
                rows.append(table_row(title, value["n"], *measures, *classes))
            elif key.startswith("mention_found") and value["n"]:
                title = f"{name}, {key.replace('_', ' ')}"
                rows.append(table_row(title, value["n"], figure(value["accuracy"]), "", "", "", "", ""))
    head = table_head("", "n", "accuracy", "macro-F1", "ECE", "positive P / R", "neutral P / R", "negative P / R")
    return ["## Every set", "", *head, *rows, ""]


def _spans(figures: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, entry in figures.items():
        if spans := entry.get("spans"):
            groups = ", ".join(f"{group} {scores['f1']:.3f}" for group, scores in spans["per_group"].items())
            measures = (figure(spans[measure]) for measure in ("precision", "recall", "f1"))
            rows.append(table_row(name, spans["support"], *measures, groups))
    head = table_head("", "n", "precision", "recall", "micro-F1", "F1 by group")
    return ["## Entities, exact span", "", *head, *rows, ""] if rows else []


def _slices(figures: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, entry in figures.items():
        for slice_name, heads in entry.get("slices", {}).items():
            for head, value in heads.items():
                title = f"{name}, {head.replace('_', ' ')}"
                rows.append(
                    table_row(slice_name, title, value["n"], figure(value["accuracy"]), figure(value.get("macro_f1")))
                )
    rows += _over_all_sets(figures)
    rows.sort()  # a slice's sets stand together
    return ["## Slices", "", *table_head("slice", "", "n", "accuracy", "macro-F1"), *rows, ""] if rows else []


def _over_all_sets(figures: Mapping[str, Any]) -> list[str]:
    """Accuracy of each slice and head over every set that has it: one set's own slice is often small."""
    sums: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for entry in figures.values():
        for name, heads in entry.get("slices", {}).items():
            for head, value in heads.items():
                sums.setdefault((name, head), []).append((value["n"], value["accuracy"]))
    rows = []
    for (name, head), parts in sums.items():
        total = sum(count for count, _ in parts)
        right = sum(count * share for count, share in parts) / max(1, total)
        rows.append(table_row(name, f"**all**, {head.replace('_', ' ')}", total, figure(right), ""))
    return rows


def _behaviour(metrics: Mapping[str, Any]) -> list[str]:
    found = metrics["behaviour"]
    rows = [table_row(kind, value["pairs"], figure(value["accuracy"])) for kind, value in found["kinds"].items()]
    text = f"{found['accuracy']:.3f} of {found['pairs']} minimal pairs are right, both texts of them."
    failed = [f"- {entry['kind']}: {'; '.join(entry['faults'])}" for entry in metrics["failed_pairs"]]
    return [
        "## Behaviour",
        "",
        text,
        "",
        *table_head("kind", "pairs", "right"),
        *rows,
        "",
        "What is wrong:",
        "",
        *failed,
        "",
    ]


def _calibration(found: Mapping[str, Any]) -> list[str]:
    rows = [
        table_row(f"{name}, {head}", figure(when["before"]["ece"]), figure(when["after"]["ece"]))
        for name, heads in found.items()
        for head, when in heads.items()
    ]
    text = "Expected calibration error, 15 equal-width bins of the label's confidence."
    return ["## Calibration", "", text, "", *table_head("", "before", "after"), *rows, ""]
