from datetime import UTC, datetime

import msgspec
import pytest

from riskwire.errors import ScoringError
from riskwire.testing import KeywordScorer, UpperCaseLinker, a_document, a_story
from riskwire.types import TextScore
from stream.scoring import score_documents, scored_text, why_unscored

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def score(*documents, scorer=None):
    return score_documents(documents, scorer or KeywordScorer(), UpperCaseLinker(), NOW)


@pytest.mark.parametrize(
    ("title", "summary", "text"),
    [
        ("Title", "And more", "Title\nAnd more"),
        ("Title", "", "Title"),
        ("", "Only this", "Only this"),
        ("", "", ""),
        ("  Title ", " more ", "Title\nmore"),
        ("Acme falls on Monday", "acme  FALLS on Monday.", "Acme falls on Monday"),
        ("Acme falls on Monday", "Acme falls on …", "Acme falls on Monday"),
        ("Acme falls", "Acme falls after a warning", "Acme falls\nAcme falls after a warning"),
        ("x" * 600, "y" * 600, "x" * 600 + "\n" + "y" * 399),
        ("😀" * 1001, "", "😀" * 1000),
    ],
)
def test_the_text_is_title_and_summary_cut_at_a_thousand_code_points(title, summary, text):
    assert scored_text(a_document(title=title, summary=summary, content="never scored")) == text


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("", None, "empty"),
        ("?! …", None, "empty"),
        ("Update", None, "too_short"),
        ("x" * 900, None, "too_short"),
        ("5 6", None, "too_short"),
        ("Profit rises", None, None),
        ("AAPL +5%", None, None),
        ("The bank closes on Monday", "en", None),
        ("The bank closes on Monday", "en-GB", None),
        ("The bank closes on Monday", "EN_us", None),
        ("The bank closes on Monday", "de", "unsupported_language"),
        ("Update", "de", "unsupported_language"),
        ("Банк закрывается в понедельник", None, "unsupported_language"),
        ("银行周一关闭 Apple", "en", "unsupported_language"),
        ("トヨタの利益", None, "unsupported_language"),
        ("Crédit Agricole relève ses prévisions", None, None),
        ("Apple 苹果 falls", None, None),
    ],
)
def test_why_a_text_is_not_scored(text, language, reason):
    assert why_unscored(text, language) == reason


def test_a_scored_story_carries_what_was_found_and_by_what():
    (story,) = score(a_document(title="Boeing sues Airbus", source_symbols=("X",), tags=("a",)))
    assert (story.status, story.sentiment.label, story.symbols) == ("scored", "negative", ("AIRBUS", "BOEING"))
    assert (story.text, story.model.name, story.scored_at) == ("Boeing sues Airbus", "keywords", NOW)
    assert (story.source_symbols, story.tags) == (("X",), ("a",))
    assert all(one.text == story.text[one.start : one.end] for one in story.entities)


def test_missing_is_never_neutral():
    for story in score(a_document(title=""), a_document(title="Update"), a_document(language="fr")):
        assert (story.status, story.sentiment, story.entities, story.model) == ("unscored", None, (), None)
        assert story.unscored_reason is not None


def test_one_bad_text_does_not_spoil_the_others():
    scorer = KeywordScorer(fail_on="poison")
    stories = score(*(a_document(n, title=f"A {'poison' if n == 2 else 'fine'} text") for n in range(5)), scorer=scorer)
    assert [story.unscored_reason for story in stories] == [None, None, "error", None, None]


def test_only_what_can_be_scored_goes_to_the_model_in_one_call():
    scorer = KeywordScorer()
    score(a_document(1), a_document(2, title=""), a_document(3), scorer=scorer)
    assert scorer.calls == [2]
    score(a_document(2, title=""), scorer=scorer)
    assert scorer.calls == [2]


def test_a_removal_passes_as_it_is():
    removed = a_story(1, revision=2, status="removed", title="", sentiment=None)
    assert score(removed) == [removed]


def test_nan_is_no_score():
    class Broken(KeywordScorer):
        def score(self, texts):
            return [
                TextScore(sentiment=msgspec.structs.replace(one.sentiment, score=float("nan")))
                for one in super().score(texts)
            ]

    assert score(a_document(), scorer=Broken())[0].unscored_reason == "error"


def test_a_batch_is_scored_and_stamped_by_one_model_whatever_is_promoted_meanwhile():
    class Promoted(KeywordScorer):
        asked = 0

        @property
        def model(self):
            raise AssertionError("another one by now")

        def current(self):
            self.asked += 1
            return KeywordScorer(fail_on="poison")

    scorer = Promoted()
    stories = score(a_document(1), a_document(2, title="Acme poison falls"), a_document(3), scorer=scorer)
    assert [story.model.version if story.model else None for story in stories] == ["1", None, "1"]
    assert (scorer.asked, scorer.calls) == (1, [])


def test_a_scorer_that_always_fails_leaves_everything_unscored():
    class Failing(KeywordScorer):
        def score(self, texts):
            raise ScoringError("no")

    assert [story.unscored_reason for story in score(a_document(1), a_document(2), scorer=Failing())] == ["error"] * 2
