"""SemEval-2017 Task 5 and FiQA 2018: one set, because they share most of their texts.

Each (text, target) has a score in −1…1. A target found verbatim (or without its legal suffix) becomes a mention; where
all targets of a text agree, their sign is also a derived story label. Scores between −0.1 and 0.1 count as neutral.
Only mentions are annotated, nothing is known about the other words.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from models.corpora.items import Item, Span, drop_overlaps

NEUTRAL_BELOW = 0.1
_SUFFIX = re.compile(
    r"[ ,]+(plc|inc|corp|corporation|group|ltd|limited|co|company|holdings|ag|sa|nv)\.?$", re.IGNORECASE
)
_FUND_NAMES = """
SPY QQQ IWM GLD GDX GDXJ SLV USO UNG TLT DIA VXX UVXY TVIX EEM FXI XLF XLE XLK SMH XBI IBB UUP
"""
_FUNDS = frozenset(_FUND_NAMES.split())


def label_of(score: float) -> str:
    """The sign of a score in −1…1, by name."""
    return "neutral" if abs(score) < NEUTRAL_BELOW else "positive" if score > 0 else "negative"


def load(semeval: Path, fiqa: Path) -> list[Item]:
    """Both sets' texts, each once. Scores of the same text and target are averaged."""
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    kinds: dict[str, Literal["headline", "post"]] = {}
    for text, target, score, kind in _rows(semeval, fiqa):
        scores[text][target].append(score)
        kinds[text] = kind
    return [
        _item(text, {t: sum(s) / len(s) for t, s in targets.items()}, kinds[text]) for text, targets in scores.items()
    ]


def _rows(semeval: Path, fiqa: Path) -> Iterator[tuple[str, str, float, Literal["headline", "post"]]]:
    with (semeval / "semeval2017_task5.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield (
                row["text"],
                row["target"].lstrip("$"),
                float(row["score"]),
                "headline" if row["kind"] == "headline" else "post",
            )
    with (fiqa / "fiqa_task1.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind: Literal["headline", "post"] = "headline" if row["kind"].startswith("headline") else "post"
            yield row["sentence"], row["target"].lstrip("$"), float(row["sentiment_score"]), kind


def _item(text: str, targets: dict[str, float], kind: Literal["headline", "post"]) -> Item:
    labels = {label_of(score) for score in targets.values()}
    spans = []
    for target, score in targets.items():
        place = _find(text, target)
        if place is not None:
            spans.append(Span(*place, "ASSET" if target.upper() in _FUNDS else "ORG", label_of(score)))
    return Item(
        dataset="semeval_fiqa",
        text=text,
        kind=kind,
        story=next(iter(labels)) if len(labels) == 1 else None,
        derived=True,
        spans=drop_overlaps(spans),
    )


def _find(text: str, target: str) -> tuple[int, int] | None:
    """Where `target` stands as a whole word, with its `$` if it has one; without its legal suffix if need be."""
    while target:
        found = re.search(rf"\$?(?<!\w){re.escape(target)}(?!\w)", text, re.IGNORECASE)
        if found:
            return found.span()
        shorter = _SUFFIX.sub("", target)
        if shorter == target:
            return None
        target = shorter
    return None
