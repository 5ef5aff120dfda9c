"""A `tokenizer.json` for a base that, like FinBERT, has only BERT's `vocab.txt`."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers


def tokenizer_of(folder: Path, path: Path) -> Path:
    """The base's `tokenizer.json`; where there is none, `path`, written from its `vocab.txt`.

    Raises FileNotFoundError where there is neither.
    """
    if (folder / "tokenizer.json").is_file():
        return folder / "tokenizer.json"
    if not (folder / "vocab.txt").is_file():
        raise FileNotFoundError(f"{folder} has neither tokenizer.json nor vocab.txt")
    if not path.is_file():
        settings = folder / "tokenizer_config.json"
        lower = not settings.is_file() or json.loads(settings.read_text(encoding="utf-8")).get("do_lower_case", True)
        words = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))  # noqa: S106
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        tokenizer.save(str(path))
    return path
