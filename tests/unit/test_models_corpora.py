"""Loaders: each set in one normal form. On made-up rows everywhere, on the real sets where they are."""

import os
from collections import Counter
from pathlib import Path

import pytest

from models.corpora import CORPORA, ner, phrasebank, sentfin, targets, tweets
from models.corpora.assets import group_of
from models.corpora.compose import join_pairs
from models.corpora.items import Item, text_key
from models.corpora.splits import split
from models.labels import GROUPS, SENTIMENTS

DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture
def datasets() -> Path:
    if not (DATASETS / "phrasebank").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no data sets under {DATASETS}: set RISKWIRE_DATASETS")
        pytest.skip(f"no data sets under {DATASETS}: set RISKWIRE_DATASETS")
    return DATASETS


def named(item: Item) -> list[tuple[str, str | None, str | None]]:
    return [(item.text[span.start : span.end], span.group, span.sentiment) for span in item.spans]


def test_phrasebank(tmp_path: Path) -> None:
    (tmp_path / "phrasebank.csv").write_text(
        'sentence,label,min_agreement\n"Sales , it said , rose .",positive,66\n', encoding="utf-8"
    )
    (item,) = phrasebank.load(tmp_path)
    assert (item.text, item.story, item.agreement, item.exhaustive) == ("Sales , it said , rose .", "positive", 66, ())


def test_tweets(tmp_path: Path) -> None:
    (tmp_path / "sent_train.csv").write_text("text,label\n$AB sinks,0\n$AB flies,1\n$AB is,2\n", encoding="utf-8")
    assert [item.story for item in tweets.load(tmp_path)] == ["negative", "positive", "neutral"]


def test_sentfin_has_groups_repeats_and_derived_stories(tmp_path: Path) -> None:
    rows = [
        "s_no,title,entity,label,start,end",
        "1,Alder up as Alder buys; gold down,Alder,positive,0,5",
        "1,Alder up as Alder buys; gold down,gold,negative,24,28",
        "2,PSU banks gain,PSU banks,positive,0,9",
        "2,PSU banks gain,banks,positive,4,9",
        "3,Nowhere to be found,Elsewhere,neutral,-1,-1",
        "4,Tessel flat,Tessel,neutral,0,6",
        "4,Tessel flat,Tessel,positive,0,6",
    ]
    (tmp_path / "sentfin_long.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    conflict, nested, twice = sentfin.load(tmp_path)
    assert named(conflict) == [("Alder", "ORG", "positive"), ("gold", "ASSET", "negative")]
    assert conflict.story is None
    assert [conflict.text[start:end] for start, end in conflict.ignored] == ["Alder"]
    assert named(nested) == [("PSU banks", "ASSET", "positive")]
    assert (nested.story, nested.derived) == ("positive", True)
    assert named(twice) == [("Tessel", "ORG", None)]  # labelled in two ways: the mention stays, its sentiment doesn't


def test_targets_are_found_with_their_sign_or_without_their_legal_form(tmp_path: Path) -> None:
    (tmp_path / "semeval2017_task5.csv").write_text(
        "kind,source_split,text,target,score,snippet\n"
        "microblog,train,Long $AB and hope,$AB,0.4,\n"
        "headline,train,Alder warns on profit,Alder PLC,-0.5,\n"
        "headline,train,Alder warns on profit,Alder PLC,-0.3,\n"
        "headline,train,Lender is flat,Alder,0.05,\n",
        encoding="utf-8",
    )
    (tmp_path / "fiqa_task1.csv").write_text(
        "id,kind,elinsky_split,sentence,target,sentiment_score,aspects,snippets\n"
        "1,post,train,Buy SPY now,SPY,0.6,[],[]\n",
        encoding="utf-8",
    )
    cashtag, headline, lost, fund = targets.load(tmp_path, tmp_path)
    assert named(cashtag) == [("$AB", "ORG", "positive")]
    assert named(headline) == [("Alder", "ORG", "negative")]
    assert (lost.spans, lost.story) == ((), "neutral")
    assert named(fund) == [("SPY", "ASSET", "positive")]


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (["B-ORG", "I-ORG", "O", "B-LOC"], [("Alder Bank", "ORG"), ("Oslo", "LOC")]),
        (["I-ORG", "I-ORG", "O", "I-LOC"], [("Alder Bank", "ORG"), ("Oslo", "LOC")]),  # IOB1
        (["B-ORG", "B-ORG", "O", "O"], [("Alder", "ORG"), ("Bank", "ORG")]),
        (["B-MISC", "I-MISC", "O", "B-location"], [("Oslo", "LOC")]),
        (["B-corporation", "I-corporation", "O", "O"], [("Alder Bank", "ORG")]),
        (["O", "O", "O", "O"], []),
    ],
)
def test_token_tags_become_spans(tags: list[str], names: list[tuple[str, str]]) -> None:
    item = ner.from_tokens("x", list(zip(["Alder", "Bank", "in", "Oslo"], tags, strict=True)))
    assert item.text == "Alder Bank in Oslo"
    assert [(text, group) for text, group, _ in named(item)] == names
    assert item.exhaustive == ("ORG", "PER", "LOC")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("Nifty", "ASSET"), ("Gold", "ASSET"), ("gold", "ASSET"), ("PSU banks", "ASSET"), ("Asian shares", "ASSET"),
        ("Bank Nifty", "ASSET"), ("Wall Street", "ASSET"), ("Russian rouble", "ASSET"), ("crude palm oil", "ASSET"),
        ("auto ancillaries", "ASSET"), ("US dollar", "ASSET"), ("Infosys", "ORG"), ("Coal India", "ORG"),
        ("Hindustan Copper", "ORG"), ("Oil India", "ORG"), ("Axis Bank", "ORG"), ("OIL", "ORG"), ("Sebi", "ORG"),
        ("Religare Capital Markets", "ORG"), ("China", None), ("Hong Kong", None),
    ],
)  # fmt: skip
def test_company_or_asset(name: str, group: str | None) -> None:
    assert group_of(name) == group


