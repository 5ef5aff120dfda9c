"""Requests that arrive together are scored in one batch.

While a batch is in the model the next requests wait, and then go in as one: nobody waits for a timer, and the busier
it is the larger the batches. What waits is bounded: beyond it a request is refused at once, to be sent again.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence

import msgspec

from riskwire.errors import ScoringError
from riskwire.ports import Scorer
from riskwire.types import EntityMention, ModelRef, Sentiment, TextScore, UnscoredReason

#: Texts of one batch, and texts that wait for the next at most: a second's work or two of a small machine.
MOST_TEXTS, MOST_WAITING = 256, 1024
_WORD = re.compile(r"[^\W_]")


class Row(msgspec.Struct, frozen=True):
    """The answer for one text. Missing is never neutral: without a sentiment there is a reason."""

    sentiment: Sentiment | None
    entities: tuple[EntityMention, ...] = ()
    unscored_reason: UnscoredReason | None = None


class Full(Exception):
    """More texts wait than may."""


class Together:
    """In front of a Scorer, in one event loop."""

    def __init__(self, scorer: Scorer, *, most_texts: int = MOST_TEXTS, most_waiting: int = MOST_WAITING) -> None:
        self._scorer, self._most_texts, self._most_waiting = scorer, most_texts, most_waiting
        self._waiting: deque[tuple[list[str], asyncio.Future[tuple[ModelRef, list[Row]]]]] = deque()
        self._count = 0
        self._running: asyncio.Task[None] | None = None

    async def score(self, texts: Sequence[str]) -> tuple[ModelRef, list[Row]]:
        """One row a text, in order, and the model that scored them. Raises Full."""
        if self._count and self._count + len(texts) > self._most_waiting:
            raise Full
        answer: asyncio.Future[tuple[ModelRef, list[Row]]] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(texts), answer))
        self._count += len(texts)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="score together")
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            batch = [self._take()]
            size = len(batch[0][0])
            while self._waiting and size + len(self._waiting[0][0]) <= self._most_texts:
                batch.append(self._take())
                size += len(batch[-1][0])
            batch = [(texts, answer) for texts, answer in batch if not answer.done()]  # whoever left is not scored for
            try:
                model, rows = await asyncio.to_thread(self._rows, [text for texts, _ in batch for text in texts])
            except Exception as error:  # noqa: BLE001 - whatever it was, those who asked are told
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for texts, answer in batch:
                own, rows = rows[: len(texts)], rows[len(texts) :]
                if not answer.done():
                    answer.set_result((model, own))

    def _take(self) -> tuple[list[str], asyncio.Future[tuple[ModelRef, list[Row]]]]:
        taken = self._waiting.popleft()
        self._count -= len(taken[0])
        return taken

    def _rows(self, texts: list[str]) -> tuple[ModelRef, list[Row]]:
        scorer = self._scorer.current()  # one batch, one model
        scorer = self._scorer.current()  # one batch is of one model, whatever is promoted meanwhile
        has_words = [bool(_WORD.search(text)) for text in texts]
        scores = iter(_scores(scorer, [text for text, has in zip(texts, has_words, strict=True) if has]))
        rows = [_row(next(scores)) if has else Row(None, unscored_reason="empty") for has in has_words]
        return scorer.model, rows


def _row(score: TextScore | None) -> Row:
    return Row(None, unscored_reason="error") if score is None else Row(score.sentiment, score.entities)


def _scores(scorer: Scorer, texts: list[str]) -> list[TextScore | None]:
    if not texts:
        return []
    try:
        return list(scorer.score(texts))
    except ScoringError:
        if len(texts) == 1:
            return [None]
    # Which one it was is not said: one by one, so that no other caller's text suffers for it.
    return [score for text in texts for score in _scores(scorer, [text])]
