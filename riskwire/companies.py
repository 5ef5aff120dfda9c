"""One sentiment a company a story, derived from its mentions. Pure; one rule for the index, the alerts and the page."""

from __future__ import annotations

import msgspec

from riskwire.types import EntityMention, ScoredDocument, SentimentLabel

_LABELS: tuple[SentimentLabel, ...] = ("positive", "neutral", "negative")


class CompanySentiment(msgspec.Struct, frozen=True, kw_only=True):
    """What one story says of one company.

    `score` is the mean of its mentions' scores in −1…1, weighted by each mention's confidence; `label` the most
    probable of the mentions' probabilities weighted alike, `confidence` that probability; `n` how many mentions it has;
    `relevance` the highest of them.
    """

    score: float
    confidence: float
    label: SentimentLabel
    n: int
    relevance: float


def company_sentiments(document: ScoredDocument) -> dict[str, CompanySentiment]:
    """By symbol, sorted. Empty for a story that was not scored: missing is never neutral."""
    if document.status != "scored":
        return {}
    mentions: dict[str, list[EntityMention]] = {}
    for mention in document.entities:
        if mention.symbol is not None:
            mentions.setdefault(mention.symbol, []).append(mention)
    return {symbol: _combined(mentions[symbol]) for symbol in sorted(mentions)}


def _combined(mentions: list[EntityMention]) -> CompanySentiment:
    weights = [max(mention.confidence, 0.0) for mention in mentions]
    if not sum(weights):  # no mention is trusted more than another
        weights = [1.0] * len(mentions)
    total = sum(weights)
    pairs = list(zip(weights, mentions, strict=True))
    probabilities = {
        label: sum(weight * mention.sentiment.probabilities.get(label, 0.0) for weight, mention in pairs) / total
        for label in _LABELS
    }
    label = max(_LABELS, key=probabilities.__getitem__)
    return CompanySentiment(
        score=sum(weight * mention.sentiment.score for weight, mention in pairs) / total,
        confidence=probabilities[label],
        label=label,
        n=len(mentions),
        relevance=max(mention.relevance for mention in mentions),
    )
