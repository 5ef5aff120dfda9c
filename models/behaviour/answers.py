"""A graph or network that is no artefact yet, asked as a scorer is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from models.batches import collate, make_examples
from models.behaviour.judge import Score
from models.corpora.items import Item
from models.decode import find_spans
from models.encoding import TextEncoder
from models.evaluate import Forward
from models.inference import as_sentiment, mentions_of
from models.metrics import softmax
from riskwire.types import TextScore

_BATCH: Final = 32
_MAX_TOKENS: Final = 512


def answers_of(
    forward: Forward, encoder: TextEncoder, *, story_temperature: float, mention_temperature: float
) -> Score:
    """What `forward` says of texts that are no longer than a window."""

    def score(texts: Sequence[str]) -> list[TextScore]:
        found: list[TextScore] = []
        for start in range(0, len(texts), _BATCH):
            chosen = texts[start : start + _BATCH]
            examples = make_examples([Item("behaviour", text) for text in chosen], encoder, max_tokens=_MAX_TOKENS)
            batch = collate(examples, pad=encoder.pad)
            story, tags, tokens = forward(batch.ids, batch.mask, batch.cases)
            for row, (text, encoded) in enumerate(zip(chosen, encoder.encode(chosen), strict=True)):
                own = slice(1, len(encoded) + 1)
                spans = find_spans(text, encoded, softmax(tags[row, own]))
                mentions = mentions_of(text, encoded, spans, tokens[row, own], mention_temperature)
                found.append(
                    TextScore(sentiment=as_sentiment(softmax(story[row], story_temperature)), entities=tuple(mentions))
                )
        return found

    return score
