"""Entity sets with token tags: FiNER-ORD, CoNLL++, WikiGold, WNUT-17. PER, LOC and ORG are annotated, ASSET is not.

Tokens are joined by one blank; BERT's tokenizer splits at punctuation, so that equals running text.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from models.corpora.items import Item, Span, Split

NEWS_GROUPS: Final = ("ORG", "PER", "LOC")
_FINER: Final = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
_WNUT: Final = {"corporation": "ORG", "group": "ORG", "person": "PER", "location": "LOC"}


def load_finer(folder: Path) -> list[Item]:
    """FiNER-ORD: financial news. A document stays on one side; the authors' validation file is the test set."""
    items: list[Item] = []
    for name, fixed in (("train.csv", None), ("val.csv", "test")):
        sentences: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        with (folder / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                tag = _FINER[int(row["gold_label"])]
                sentences[row["doc_idx"], row["sent_idx"]].append((row["gold_token"], tag))
        for (document, _), tokens in sentences.items():
            items.append(
                from_tokens("ner_finer_ord", tokens, fixed="test" if fixed else None, unit=f"finer {document}")
            )
    return items


def load_conll(folder: Path, *, keep: float = 0.3) -> list[Item]:
    """CoNLL++: `keep` of its training sentences (much of it is sport), and the corrected test file as test set."""
    train = [s for s in sentences(folder / "conllpp_train.txt", column=3) if _share(s) < keep]
    items = [from_tokens("ner_conllpp", s, fixed="train") for s in train]
    return items + [
        from_tokens("ner_conllpp", s, fixed="test") for s in sentences(folder / "conllpp_test.txt", column=3)
    ]


def load_wikigold(folder: Path) -> list[Item]:
    """WikiGold: sentences of Wikipedia."""
    return [from_tokens("ner_wikigold", s) for s in sentences(folder / "wikigold.conll.txt", column=1)]


def load_wnut(folder: Path) -> list[Item]:
    """WNUT-17: posts. Corporations and groups are ORG."""
    found = sentences(folder / "wnut17train.conll", column=1)
    return [from_tokens("ner_wnut17", s, kind_post=True) for s in found]


def from_tokens(
    dataset: str,
    tokens: list[tuple[str, str]],
    *,
    fixed: Split | None = None,
    unit: str | None = None,
    kind_post: bool = False,
    exhaustive: tuple[str, ...] = NEWS_GROUPS,
) -> Item:
    """Tokens with BIO or IOB1 tags of any set, as an item. Groups other than ORG, PER and LOC become unlabelled."""
    text = " ".join(token for token, _ in tokens)
    return Item(
        dataset=dataset,
        text=text,
        kind="post" if kind_post else "sentence",
        spans=tuple(_spans(tokens)),
        exhaustive=exhaustive,
        fixed=fixed,
        unit=unit,
    )


def _spans(tokens: Iterable[tuple[str, str]]) -> Iterator[Span]:
    at, open_group, open_start, end = 0, None, 0, 0
    for token, tag in tokens:
        prefix, _, name = tag.partition("-")
        group = _WNUT.get(name, name) if name else None
        if group not in NEWS_GROUPS:
            group = None
        if open_group is not None and (group != open_group or prefix == "B"):
            yield Span(open_start, end, open_group)
            open_group = None
        if group is not None and open_group is None:
            open_group, open_start = group, at
        end = at + len(token)
        at = end + 1
    if open_group is not None:
        yield Span(open_start, end, open_group)


def sentences(path: Path, *, column: int) -> list[list[tuple[str, str]]]:
    """A file of tokens, one a line with its tag in `column`, sentences apart by a blank line."""
    sentences: list[list[tuple[str, str]]] = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if not fields:
            sentences.append([])
        elif not line.startswith("-DOCSTART-") and len(fields) > column:
            sentences[-1].append((fields[0], fields[column]))
    return [sentence for sentence in sentences if sentence]


def _share(tokens: list[tuple[str, str]]) -> float:
    """A fixed place in 0…1 for a sentence: the same part is taken in every run."""
    return int.from_bytes(hashlib.sha256(" ".join(t for t, _ in tokens).encode()).digest()[:4], "big") / 2**32
