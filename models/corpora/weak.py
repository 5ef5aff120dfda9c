"""Sets whose labels are noisy or mean something near: users' own tags, consumers' moods, the direction of gold's price.

No recipe of ours takes them; they are here to be tried. StockEmotions and the stock tweets know no neutral.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from models.corpora.items import Item, Span, Split
from models.labels import SENTIMENTS

_EMOTIONS: Final = {"bullish": "positive", "bearish": "negative"}
_STOCKS: Final = {"1": "positive", "0": "negative", "-1": "negative"}
_APPLE: Final = {"1": "negative", "3": "neutral", "5": "positive"}
_GOLD = re.compile(r"\bgold\b", re.IGNORECASE)
SURE: Final = 0.6
"""The least agreement of the crowd that labelled the Apple tweets."""


def load_stockemotions(folder: Path) -> list[Item]:
    """Posts that their own authors tagged bullish or bearish; the authors' validation file is the dev side."""
    return [
        Item("stockemotions", row["original"], "post", _EMOTIONS[row["senti_label"]], fixed=side)
        for name, side in _PARTS
        for row in _rows(folder / f"{name}_stockemo.csv")
    ]


_PARTS: Final[tuple[tuple[str, Split], ...]] = (("train", "train"), ("val", "dev"))


def load_stock_tweets(folder: Path) -> list[Item]:
    """Traders' posts with cashtags stripped, labelled up or down."""
    return [
        Item("stock_tweets_5791", row["Text"], "post", _STOCKS[row["Sentiment"]])
        for row in _rows(folder / "stock_sentiment.csv")
        if row["Text"].strip()
    ]


def load_apple(folder: Path) -> list[Item]:
    """Consumers' posts about Apple, where the crowd was at least `SURE`; irrelevant ones are left out."""
    return [
        Item("apple_twitter_dfe", row["text"], "post", _APPLE[row["sentiment"]])
        for row in _rows(folder / "Apple-Twitter-Sentiment-DFE.csv")
        if row["sentiment"] in _APPLE and float(row["sentiment:confidence"] or 0) >= SURE
    ]


def load_gold(folder: Path) -> list[Item]:
    """Headlines on gold: which way its price went is the sentiment of the mention, not of the story."""
    items = []
    for row in _rows(folder / "gold-dataset-sinha-khandait.tsv", delimiter="\t"):
        label, found = row["Price Sentiment"].strip(), _GOLD.search(row["News"])
        if found and label in SENTIMENTS:
            items.append(Item("gold_commodity", row["News"], "headline", spans=(Span(*found.span(), "ASSET", label),)))
    return items


def _rows(path: Path, *, delimiter: str = ",") -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter=delimiter)
