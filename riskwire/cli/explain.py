"""`riskwire score --explain`: which words moved each score, as a row's `explanation` and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from riskwire.types import EntityMention, ScoredDocument
from riskwire.wire import to_builtins

if TYPE_CHECKING:
    from models.inference import OnnxScorer

#: Words that a table shows of each explanation, and the least effect worth showing.
_SHOWN, _LEAST = 4, 0.02
#: What is explained: how it is named in the row, its score, and its place in the text (None: all of it).
_Part = tuple[dict[str, Any], float, tuple[int, int] | None]


def explanation(scorer: OnnxScorer, story: ScoredDocument, entity: str | None) -> list[dict[str, Any]]:
    """Of the story and of each mention, or of the mentions of `entity` alone: method, what it is of, and the words."""
    from models.explain import METHOD, word_effects

    if story.sentiment is None:
        return []
    mentions = [one for one in story.entities if entity is None or _is_named(one, entity)]
    parts: list[_Part] = [] if entity is not None else [({"of": "story"}, story.sentiment.score, None)]
    parts += [
        (
            {"of": "entity", "text": one.text, "start": one.start, "end": one.end},
            one.sentiment.score,
            (one.start, one.end),
        )
        for one in mentions
    ]
    return [
        {
            **of,
            "score": score,
            "method": METHOD,
            "words": [to_builtins(effect) for effect in word_effects(scorer, story.text, span)],
        }
        for of, score, span in parts
    ]


def in_words(row: Mapping[str, Any]) -> str:
    """The strongest words of each: `story −0.95: falls −0.61, losses −0.20; Acme …`."""
    return "; ".join(_one(part) for part in row["explanation"]) if row.get("explanation") else ""


def _one(part: Mapping[str, Any]) -> str:
    words = sorted(part["words"], key=lambda word: -abs(word["effect"]))[:_SHOWN]
    moved = ", ".join(f"{word['text']} {word['effect']:+.2f}" for word in words if abs(word["effect"]) >= _LEAST)
    return f"{part.get('text', 'story')} {part['score']:+.2f}: {moved or 'no single word'}"


def _is_named(mention: EntityMention, name: str) -> bool:
    wanted = name.casefold()
    return wanted in (mention.text.casefold(), (mention.symbol or "").casefold())
