"""Documents → ScoredDocuments. Pure, given a Scorer, a Linker and the time."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from ingest.documents.language import by_script
from riskwire.errors import ScoringError
from riskwire.identity import plain
from riskwire.ports import Linker, Scorer
from riskwire.types import MAX_SCORED_CHARS, Document, ModelRef, ScoredDocument, TextScore, UnscoredReason

_WORD = re.compile(r"[^\W_]+")
_FIELDS = Document.__struct_fields__
ENGLISH_ONLY = ("en",)


def scored_text(document: Document) -> str:
    """What is scored, and what offsets refer to: title, newline, summary, cut at 1,000 code points.

    An empty part is left out, and so is a summary that only repeats the title (feeds often send its beginning again).
    """
    title, summary = document.title.strip(), document.summary.strip()
    if title and _repeats(summary, title):
        summary = ""
    return "\n".join(part for part in (title, summary) if part)[:MAX_SCORED_CHARS].rstrip()


def why_unscored(text: str, language: str | None, languages: Collection[str] = ENGLISH_ONLY) -> UnscoredReason | None:
    """Why this text is not given to the model; None when it is.

    `too_short`: fewer than two words, or no word of two letters: "Update" says nothing of anybody, and a label for it
    would be a guess. `unsupported_language`: the document's (detected by `ingest.documents`) is none of the model's
    `languages`; one that is not known counts as the model's own, unless its script shows that it can't be.
    """
    words = _WORD.findall(text)
    if not words:
        return "empty"
    code = _base(language)
    code = by_script(text, code) or code
    if code and code not in map(_base, languages):
        return "unsupported_language"
    if len(words) < 2 or not any(sum(map(str.isalpha, word)) >= 2 for word in words):
        return "too_short"
    return None


def score_documents(
    documents: Sequence[Document],
    scorer: Scorer,
    linker: Linker,
    now: datetime,
    languages: Collection[str] = ENGLISH_ONLY,
) -> list[ScoredDocument]:
    """One for each, in order. A text that can't be scored is `unscored: error`, and spoils none of the others.

    `languages` are those that the scorer knows (`model.languages`).

    Raises ModelError when there is no model to score with.
    """
    texts = [scored_text(document) for document in documents]
    reasons = [
        why_unscored(text, document.language, languages) for text, document in zip(texts, documents, strict=True)
    ]
    chosen = [
        number
        for number, document in enumerate(documents)
        if reasons[number] is None and not isinstance(document, ScoredDocument)
    ]
    scorer = scorer.current()  # one batch, one model
    model = scorer.model
    scores = dict(zip(chosen, _scores(scorer, [texts[number] for number in chosen]), strict=True))
    result = []
    for number, document in enumerate(documents):
        if isinstance(document, ScoredDocument):  # a removal: it is what it is
            result.append(document)
        elif (score := scores.get(number)) is not None:
            result.append(_scored(document, texts[number], score, linker, model, now))
        else:
            result.append(_unscored(document, texts[number], reasons[number] or "error", now))
    return result


def _scores(scorer: Scorer, texts: list[str]) -> list[TextScore | None]:
    if not texts:
        return []
    try:
        return [score if _is_sound(score) else None for score in scorer.score(texts)]
    except ScoringError:
        if len(texts) == 1:
            return [None]
    # Which one it was is not said: one by one, the good ones get through.
    return [score for text in texts for score in _scores(scorer, [text])]


def _is_sound(score: TextScore) -> bool:
    """A broken model answers NaN, which JSON can't hold, and which must not pass for a score."""
    sentiments = [score.sentiment, *(entity.sentiment for entity in score.entities)]
    return all(math.isfinite(one.score) and math.isfinite(one.confidence) for one in sentiments)


def _scored(
    document: Document, text: str, score: TextScore, linker: Linker, model: ModelRef, now: datetime
) -> ScoredDocument:
    entities = linker.link(text, score.entities)
    return ScoredDocument(
        **_own(document),
        text=text,
        sentiment=score.sentiment,
        entities=entities,
        symbols=tuple(sorted({entity.symbol for entity in entities if entity.symbol})),
        model=model,
        scored_at=now,
        status="scored",
    )


def _unscored(document: Document, text: str, reason: UnscoredReason, now: datetime) -> ScoredDocument:
    return ScoredDocument(**_own(document), text=text, scored_at=now, status="unscored", unscored_reason=reason)


def _own(document: Document) -> dict[str, Any]:
    return {field: getattr(document, field) for field in _FIELDS}


def _repeats(summary: str, title: str) -> bool:
    ours, theirs = plain(summary).casefold().rstrip(" .…"), plain(title).casefold().rstrip(" .…")
    return bool(ours) and theirs.startswith(ours)


def _base(language: str | None) -> str:
    """`en` of `en-GB`, `EN_us` and `English`."""
    code = re.split(r"[-_]", (language or "").strip().lower())[0]
    return "en" if code == "english" else code
