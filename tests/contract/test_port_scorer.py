"""Scorer, Linker and Notifier: the shipped model and gazetteer, and the fakes that stand for them."""

import asyncio
import threading

import pytest

from models.inference import OnnxScorer, load_scorer
from models.registry.reload import FollowingScorer
from models.registry.store import Registry
from models.symbols import SymbolLinker
from riskwire.errors import NotifyRetry, ScoringError
from riskwire.ports import Scorer
from riskwire.testing import KeywordScorer, RecordingNotifier, UpperCaseLinker
from riskwire.types import Notification

TEXTS = [
    "Boeing sues Airbus over subsidies",
    "Acme profit rises",
    "The bank closes on Monday",
    "Zürich 😀 Nvidia posts record revenue\nShares of AMD fall after a weak outlook",
    "x" * 1000,
    "\u202e\0 ?!",
]


@pytest.fixture(scope="module", params=["keywords", "shipped", "following"])
def scorer(request, tmp_path_factory):
    if request.param == "keywords":
        yield KeywordScorer()
    elif request.param == "shipped":
        yield load_scorer(device="cpu", threads=1)
    else:
        registry = Registry(tmp_path_factory.mktemp("models"))
        with FollowingScorer(registry, lambda found: OnnxScorer(found, device="cpu", threads=1), interval=60) as it:
            yield it


@pytest.fixture(scope="module", params=["upper case", "gazetteer"])
def linker(request):
    return UpperCaseLinker() if request.param == "upper case" else SymbolLinker.default()


def test_each_text_is_answered_in_order_the_same_in_any_batch(scorer):
    assert isinstance(scorer, Scorer)
    assert scorer.score([]) == []
    alone = [scorer.score([text])[0] for text in TEXTS]
    for order in (range(len(TEXTS)), reversed(range(len(TEXTS))), [3, 3, 0, 5, 1]):
        chosen = list(order)
        for number, answer in zip(chosen, scorer.score([TEXTS[number] for number in chosen]), strict=True):
            for label, chance in alone[number].sentiment.probabilities.items():
                assert answer.sentiment.probabilities[label] == pytest.approx(chance, abs=0.01)
            assert [(one.start, one.end) for one in answer.entities] == [
                (one.start, one.end) for one in alone[number].entities
            ]


def test_the_scorer_of_a_batch_is_one_that_stays(scorer):
    held = scorer.current()
    assert isinstance(held, Scorer)
    assert held.current() is held
    assert held.model == scorer.model
    assert held.score(TEXTS[:1]) == scorer.score(TEXTS[:1])


def test_an_answer_is_sound(scorer):
    assert len(scorer.model.sha256) == 64
    for text, answer in zip(TEXTS, scorer.score(TEXTS), strict=True):
        for sentiment in (answer.sentiment, *(entity.sentiment for entity in answer.entities)):
            chances = sentiment.probabilities
            assert set(chances) == {"positive", "neutral", "negative"}
            assert sum(chances.values()) == pytest.approx(1, abs=1e-3)
            assert sentiment.label == max(chances, key=chances.get)
            assert sentiment.confidence == pytest.approx(chances[sentiment.label])
            assert sentiment.score == pytest.approx(chances["positive"] - chances["negative"], abs=1e-6)
        for entity in answer.entities:
            assert text[entity.start : entity.end] == entity.text
            assert 0 <= entity.start < entity.end <= len(text)
            assert 0 <= entity.confidence <= 1
            assert 0 <= entity.relevance <= 1


def test_several_threads_may_score_at_once(scorer):
    expected, answers = scorer.score(TEXTS[:2]), []
    threads = [threading.Thread(target=lambda: answers.append(scorer.score(TEXTS[:2]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    labels = [one.sentiment.label for one in expected]
    assert [[one.sentiment.label for one in answer] for answer in answers] == [labels] * 4


def test_there_is_nothing_to_say_of_an_empty_text(scorer):
    with pytest.raises(ScoringError):
        scorer.score(["Acme profit rises", ""])


def test_a_text_that_fails_fails_its_call():
    with pytest.raises(ScoringError):
        KeywordScorer(fail_on="poison").score(["fine", "poison here"])


def test_a_linker_keeps_the_mentions_in_order_and_gives_a_symbol_or_a_reason(scorer, linker):
    for text, answer in zip(TEXTS, scorer.score(TEXTS), strict=True):
        linked = linker.link(text, answer.entities)
        assert [(one.text, one.start, one.sentiment) for one in linked] == [
            (one.text, one.start, one.sentiment) for one in answer.entities
        ]
        assert all((one.symbol is None) != (one.unlinked_reason is None) for one in linked)


def test_a_notifier_fails_as_scripted_and_then_takes_it():
    notifier = RecordingNotifier(failures=[NotifyRetry("later")])
    notice = Notification(receiver="r", group_key="g", alerts=(), reason="first")
    with pytest.raises(NotifyRetry):
        asyncio.run(notifier.notify(notice))
    asyncio.run(notifier.notify(notice))
    assert notifier.notifications == [notice]
