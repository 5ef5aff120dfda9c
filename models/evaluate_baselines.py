"""What anyone gets without a network: the commonest label, word lists, and logistic regression on TF-IDF.

All say one label a text; its mentions take that label.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from models import evaluate
from models.batches import Example
from models.corpora.items import Item
from models.encoding import TextEncoder
from models.evaluate import Array, Outputs
from models.evaluate_artefact import without_mentions
from models.labels import OUTSIDE, SENTIMENTS, TAGS

Predict = Callable[[Sequence[Item]], Array]
"""Probabilities (N, 3), in the order of SENTIMENTS."""

LEXICON: Final = Path("loughran_mcdonald") / "lm_sentiment_words.csv"
_WORD = re.compile(r"[a-z]+")
_CLEAR = 0.05  # VADER's own bounds of neutral


def baselines(train: Sequence[Item], datasets: Path) -> dict[str, Predict]:
    """Those that can run here, by name: VADER and scikit-learn are of the train extra, the lexicon is a data set."""
    found = {"majority class": majority(train)}
    if (datasets / LEXICON).is_file():
        found["Loughran-McDonald words"] = lexicon(datasets / LEXICON)
    for name, make in (("VADER", vader), ("TF-IDF, logistic regression", lambda: tfidf(train))):
        try:
            found[name] = make()
        except ModuleNotFoundError:
            continue
    return found


def judged(predict: Predict, examples: Sequence[Example], encoder: TextEncoder) -> dict[str, Any]:
    """Its figures: story, and mention by the label of the text."""
    chances = np.log(np.maximum(predict([example.item for example in examples]), 1e-9))
    flat = [(index, label) for index, example in enumerate(examples) for _, _, label in example.spans]
    rows = np.array([index for index, _ in flat], dtype=np.int64)
    outside = [np.eye(len(TAGS))[[OUTSIDE] * (len(example) - 2)] for example in examples]
    outputs = Outputs(
        story=chances, tags=outside, mention=chances[rows].reshape(-1, len(SENTIMENTS)),
        mention_label=np.array([label for _, label in flat], dtype=np.int64), mention_of=rows,
    )  # fmt: skip
    found = evaluate.figures(outputs, examples, encoder, story_temperature=1.0, mention_temperature=1.0)
    mentions = {name: {key: entry[key] for key in entry if key in _MENTION} for name, entry in found.items()}
    stories = without_mentions(found)
    return {name: stories.get(name, {}) | mentions[name] for name in found if name in stories or mentions[name]}


_MENTION = ("mention", "mention_conflicting")


def majority(train: Sequence[Item]) -> Predict:
    """Each set's commonest label of the training side."""
    counts: dict[str, Counter[str]] = {}
    for item in train:
        counts.setdefault(item.dataset, Counter()).update(
            [item.story] if item.story else [span.sentiment for span in item.spans if span.sentiment]
        )
    best = {name: count.most_common(1)[0][0] for name, count in counts.items() if count}
    return lambda items: _one_hot([best.get(item.dataset, "neutral") for item in items])


def lexicon(path: Path) -> Predict:
    """More words of the list's positive ones than of its negative ones, or the other way round."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    weight = {row["word"].casefold(): int(row["Positive"]) - int(row["Negative"]) for row in rows}

    def label(item: Item) -> str:
        score = sum(weight.get(word, 0) for word in _WORD.findall(item.text.casefold()))
        return "positive" if score > 0 else "negative" if score < 0 else "neutral"

    return lambda items: _one_hot([label(item) for item in items])


def vader() -> Predict:
    """VADER, the usual rule set for posts. Raises ModuleNotFoundError without the train extra."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # type: ignore[import-not-found,import-untyped,unused-ignore]

    analyzer = SentimentIntensityAnalyzer()

    def label(item: Item) -> str:
        score = analyzer.polarity_scores(item.text)["compound"]
        return "positive" if score >= _CLEAR else "negative" if score <= -_CLEAR else "neutral"

    return lambda items: _one_hot([label(item) for item in items])


def tfidf(train: Sequence[Item]) -> Predict:
    """Words and pairs of words of all sets' stories. Raises ModuleNotFoundError without the train extra."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-not-found,import-untyped,unused-ignore]

    told = [item for item in train if item.story]
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=min(2, max(1, len(told) // 100)), sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=4.0, max_iter=1000))
    model.fit([item.text for item in told], [item.story for item in told])
    places = [list(model.classes_).index(name) if name in model.classes_ else None for name in SENTIMENTS]

    def predict(items: Sequence[Item]) -> Array:
        chances = model.predict_proba([item.text for item in items])
        return np.stack([np.zeros(len(items)) if at is None else chances[:, at] for at in places], axis=1)

    return predict


def _one_hot(labels: Sequence[str]) -> Array:
    return np.eye(len(SENTIMENTS))[[SENTIMENTS.index(label) for label in labels]]
