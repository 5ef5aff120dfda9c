"""The minimal pairs are many, of our own wording, unseen in training; and judged as they say."""

import re
from collections import Counter
from pathlib import Path

import pytest

from models import artefact
from models.behaviour import pairs
from models.behaviour.answers import answers_of
from models.behaviour.judge import TOLERANCE, faults, judge, shares
from models.behaviour.pairs import Pair, Side
from models.corpora import CORPORA
from models.corpora.items import Item
from models.evaluate_artefact import forward_of
from models.inference import as_sentiment, load_scorer
from riskwire.types import EntityMention, TextScore

ALL = pairs.load()
SIDES = [side for pair in ALL for side in (pair.one, pair.other)]
_CAPITALS = re.compile(r"\$?\b[A-Z][\w&'’.-]*(?: (?:& )?[A-Z][\w&'’.-]*)*")


def answer(positive: float, negative: float, **mentions: tuple[int, float]) -> TextScore:
    """A text's score, and of each named mention (start, positive)."""
    import numpy as np

    def sentiment(good: float, bad: float):
        return as_sentiment(np.array([good, 1 - good - bad, bad]))

    return TextScore(
        sentiment=sentiment(positive, negative),
        entities=tuple(
            EntityMention(
                entity_group="ORG", text=name, start=start, end=start + len(name), confidence=1.0,
                sentiment=sentiment(good, 0.95 - good),
            )
            for name, (start, good) in mentions.items()
        ),
    )  # fmt: skip


def test_there_are_enough_in_enough_kinds() -> None:
    kinds = Counter(pair.kind for pair in ALL)
    assert len(ALL) >= 200
    assert len(kinds) >= 15
    assert min(kinds.values()) >= 8


def test_no_text_stands_twice_and_every_pair_differs() -> None:
    assert all(pair.one.text != pair.other.text for pair in ALL)
    repeated = [text for text, count in Counter(side.text for side in SIDES).items() if count > 1]
    assert not repeated


def test_pairs_expect_something_and_opposites_are_balanced() -> None:
    assert all(side.story or side.mentions for side in SIDES)
    wanted = Counter(next(iter(side.story)) for side in SIDES if len(side.story) == 1)
    assert 0.7 < wanted["positive"] / wanted["negative"] < 1.4


def _trained() -> list[Item]:
    """Every sentence of our own that a recipe learns from."""
    own = [corpus for corpus in CORPORA.values() if corpus.licence == "our own words" and corpus.name != "toy"]
    assert len(own) >= 2
    return [item for corpus in own for item in corpus.load(Path())]


def _masked_grams(text: str, names: tuple[str, ...]) -> frozenset[str]:
    for name in names:
        text = text.replace(name, "_")
    words = re.findall(r"\w+", _CAPITALS.sub("_", text[:1].lower() + text[1:]).casefold())
    words = ["0" if word[0].isdigit() else word for word in words]
    return frozenset(" ".join(words[n : n + 3]) for n in range(max(1, len(words) - 2)))


def test_training_sentences_share_no_wording_with_the_pairs() -> None:
    """With names and numbers masked: otherwise the share would say what was learnt by heart."""
    trained = {
        _masked_grams(item.text, tuple(item.text[span.start : span.end] for span in item.spans)): item.text
        for item in _trained()
    }
    near = []
    for side in SIDES:
        own = _masked_grams(side.text, tuple(side.mentions))
        for grams, text in trained.items():
            common = len(own & grams)
            if common >= 2 and common >= 0.5 * len(own | grams):
                near.append(f"{side.text!r} is like {text!r}")
    assert not near


def test_training_sentences_share_no_company_with_the_pairs() -> None:
    names = {item.text[span.start : span.end].removesuffix("'s") for item in _trained() for span in item.spans}
    text = "\n".join(side.text for side in SIDES)
    assert not [name for name in sorted(names) if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]


def test_a_pair_is_right_only_if_both_texts_are() -> None:
    pair = Pair("x", Side("Alder up", frozenset({"positive"})), Side("Alder down", frozenset({"negative"})))
    assert faults(pair, answer(0.9, 0.0), answer(0.0, 0.9)) == ()
    assert faults(pair, answer(0.9, 0.0), answer(0.9, 0.0)) == ("'Alder down' is positive, not negative",)


def test_a_mention_that_is_not_found_is_wrong() -> None:
    side = Side("Alder beats Birch", mentions={"Alder": frozenset({"positive"}), "Birch": frozenset({"negative"})})
    pair = Pair("x", side, side)
    right = answer(0.3, 0.3, Alder=(0, 0.9), Birch=(12, 0.1))
    assert faults(pair, right, right) == ()
    (missing,) = faults(pair, right, answer(0.3, 0.3, Alder=(0, 0.9)))
    assert "was not found" in missing
    (wrong,) = faults(pair, right, answer(0.3, 0.3, Alder=(0, 0.9), Birch=(12, 0.9)))
    assert "'Birch'" in wrong


def test_relations() -> None:
    side = Side("x", frozenset({"positive"}))
    same, weaker = Pair("x", side, side, same=True), Pair("x", side, side, weaker=True)
    assert faults(same, answer(0.7, 0.0), answer(0.7 + TOLERANCE / 2, 0.0)) == ()
    assert "moved" in faults(same, answer(0.6, 0.0), answer(0.99, 0.0))[0]
    assert faults(weaker, answer(0.9, 0.0), answer(0.6, 0.0)) == ()
    assert "not weaker" in faults(weaker, answer(0.6, 0.0), answer(0.9, 0.0))[0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('["a", "good", "b", "negative"]', "is no label"),
        ('["a", { Alder = "positive" }, "b", "negative"]', "is not in"),
        ('["a", "positive", "b"]', "row 1"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "pairs.toml"
    path.write_text(f'[[kind]]\nname = "debt"\npairs = [{row}]\n', encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        pairs.load(path)


def test_a_graph_answers_as_its_scorer_does() -> None:
    found = artefact.load()
    scorer = load_scorer()
    warm = found.manifest.temperatures
    answers = answers_of(
        forward_of(found), found.encoder, story_temperature=warm.story, mention_temperature=warm.mention
    )
    texts = [side.text for side in SIDES[:80]]
    for one, other in zip(answers(texts), scorer.score(texts), strict=True):
        assert abs(one.sentiment.score - other.sentiment.score) < 0.02
        assert [(e.start, e.end) for e in one.entities] == [(e.start, e.end) for e in other.entities]


def test_shares_count_by_kind() -> None:
    found = shares(judge(load_scorer().score, ALL[:30]))
    assert found["pairs"] == 30
    assert sum(entry["pairs"] for entry in found["kinds"].values()) == 30
    assert found["accuracy"] == pytest.approx(
        sum(entry["pairs"] * entry["accuracy"] for entry in found["kinds"].values()) / 30
    )
