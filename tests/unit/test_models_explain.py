"""The words that moved a score, asked of the shipped model."""

import pytest

from models.explain import word_effects
from models.inference import OnnxScorer, load_scorer
from riskwire.errors import ScoringError


@pytest.fixture(scope="module")
def scorer() -> OnnxScorer:
    return load_scorer()


@pytest.mark.parametrize(
    ("text", "word", "sign"),
    [
        ("Alder Bank's quarterly profit plunges", "plunges", -1),
        ("Tessel Motors soars in early trading", "soars", 1),
        ("Lumen Air faces bankruptcy", "bankruptcy", -1),
    ],
)
def test_it_points_at_the_word_that_says_it(scorer: OnnxScorer, text: str, word: str, sign: int) -> None:
    strongest = max(word_effects(scorer, text), key=lambda one: abs(one.effect))
    assert strongest.text == word
    assert strongest.effect * sign > 0.2
    assert text[strongest.start : strongest.end] == word


def test_an_effect_is_the_score_less_the_score_without_the_word(scorer: OnnxScorer) -> None:
    text = "Alder Bank profit falls"
    whole, without = (answer.sentiment.score for answer in scorer.score([text, "Alder Bank profit      "]))
    (falls,) = [one for one in word_effects(scorer, text) if one.text == "falls"]
    assert falls.effect == pytest.approx(whole - without, abs=0.001)


def test_a_mentions_own_words_and_punctuation_are_left_alone(scorer: OnnxScorer) -> None:
    text = "Alder Bank slumps, Tessel Motors soars!"
    start = text.index("Tessel")
    words = [one.text for one in word_effects(scorer, text, (start, start + len("Tessel Motors")))]
    assert words == ["Alder", "Bank", "slumps", "soars"]


def test_each_company_has_its_own_words(scorer: OnnxScorer) -> None:
    text = "Alder Bank slumps while Tessel Motors soars"
    alder, tessel = (
        {one.text: one.effect for one in word_effects(scorer, text, (text.index(name), text.index(name) + len(name)))}
        for name in ("Alder Bank", "Tessel Motors")
    )
    assert alder["slumps"] < -0.2
    assert tessel["soars"] > 0.2
    assert abs(tessel["slumps"]) < abs(tessel["soars"])


def test_a_text_of_one_word_and_one_without(scorer: OnnxScorer) -> None:
    (only,) = word_effects(scorer, "Bankruptcy")
    assert only.effect == pytest.approx(scorer.score(["Bankruptcy"])[0].sentiment.score, abs=0.001)
    with pytest.raises(ScoringError):
        word_effects(scorer, " ")