def test_joined_headlines_keep_their_mentions() -> None:
    items = sentfin_like()
    made = join_pairs(items, count=50, seed=1)
    assert len(made) == 50
    assert made == join_pairs(items, count=50, seed=1)
    assert all(name in ("Alder", "Tessel", "Quarry") for item in made for name, _, _ in named(item))
    clash = sum(len({span.sentiment for span in item.spans}) > 1 for item in made)
    assert clash > 25


def sentfin_like() -> list[Item]:
    from models.corpora.items import Span

    return [
        Item(
            dataset="s",
            text=f"{name} {word}",
            kind="headline",
            story=label,
            spans=(Span(0, len(name), "ORG", label),),
            exhaustive=("ORG",),
        )
        for name in ("Alder", "Tessel", "Quarry")
        for word, label in (("soars", "positive"), ("sinks", "negative"), ("meets", "neutral"))
    ]


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_every_set_is_well_formed(name: str, datasets: Path) -> None:
    corpus = CORPORA[name]
    items = corpus.load(datasets)
    assert len(items) > 100
    assert corpus.licence
    assert all((datasets / file).is_file() for file in corpus.files)
    for item in items:
        assert item.text.strip()
        assert item.story is None or item.story in SENTIMENTS
        last = 0
        for span in item.spans:
            assert last <= span.start < span.end <= len(item.text)
            assert item.text[span.start : span.end].strip() == item.text[span.start : span.end]
            assert span.group is None or span.group in GROUPS
            assert span.sentiment is None or span.sentiment in SENTIMENTS
            last = span.end


def test_the_real_sides_share_no_text(datasets: Path) -> None:
    items = [item for corpus in CORPORA.values() for item in corpus.load(datasets)]
    sides = split(items, seed=1, dev=0.08, test=0.12)
    keys = {name: {text_key(item.text) for item in sides.side(name)} for name in ("train", "dev", "test")}
    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["dev"]
    assert not keys["dev"] & keys["test"]
    counts = Counter(item.dataset for item in sides.test)
    assert counts["phrasebank"] > 350
    assert counts["sentfin"] > 900
    documents = {name: {item.unit for item in sides.side(name) if item.unit} for name in ("train", "dev")}
    assert not documents["train"] & documents["dev"]
