"""The shipped Scorer: ONNX Runtime on a verified artefact. Never imports torch.

A call's texts are tokenised together, cut into windows where they are too long, sorted by length, run in batches of
like length, and put back in the order they came. The graph keeps activation scales per token, so that a text scores the
same whatever stands beside it (|Δp| ≤ 0.01, tests/unit/test_models_shipped.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from models import artefact as artefacts
from models.artefact import PRETRAINED, Artefact
from models.decode import FoundSpan, find_spans, pooled_sentiment, relevances
from models.encoding import Encoded
from models.labels import SENTIMENTS
from models.metrics import softmax
from models.session import Device, open_session
from models.windows import owners, windows
from riskwire.errors import ScoringError
from riskwire.types import EntityMention, ModelRef, Sentiment, SentimentLabel, TextScore

Array = npt.NDArray[Any]

OVERLAP: Final = 32
"""Tokens shared by neighbouring windows of a long text."""
BATCH_TOKENS: Final = 1024
"""At most so many tokens, padding included, in one run: what fits in the caches of a core."""


class SymbolLinker(Protocol):
    """What a scorer needs of a linker: cashtags before the mentions are scored, symbols afterwards."""

    def cashtags(self, text: str) -> list[tuple[int, int]]:
        """(start, end) of cashtags with a known symbol."""
        ...

    def link(self, text: str, mentions: Sequence[EntityMention]) -> tuple[EntityMention, ...]:
        """The same mentions with `symbol` or `unlinked_reason`."""
        ...


class _Window(msgspec.Struct, frozen=True):
    text: int  # which text
    start: int  # first token
    end: int  # behind the last


class _Logits(msgspec.Struct, frozen=True):
    """A text's logits, merged over its windows; one row a token."""

    story: Array  # (3,) probabilities
    tags: Array  # (T, 9); no row from a model of the story alone
    tokens: Array  # (T, 3); the same


