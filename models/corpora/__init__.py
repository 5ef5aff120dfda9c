"""Labelled sets, read from a folder by path into one normal form (`items.Item`). Nothing of them is ever committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from models.corpora import (
    comparisons,
    contrasts,
    desk,
    directions,
    fomc,
    more_ner,
    ner,
    phrasebank,
    phrases,
    sentfin,
    targets,
    toy,
    tweets,
    weak,
)
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
        Corpus(
            "contrasts",
            (),
            lambda root: contrasts.load(),
            "our own words",
            "Made-up sentences in which one word decides",
        ),
        Corpus(
            "desk",
            (),
            lambda root: desk.load(),
            "our own words",
            "Made-up sentences in pairs: costs, courts, rivals, numbers",
        ),
        Corpus(
            "phrases",
            (),
            lambda root: phrases.load(),
            "our own words",
            "Made-up sentences for the student: turns of phrase, two companies, numbers to compare",
        ),
        Corpus(
            "comparisons",
            (),
            lambda root: comparisons.load(),
            "our own words",
            "Made-up sentences for the student: figures and what they were before or ought to have been",
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
        Corpus(
            "ner_btc",
            (
                "ner_btc/a.conll",
                "ner_btc/b.conll",
                "ner_btc/e.conll",
                "ner_btc/f.conll",
                "ner_btc/g.conll",
                "ner_btc/h.conll",
            ),
            lambda root: more_ner.load_btc(root / "ner_btc"),
            "CC BY 4.0",
            "Broad Twitter Corpus (Derczynski et al. 2016)",
        ),
        Corpus(
            "ner_sec_filings",
            ("ner_sec_filings/FIN5_train.txt", "ner_sec_filings/FIN3_test.txt"),
            lambda root: more_ner.load_sec_filings(root / "ner_sec_filings"),
            "CC BY 3.0",
            "Loan agreements out of SEC filings (Salinas Alvarado et al. 2015)",
        ),
        Corpus(
            "ner_fire",
            ("ner_fire/fire_dev.json",),
            lambda root: more_ner.load_fire(root / "ner_fire"),
            "CC BY 4.0",
            "FIRE financial relations, dev file (Hamad et al. 2024)",
        ),
        Corpus(
            "ner_gum",
            ("ner_gum/gum-train.conll", "ner_gum/gum-test.conll"),
            lambda root: more_ner.load_gum(root / "ner_gum"),
            "CC BY, BY-SA and BY-NC-SA by genre (partly non-commercial)",
            "GUM (Zeldes 2017)",
        ),
        Corpus(
            "ner_re3d",
            ("ner_re3d/re3d-train.conll", "ner_re3d/re3d-test.conll"),
            lambda root: more_ner.load_re3d(root / "ner_re3d"),
            "mixed by source: OGL, CC BY-SA, CC BY-NC (partly non-commercial)",
            "re3d (Dstl 2017)",
        ),
        Corpus(
            "fomc",
            tuple(f"fomc_hawkish_dovish/{name}" for name in fomc.FILES),
            lambda root: fomc.load(root / "fomc_hawkish_dovish"),
            "CC BY-NC 4.0 (non-commercial)",
            "FOMC sentences, hawkish or dovish (Shah et al. 2023)",
        ),
        Corpus(
            "stockemotions",
            ("stockemotions/train_stockemo.csv", "stockemotions/val_stockemo.csv"),
            lambda root: weak.load_stockemotions(root / "stockemotions"),
            "not stated; research (posts under the platform's terms)",
            "StockEmotions (Lee et al. 2023), tagged by the posts' authors",
        ),
        Corpus(
            "stock_tweets_5791",
            ("stock_tweets_5791/stock_sentiment.csv",),
            lambda root: weak.load_stock_tweets(root / "stock_tweets_5791"),
            "not stated",
            "Stock-Market Sentiment tweets, noisy, without neutral",
        ),
        Corpus(
            "apple_twitter_dfe",
            ("apple_twitter_dfe/Apple-Twitter-Sentiment-DFE.csv",),
            lambda root: weak.load_apple(root / "apple_twitter_dfe"),
            "not stated",
            "Consumers' tweets about Apple (CrowdFlower 2014)",
        ),
        Corpus(
            "gold_commodity",
            ("gold_commodity/gold-dataset-sinha-khandait.tsv",),
            lambda root: weak.load_gold(root / "gold_commodity"),
            "CC BY-NC-ND 4.0 (non-commercial)",
            "Headlines on gold by the direction of its price (Sinha & Khandait 2021)",
        ),
    )
}
