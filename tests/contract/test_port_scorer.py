"""Scorer, Linker and Notifier: the fakes here; the real ones join when they are there."""

import asyncio

import pytest

from riskwire.errors import NotifyRetry, ScoringError
from riskwire.ports import Scorer
from riskwire.testing import KeywordScorer, RecordingNotifier, UpperCaseLinker
from riskwire.types import Notification

TEXTS = ["Boeing sues Airbus over subsidies", "Acme profit rises", "", "The bank closes on Monday"]


def test_a_scorer_answers_each_text_in_order_the_same_in_any_batch():
    scorer = KeywordScorer()
    assert isinstance(scorer, Scorer)
    together = scorer.score(TEXTS)
    assert together == [scorer.score([text])[0] for text in TEXTS]
    assert scorer.score([]) == []
    for text, answer in zip(TEXTS, together, strict=True):
        assert abs(sum(answer.sentiment.probabilities.values()) - 1) < 1e-6
        assert all(text[entity.start : entity.end] == entity.text for entity in answer.entities)


def test_a_text_that_fails_fails_its_call():
    with pytest.raises(ScoringError):
        KeywordScorer(fail_on="poison").score(["fine", "poison here"])


def test_a_linker_keeps_the_mentions_in_order_and_gives_a_symbol_or_a_reason():
    (answer,) = KeywordScorer().score(TEXTS[:1])
    linked = UpperCaseLinker().link(TEXTS[0], answer.entities)
    assert [entity.symbol for entity in linked] == ["BOEING", "AIRBUS"]
    assert all(entity.symbol or entity.unlinked_reason for entity in linked)


def test_a_notifier_fails_as_scripted_and_then_takes_it():
    notifier = RecordingNotifier(failures=[NotifyRetry("later")])
    notice = Notification(receiver="r", group_key="g", alerts=(), reason="first")
    with pytest.raises(NotifyRetry):
        asyncio.run(notifier.notify(notice))
    asyncio.run(notifier.notify(notice))
    assert notifier.notifications == [notice]
