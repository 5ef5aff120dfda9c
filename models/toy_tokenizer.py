"""A small WordPiece tokenizer of BERT's kind, made of the items at hand: for a random base, that is for tests.

Its vocabulary is every word of the texts, sorted, and single characters for the rest: the same texts give the same one
(a trained one differs from run to run where pieces tie).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"()$%&-/"


def make_tokenizer(texts: Iterable[str], path: Path) -> None:
    """Write `path`, a `tokenizer.json`."""
    words = sorted({word for text in texts for word in re.findall(r"\w+", text.lower())} - set(_CHARACTERS))
    pieces = [*_SPECIAL, *_CHARACTERS, *(f"##{char}" for char in _CHARACTERS if char.isalnum()), *words]
    tokenizer = Tokenizer(models.WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.save(str(path))
