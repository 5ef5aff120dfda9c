"""Loaders of the sets that no recipe takes by itself, on made-up rows; and on the real ones where they are."""

import json
import os
from pathlib import Path

import pytest

from models.corpora import CORPORA, more_ner, weak
from models.corpora.items import Item
from models.labels import GROUPS, SENTIMENTS

DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", Path(__file__).parents[3] / "shared" / "data"))
NAMES = (
    "ner_btc", "ner_sec_filings", "ner_fire", "ner_gum", "ner_re3d",
    "stockemotions", "stock_tweets_5791", "apple_twitter_dfe", "gold_commodity",
)  # fmt: skip


def named(item: Item) -> list[tuple[str, str | None, str | None]]:
    return [(item.text[span.start : span.end], span.group, span.sentiment) for span in item.spans]


def test_stockemotions_keeps_the_authors_split(tmp_path: Path) -> None:
    for name, label in (("train", "bullish"), ("val", "bearish")):
        (tmp_path / f"{name}_stockemo.csv").write_text(f"senti_label,original\n{label},$AB now\n", encoding="utf-8")
    found = weak.load_stockemotions(tmp_path)
    assert [(item.story, item.fixed) for item in found] == [("positive", "train"), ("negative", "dev")]


def test_stock_tweets(tmp_path: Path) -> None:
    (tmp_path / "stock_sentiment.csv").write_text("Text,Sentiment\nup,1\ndown,0\ntoo,-1\n ,1\n", encoding="utf-8")
    assert [item.story for item in weak.load_stock_tweets(tmp_path)] == ["positive", "negative", "negative"]


def test_apple_takes_what_the_crowd_was_sure_of(tmp_path: Path) -> None:
    rows = [
        "sentiment,sentiment:confidence,text",
        "5,0.9,good",
        "1,0.9,bad",
        "3,1,so",
        "1,0.4,who",
        "not_relevant,1,no",
    ]
    (tmp_path / "Apple-Twitter-Sentiment-DFE.csv").write_text("\n".join(rows), encoding="utf-8")
    assert [item.story for item in weak.load_apple(tmp_path)] == ["positive", "negative", "neutral"]


def test_gold_is_a_mention_with_the_sentiment(tmp_path: Path) -> None:
    rows = ["News\tPrice Sentiment", "Why gold dips\tnegative", "Gold talk\tnone", "silver up\tpositive"]
    (tmp_path / "gold-dataset-sinha-khandait.tsv").write_text("\n".join(rows), encoding="utf-8")
    (item,) = weak.load_gold(tmp_path)
    assert named(item) == [("gold", "ASSET", "negative")]
    assert item.story is None


def test_roles_in_loan_agreements_are_no_people(tmp_path: Path) -> None:
    text = "Alder NNP - I-ORG\nlends VB - O\nthe DT - O\nBorrower NN - I-PER\n.\n\nMara NNP - I-PER\nVoss NNP - I-PER\n"
    (tmp_path / "FIN5_train.txt").write_text(text, encoding="utf-8")
    (tmp_path / "FIN3_test.txt").write_text("Oslo NNP - I-LOC\n", encoding="utf-8")
    one, two, test = more_ner.load_sec_filings(tmp_path)
    assert named(one) == [("Alder", "ORG", None)]
    assert named(two) == [("Mara Voss", "PER", None)]
    assert (named(test), test.fixed) == ([("Oslo", "LOC", None)], "test")


def test_fire_maps_its_types_and_leaves_organisations_open(tmp_path: Path) -> None:
    row = {
        "tokens": ["Alder", "Bank", "of", "Norway", "sold", "shares"],
        "entities": [
            {"type": "Company", "start": 0, "end": 2},
            {"type": "GeopoliticalEntity", "start": 3, "end": 4},
            {"type": "FinancialEntity", "start": 5, "end": 6},
        ],
    }
    (tmp_path / "fire_dev.json").write_text(json.dumps([row]), encoding="utf-8")
    (item,) = more_ner.load_fire(tmp_path)
    assert named(item) == [("Alder Bank", "ORG", None), ("Norway", "LOC", None)]
    assert item.exhaustive == ("PER", "LOC")


def test_gum_keeps_names_alone_and_claims_nothing_of_the_rest(tmp_path: Path) -> None:
    text = "the\tB-person\nman\tI-person\nsaw\tO\nMara\tB-person\nVoss\tI-person\nin\tO\nOslo\tB-place\n"
    (tmp_path / "gum-train.conll").write_text(text, encoding="utf-8")
    (tmp_path / "gum-test.conll").write_text("", encoding="utf-8")
    (item,) = more_ner.load_gum(tmp_path)
    assert item.text == "the man saw Mara Voss in Oslo"
    assert named(item) == [("Mara Voss", "PER", None), ("Oslo", "LOC", None)]
    assert item.exhaustive == ()


def test_btc_reads_posts_and_passes_over_malformed_lines(tmp_path: Path) -> None:
    for part in "abefgh":
        (tmp_path / f"{part}.conll").write_text("@mara\tB-PER\nbroken\nin\tO\nOslo\tB-LOC\n", encoding="utf-8")
    found = more_ner.load_btc(tmp_path)
    assert len(found) == 6
    assert (found[0].kind, named(found[0])) == ("post", [("@mara", "PER", None), ("Oslo", "LOC", None)])


@pytest.mark.parametrize("name", NAMES)
def test_the_real_sets(name: str) -> None:
    if not all((DATASETS / file).is_file() for file in CORPORA[name].files):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not under {DATASETS}: set RISKWIRE_DATASETS")
        pytest.skip(f"{name} is not under {DATASETS}: set RISKWIRE_DATASETS")
    items = CORPORA[name].load(DATASETS)
    assert len(items) > 400
    assert all(item.dataset == name and item.text.strip() for item in items)
    assert {item.story for item in items} <= {*SENTIMENTS, None}
    assert any(item.story or item.spans for item in items)
    for item in items:
        for span in item.spans:
            assert item.text[span.start : span.end].strip()
            assert span.group in GROUPS
