"""No held-out text, nor a near-copy of one, is learnt from: searched anew, without the hashing of the splits."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from models.config import load_recipe
from models.corpora.items import Item, text_key
from models.corpora.splits import SIMILAR, Sides
from models.evaluate_artefact import sides_of

ROOT = Path(__file__).parents[2]
DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def sides() -> Sides:
    if not (DATASETS / "phrasebank").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no data sets under {DATASETS}: set RISKWIRE_DATASETS")
        pytest.skip(f"no data sets under {DATASETS}: set RISKWIRE_DATASETS")
    return sides_of(load_recipe(ROOT / "models" / "configs" / "minilm.toml"), DATASETS)


def grams(text: str) -> frozenset[str]:
    words = text_key(text).split()
    return frozenset(" ".join(words[n : n + 3]) for n in range(max(1, len(words) - 2)))


def near_copies(these: Sequence[Item], those: Sequence[Item]) -> list[tuple[str, str]]:
    """Every pair with a Jaccard index of `SIMILAR` or more, by an index of all 3-grams: exact, where MinHash is not."""
    index: dict[str, list[int]] = defaultdict(list)
    there = [grams(item.text) for item in those]
    for number, own in enumerate(there):
        for gram in own:
            index[gram].append(number)
    found = []
    for item in these:
        own = grams(item.text)
        for number, common in Counter(n for gram in own for n in index.get(gram, ())).items():
            if common >= SIMILAR * (len(own) + len(there[number]) - common):
                found.append((item.text, those[number].text))
    return found


def test_the_search_finds_near_copies() -> None:
    one = Item("x", "Alder said its net sales rose to EUR 3.1 mn in the third quarter of the year")
    other = Item("y", "Alder said its net sales rose to EUR 9.9 mn in the third quarter of the year .")
    assert near_copies([one], [other, Item("y", "Birch fell")]) == [(one.text, other.text)]


@pytest.mark.parametrize(("held_out", "learnt"), [("test", "train"), ("test", "dev"), ("dev", "train")])
def test_no_near_copy_on_another_side(sides: Sides, held_out: str, learnt: str) -> None:
    assert not near_copies(sides.side(held_out), sides.side(learnt))[:5]  # type: ignore[arg-type]


def test_documents_stay_whole(sides: Sides) -> None:
    """FiNER-ORD's sentences of one document are on one side."""
    where = {
        name: {item.unit for item in sides.side(name) if item.unit}  # type: ignore[arg-type]
        for name in ("train", "dev", "test")
    }
    assert not where["train"] & where["dev"]
    assert not (where["train"] | where["dev"]) & where["test"]
