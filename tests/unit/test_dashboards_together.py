"""Requests that arrive together are scored together, and nobody pays for another's text."""

import asyncio
import threading

import pytest

from dashboards.web.together import Full, Together
from riskwire.testing import KeywordScorer


class Held(KeywordScorer):
    """Waits in its first call until it is let go."""

    def __init__(self, fail_on: str | None = None) -> None:
        super().__init__(fail_on)
        self.began, self.go = threading.Event(), threading.Event()

    def score(self, texts):
        self.began.set()
        assert self.go.wait(10)
        return super().score(texts)


async def started(scorer: Held, together: Together, text: str = "Acme wins") -> asyncio.Task:
    first = asyncio.create_task(together.score([text]))
    await asyncio.to_thread(scorer.began.wait, 10)
    return first


def labels(answer) -> list[str | None]:
    _, rows = answer
    return [row.sentiment and row.sentiment.label for row in rows]


def test_those_that_wait_go_in_together_and_each_gets_its_own() -> None:
    async def go() -> None:
        scorer = Held()
        together = Together(scorer, most_texts=4)
        first = await started(scorer, together)
        later = [asyncio.create_task(together.score(texts)) for texts in (["Acme plunges"], ["B wins", "C"], ["D"] * 3)]
        await asyncio.sleep(0)
        scorer.go.set()
        answers = [labels(await one) for one in (first, *later)]
        assert answers == [["positive"], ["negative"], ["positive", "neutral"], ["neutral"] * 3]
        assert scorer.calls == [1, 3, 3]  # the last would have been more than four

    asyncio.run(go())


def test_a_text_that_fails_spoils_no_other_callers() -> None:
    async def go() -> None:
        scorer = Held(fail_on="poison")
        together = Together(scorer)
        first = await started(scorer, together)
        bad, good = (asyncio.create_task(together.score([text])) for text in ("poison", "Acme wins"))
        await asyncio.sleep(0)
        scorer.go.set()
        await first
        _, (row,) = await bad
        assert (row.sentiment, row.unscored_reason) == (None, "error")
        assert labels(await good) == ["positive"]

    asyncio.run(go())


def test_a_text_without_words_has_a_reason_and_no_sentiment() -> None:
    _, rows = asyncio.run(Together(KeywordScorer()).score(["Acme wins", " …! ", ""]))
    assert [row.unscored_reason for row in rows] == [None, "empty", "empty"]
    assert [row.sentiment is None for row in rows] == [False, True, True]


def test_what_waits_is_bounded() -> None:
    async def go() -> None:
        scorer = Held()
        together = Together(scorer, most_waiting=2)
        first = await started(scorer, together)
        waits = asyncio.create_task(together.score(["a", "b"]))
        await asyncio.sleep(0)
        with pytest.raises(Full):
            await together.score(["c"])
        scorer.go.set()
        await asyncio.gather(first, waits)
        assert labels(await together.score(["Acme wins"])) == ["positive"]  # there is room again

    asyncio.run(go())


def test_who_left_is_not_scored_for() -> None:
    async def go() -> None:
        scorer = Held()
        together = Together(scorer)
        first = await started(scorer, together)
        left, stays = (asyncio.create_task(together.score([text])) for text in ("a", "Acme wins"))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.sleep(0)
        scorer.go.set()
        await first
        assert labels(await stays) == ["positive"]
        assert scorer.calls == [1, 1]

    asyncio.run(go())


def test_a_scorer_that_breaks_is_said_to_all_and_the_next_are_scored() -> None:
    class Broken(KeywordScorer):
        def score(self, texts):
            if "break" in texts:
                raise RuntimeError("out of memory")
            return super().score(texts)

    async def go() -> None:
        together = Together(Broken())
        with pytest.raises(RuntimeError, match="out of memory"):
            await together.score(["break"])
        assert labels(await together.score(["Acme wins"])) == ["positive"]

    asyncio.run(go())


def test_a_batch_is_scored_and_stamped_by_one_model_whatever_is_promoted_meanwhile() -> None:
    class Promoted(KeywordScorer):
        @property
        def model(self):
            raise AssertionError("another one by now")

        def score(self, texts):
            raise AssertionError("another one by now")

        def current(self):
            return KeywordScorer()

    model, rows = asyncio.run(Together(Promoted()).score(["Acme wins"]))
    assert (model.version, rows[0].sentiment.label) == ("1", "positive")
