import pytest

from riskwire.companies import company_sentiments
from riskwire.testing import a_story, sentiment_of
from riskwire.types import EntityMention


def mention(symbol, sign, confidence=0.5, relevance=0.5):
    return EntityMention(
        entity_group="ORG",
        text="x",
        start=0,
        end=1,
        confidence=confidence,
        symbol=symbol,
        relevance=relevance,
        sentiment=sentiment_of(sign),
    )


def test_mentions_are_weighted_by_their_confidence():
    story = a_story(
        entities=(mention("A", 1, 0.9, 0.2), mention("A", -1, 0.3, 0.8), mention("B", -1), mention(None, 1))
    )
    result = company_sentiments(story)
    assert list(result) == ["A", "B"]
    assert result["A"].score == pytest.approx(0.85 * 0.5)
    assert (result["A"].label, result["A"].n, result["A"].relevance) == ("positive", 2, 0.8)
    assert result["A"].confidence == pytest.approx((0.9 * 0.9 + 0.3 * 0.05) / 1.2)
    assert result["B"].label == "negative"


def test_without_any_confidence_all_count_alike():
    result = company_sentiments(a_story(entities=(mention("A", 1, 0.0), mention("A", -1, 0.0))))
    assert result["A"].score == pytest.approx(0)


def test_an_unscored_story_says_nothing_of_anybody():
    assert company_sentiments(a_story(status="unscored", sentiment=None, entities=(mention("A", 1),))) == {}
