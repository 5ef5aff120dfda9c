"""Twitter Financial News: posts labelled bearish, bullish or neutral."""

from __future__ import annotations

import csv
from pathlib import Path

from models.corpora.items import Item

_LABEL = {"0": "negative", "1": "positive", "2": "neutral"}


def load(folder: Path) -> list[Item]:
    """Items with a story label."""
    with (folder / "sent_train.csv").open(encoding="utf-8", newline="") as file:
        return [
            Item(dataset="twitter_financial_news", text=row["text"], kind="post", story=_LABEL[row["label"]])
            for row in csv.DictReader(file)
        ]
