"""Labelled sets, read from a folder by path into one normal form (`items.Item`). Nothing of them is ever committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from models.corpora import directions, ner, phrasebank, sentfin, targets, toy, tweets
from models.corpora.items import Item, Span

__all__ = ["CORPORA", "Corpus", "Item", "Span"]


class Corpus(msgspec.Struct, frozen=True):
    """A labelled set: where it lies under the datasets folder, how to read it, and what its licence allows."""

    name: str
    files: tuple[str, ...]  # relative to the datasets folder; fingerprinted in the artefact
    load: Callable[[Path], list[Item]]
    licence: str
    about: str


CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            "directions",
            (),
            lambda root: directions.load(),
            "our own words",
            "Made-up sentences on direction and conflict",
        ),
        Corpus("toy", (), lambda root: toy.load(), "our own words", "Made-up headlines for tests"),
        Corpus(
            "phrasebank",
            ("phrasebank/phrasebank.csv",),
            lambda root: phrasebank.load(root / "phrasebank"),
            "CC BY-NC-SA 3.0 (non-commercial)",
            "Financial PhraseBank 1.0 (Malo et al. 2014)",
        ),
        Corpus(
            "twitter_financial_news",
            ("twitter_financial_news/sent_train.csv",),
            lambda root: tweets.load(root / "twitter_financial_news"),
            "MIT (posts under the platform's terms)",
            "Twitter Financial News Sentiment 1.0",
        ),
        Corpus(
            "sentfin",
            ("sentfin/sentfin_long.csv",),
            lambda root: sentfin.load(root / "sentfin"),
            "MIT",
            "SEntFiN 1.0 (Sinha et al. 2022)",
        ),
        Corpus(
            "semeval_fiqa",
            ("semeval2017_task5/semeval2017_task5.csv", "fiqa2018/fiqa_task1.csv"),
            lambda root: targets.load(root / "semeval2017_task5", root / "fiqa2018"),
            "not stated; released for research (posts under the platforms' terms)",
            "SemEval-2017 Task 5 and FiQA 2018 Task 1, one set",
        ),
        Corpus(
            "ner_finer_ord",
            ("ner_finer_ord/train.csv", "ner_finer_ord/val.csv"),
            lambda root: ner.load_finer(root / "ner_finer_ord"),
            "CC BY-NC 4.0 (non-commercial)",
            "FiNER-ORD (Shah et al. 2023)",
        ),
        Corpus(
            "ner_conllpp",
            ("ner_conllpp/conllpp_train.txt", "ner_conllpp/conllpp_test.txt"),
            lambda root: ner.load_conll(root / "ner_conllpp"),
            "annotations Apache-2.0; text Reuters RCV1, research only",
            "CoNLL++ (Wang et al. 2019) on CoNLL-2003",
        ),
        Corpus(
            "ner_wikigold",
            ("ner_wikigold/wikigold.conll.txt",),
            lambda root: ner.load_wikigold(root / "ner_wikigold"),
            "CC BY 4.0",
            "WikiGold (Balasuriya et al. 2009)",
        ),
        Corpus(
            "ner_wnut17",
            ("ner_wnut17/wnut17train.conll",),
            lambda root: ner.load_wnut(root / "ner_wnut17"),
            "CC BY 4.0",
            "WNUT-17 emerging entities (Derczynski et al. 2017)",
        ),
    )
}