class OnnxScorer:
    """Scores texts with an artefact. Safe from several threads: the session and tokenizer keep no state."""

    def __init__(
        self,
        artefact: Artefact,
        *,
        device: Device = "auto",
        threads: int = 0,
        linker: SymbolLinker | None = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        """`threads`: of one run; 0 is one a core. Raises DeviceError, ModelError."""
        self._artefact = artefact
        self._linker = linker
        self._batch_tokens = batch_tokens
        self._window = artefact.manifest.max_tokens - 2
        self._session = open_session(artefact, device, threads)
        self._sentiments = list(artefact.sentiment_order)
        self._tags = list(artefact.tag_order)

    @property
    def model(self) -> ModelRef:
        """Which model this is."""
        return self._artefact.ref

    @property
    def provider(self) -> str:
        """The execution provider in use, for doctor, metrics and bench."""
        return str(self._session.get_providers()[0])

    def current(self) -> OnnxScorer:
        """Itself: it never changes."""
        return self

    def score(self, texts: Sequence[str]) -> list[TextScore]:
        """One answer a text, in order. Raises ScoringError naming the place of a text that has nothing to score."""
        tokens = self.encode(texts)
        return [self._answer(*parts) for parts in zip(texts, tokens, self._logits(tokens), strict=True)]

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """The tokens of each text. Raises ScoringError naming the place of a text that has nothing to score."""
        tokens = self._artefact.encoder.encode(texts)
        for index, encoded in enumerate(tokens):
            if not len(encoded):
                raise ScoringError("nothing to score: the text has no words", about=f"text {index}")
        return tokens

    def scores(self, tokens: Sequence[Encoded], span: tuple[int, int] | None = None) -> list[float]:
        """P(positive) − P(negative) of each text, or of its mention at `span` (0 where no token is left of it).

        Raises ScoringError when the model fails.
        """
        answers = []
        for encoded, logits in zip(tokens, self._logits(tokens), strict=True):
            chances: Array | None = logits.story
            if span is not None:
                chances = pooled_sentiment(encoded, logits.tokens, *span, self._artefact.manifest.temperatures.mention)
            answers.append(0.0 if chances is None else as_sentiment(chances).score)
        return answers

    def _logits(self, tokens: Sequence[Encoded]) -> list[_Logits]:
        try:
            return self._run(tokens)
        except Exception as error:
            raise ScoringError(
                "the model failed", about=f"{len(tokens)} texts", hint="Run `riskwire doctor`"
            ) from error

    def _run(self, tokens: Sequence[Encoded]) -> list[_Logits]:
        cut = [windows(len(encoded), size=self._window, overlap=min(OVERLAP, self._window // 4)) for encoded in tokens]
        pieces = [_Window(text, start, end) for text, stretches in enumerate(cut) for start, end in stretches]
        done: dict[tuple[int, int], tuple[Array, Array, Array]] = {}
        for batch in batches([piece.end - piece.start + 2 for piece in pieces], budget=self._batch_tokens):
            chosen = [pieces[index] for index in batch]
            story, tags, sentiment = self._heads(self._session.run(None, self._inputs(tokens, chosen)), chosen)
            for row, piece in enumerate(chosen):
                inner = slice(1, piece.end - piece.start + 1)
                done[piece.text, piece.start] = (story[row], tags[row, inner], sentiment[row, inner])
        return [
            self._merge(stretches, [done[text, start] for start, _ in stretches], len(tokens[text]))
            for text, stretches in enumerate(cut)
        ]

    def _heads(self, found: list[Array], chosen: Sequence[_Window]) -> tuple[Array, Array, Array]:
        """What each head said: (B, 3), (B, T, tags), (B, T, 3). A head that the model lacks says nothing."""
        if self._tags:
            story, tags, sentiment = found
            return story, tags, sentiment
        length = max(piece.end - piece.start for piece in chosen) + 2
        return found[0], np.zeros((len(chosen), length, 0)), np.zeros((len(chosen), length, len(SENTIMENTS)))

    def _inputs(self, tokens: Sequence[Encoded], chosen: Sequence[_Window]) -> dict[str, Array]:
        encoder, names = self._artefact.encoder, self._artefact.manifest.graph
        length = max(piece.end - piece.start for piece in chosen) + 2
        ids = np.full((len(chosen), length), encoder.pad, dtype=np.int64)
        mask, cases = np.zeros_like(ids), np.zeros_like(ids)
        for row, piece in enumerate(chosen):
            count, encoded = piece.end - piece.start, tokens[piece.text]
            ids[row, 0], ids[row, count + 1] = encoder.cls, encoder.sep
            ids[row, 1 : count + 1] = encoded.ids[piece.start : piece.end]
            cases[row, 1 : count + 1] = encoded.cases[piece.start : piece.end]
            mask[row, : count + 2] = 1
        return {names.input_ids: ids, names.attention_mask: mask, names.token_type_ids: cases}

    def _merge(self, stretches: list[tuple[int, int]], parts: list[tuple[Array, Array, Array]], count: int) -> _Logits:
        """Story: probabilities averaged, weighted by tokens. Tokens: from the window that sees the most around them."""
        temperature = self._artefact.manifest.temperatures.story
        sizes = np.array([end - start for start, end in stretches], dtype=np.float64)
        story = np.stack([softmax(part[0][self._sentiments], temperature) for part in parts])
        mean = (story * sizes[:, None]).sum(0) / sizes.sum()
        if len(parts) == 1:
            tags, sentiment = parts[0][1], parts[0][2]
        else:
            owner = owners(stretches, count)
            tags, sentiment = np.empty((count, parts[0][1].shape[-1])), np.empty((count, parts[0][2].shape[-1]))
            for number, (start, end) in enumerate(stretches):
                own = owner[start:end] == number
                tags[start:end][own] = parts[number][1][own]
                sentiment[start:end][own] = parts[number][2][own]
        return _Logits(mean, tags[:, self._tags], sentiment[:, self._sentiments])

    def _answer(self, text: str, tokens: Encoded, logits: _Logits) -> TextScore:
        if not self._tags:  # a model of the story alone: it can't say where a mention is, nor how it fares
            return TextScore(sentiment=as_sentiment(logits.story))
        spans = find_spans(text, tokens, softmax(logits.tags))
        if self._linker is not None:
            spans = with_cashtags(spans, self._linker.cashtags(text))
        mentions = mentions_of(text, tokens, spans, logits.tokens, self._artefact.manifest.temperatures.mention)
        found = tuple(mentions) if self._linker is None else self._linker.link(text, mentions)
        return TextScore(sentiment=as_sentiment(logits.story), entities=found)


def load_scorer(
    folder: Path = PRETRAINED, *, device: Device = "auto", threads: int = 0, linker: SymbolLinker | None = None
) -> OnnxScorer:
    """A scorer on the artefact in `folder`, verified. Raises ModelError and its kinds."""
    return OnnxScorer(artefacts.load(folder), device=device, threads=threads, linker=linker)


def as_sentiment(chances: npt.NDArray[np.floating[Any]]) -> Sentiment:
    """Probabilities (3,), in the order of labels.SENTIMENTS, as a record."""
    by_name: dict[SentimentLabel, float] = dict(zip(SENTIMENTS, chances.tolist(), strict=True))
    label = max(by_name, key=lambda name: by_name[name])
    return Sentiment(
        label=label, confidence=by_name[label], probabilities=by_name, score=by_name["positive"] - by_name["negative"]
    )


def mentions_of(
    text: str, tokens: Encoded, spans: Sequence[FoundSpan], logits: Array, temperature: float
) -> list[EntityMention]:
    """The spans with their own sentiment, from the tokens' logits (T, 3); one without a token is left out."""
    mentions = []
    weights = relevances(text, [(span.start, span.end) for span in spans])
    for span, relevance in zip(spans, weights, strict=True):
        chances = pooled_sentiment(tokens, logits, span.start, span.end, temperature)
        if chances is not None:
            mentions.append(
                EntityMention(
                    entity_group=span.group,
                    text=text[span.start : span.end],
                    start=span.start,
                    end=span.end,
                    confidence=span.confidence,
                    relevance=relevance,
                    sentiment=as_sentiment(chances),
                )
            )
    return mentions


def with_cashtags(spans: Sequence[FoundSpan], cashtags: Sequence[tuple[int, int]]) -> list[FoundSpan]:
    """`spans` and, as ORG with confidence 1, every cashtag that touches none of them."""
    extra = [
        FoundSpan(start, end, "ORG", 1.0)
        for start, end in cashtags
        if all(end <= span.start or start >= span.end for span in spans)
    ]
    return sorted([*spans, *extra], key=lambda span: span.start) if extra else list(spans)


def batches(lengths: Sequence[int], *, budget: int) -> Iterator[list[int]]:
    """Indices in batches of like length, the longest first; rows × longest ≤ `budget` (one row always fits)."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    at = 0
    while at < len(order):
        rows = max(1, budget // max(1, lengths[order[at]]))
        yield order[at : at + rows]
        at += rows
