"""Financial PhraseBank: sentences of news with the share of annotators who agreed.

Its text is tokenised ("Plc 's"); BERT's tokenizer splits at punctuation anyway, so tokens are those of running text
(tests/unit/test_models_encoding.py holds that).
"""

from __future__ import annotations

import csv
from pathlib import Path

from models.corpora.items import Item


def load(folder: Path) -> list[Item]:
    """Items with a story label and `agreement` in 50, 66, 75, 100."""
    with (folder / "phrasebank.csv").open(encoding="utf-8", newline="") as file:
        return [
            Item(dataset="phrasebank", text=row["sentence"], story=row["label"], agreement=int(row["min_agreement"]))
            for row in csv.DictReader(file)
        ]
