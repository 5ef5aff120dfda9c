"""Texts told again, sentences of our own, and texts without labels."""

import lzma
import os
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from models import joined
from models.augment import augment, retell
from models.corpora import contrasts, directions, unlabelled
from models.corpora.items import Item, Span
from models.corpora.toy import load as toy_items
from models.joined import join_parts

DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", Path(__file__).parents[3] / "shared" / "data"))
RISE = Item(
    dataset="x",
    text="Net sales of Alder Bank rose to EUR 14.2 mn from EUR 11.9 mn in 2009 , it said",
    story="positive",
    spans=(Span(13, 23, "ORG", "positive"),),
    ignored=((74, 76),),
)


def told(seed: int, names: tuple[str, ...] = ("Quarry Foods",)) -> Item:
    return retell(RISE, names, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(30))
def test_a_rise_stays_a_rise(seed: int) -> None:
    item = told(seed)
    numbers = [float(word) for word in item.text.split() if word.replace(".", "").isdigit() and "." in word]
    assert numbers[0] > numbers[1] > 11.9
    assert "2009" in item.text
    assert (item.story, item.spans[0].sentiment) == ("positive", "positive")
    assert any(word in item.text for word in ("rose", "climbed", "advanced"))
    assert item.text[item.spans[0].start : item.spans[0].end] in ("Alder Bank", "Quarry Foods")
    assert [item.text[a:b] for a, b in item.ignored] == [RISE.text[74:76]]


def test_names_numbers_and_words_all_change() -> None:
    texts = [told(seed).text for seed in range(40)]
    assert {"Alder Bank" in text for text in texts} == {True, False}
    assert {"rose" in text for text in texts} == {True, False}
    assert not any("14.2" in text for text in texts)


def test_keys_slip_and_wires_and_posts_dress_a_text() -> None:
    items = [told(seed) for seed in range(200)]
    slips = [item for item in items if "sales" not in item.text and "revenue" not in item.text]
    assert 0 < len(slips) < 40
    dressed = [item for item in items if not (item.text.startswith("Net ") and item.text.endswith(" said"))]
    assert 20 < len(dressed) < 80
    assert {item.text.startswith("Net ") for item in dressed} == {True, False}
    assert {item.text[item.spans[0].start : item.spans[0].end] for item in items} == {"Alder Bank", "Quarry Foods"}


def test_retold_items_are_as_many_as_asked_and_the_same_each_time() -> None:
    items = toy_items()
    made = augment(items, count=25, seed=3)
    assert len(made) == 25
    assert made == augment(items, count=25, seed=3)
    assert not {item.text for item in made} & {item.text for item in items if not item.spans}
    assert augment([], count=5, seed=1) == []


@pytest.mark.parametrize("module", [contrasts, directions])
def test_our_own_sentences_name_what_they_label(module: object) -> None:
    items = module.load()  # type: ignore[attr-defined]
    assert {item.fixed for item in items} == {"train"}
    for item in items:
        for span in item.spans:
            assert item.text[span.start : span.end].strip()
            assert "{" not in item.text
    labels = Counter(item.story for item in items if item.story)
    assert min(labels.values()) > 0.1 * sum(labels.values())


def test_one_word_decides_and_who_is_sued_is_not_who_sues() -> None:
    by_text = {item.text.split(maxsplit=1)[-1]: item for item in contrasts.load()}
    narrowed = next(item for text, item in by_text.items() if "loss narrowed" in text or "loss shrank" in text)
    widened = next(item for text, item in by_text.items() if "loss widened" in text or "loss rose" in text)
    assert (narrowed.story, widened.story) == ("positive", "negative")
    suits = [
        item for item in contrasts.load() if " sues " in item.text or ("takes" in item.text and "court" in item.text)
    ]
    assert suits
    assert all(len({span.sentiment for span in item.spans}) == 2 for item in suits)


def corpus(folder: Path, titles: list[tuple[str, str]]) -> None:
    path = folder / "corpus_reuters_titles" / "reuters_press_titles.tsv.xz"
    path.parent.mkdir(parents=True)
    with lzma.open(path, "wt", encoding="utf-8") as stream:
        stream.write("date\toverlap\ttitle\n" + "".join(f"20070403\t{o}\t{title}\n" for o, title in titles))


def test_a_sample_holds_no_labelled_text_and_none_twice(tmp_path: Path) -> None:
    titles = [("", f'Alder Bank opens its "{n}th" branch in town number {n}') for n in "abcdefgh"]
    corpus(tmp_path, [*titles, ("sentfin", "Quarry Foods raises its outlook for the year"), ("", "short"), titles[0]])
    found = unlabelled.sample({"press": 100}, root=tmp_path, seed=1, held_out=[])
    assert sorted(found) == sorted(title for _, title in titles)
    copy = "Alder Bank opens its cth branch in town number c"
    fewer = unlabelled.sample({"press": 100}, root=tmp_path, seed=1, held_out=[copy])
    assert len(fewer) < len(found)
    assert titles[2][1] not in fewer
    assert len(unlabelled.sample({"press": 3}, root=tmp_path, seed=1, held_out=[])) == 3


def test_sources_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no source 'wires'"):
        unlabelled.sample({"wires": 1}, root=tmp_path, seed=1, held_out=[])
    with pytest.raises(FileNotFoundError, match="reuters_wire"):
        unlabelled.sample({"wire": 1}, root=tmp_path, seed=1, held_out=[])


@pytest.mark.skipif(
    not (DATASETS / "corpus_finviz_2025").is_dir() and os.environ.get("CI") != "true", reason="no corpora here"
)
@pytest.mark.parametrize("name", ["press", "headlines", "finviz", "biotech", "stocknet", "stockemotions"])
def test_the_real_corpora_are_read(name: str) -> None:
    found = unlabelled.sample({name: 200}, root=DATASETS, seed=1, held_out=[])
    assert len(found) > 150
    assert all("\t" not in text and len(text) >= unlabelled.SHORTEST for text in found)


def test_a_zip_in_parts_is_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "CACHE", tmp_path / "cache")
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("base/model.safetensors", b"x" * 5000)
        archive.writestr("base/config.json", "{}")
    content = (tmp_path / "m.zip").read_bytes()
    site = tmp_path / "site"
    for number in (1, 2, 3):
        part = content[(number - 1) * 2000 : number * 2000 if number < 3 else None]
        name, info = f"some-base-part_00{number}", site / f"some_base_part_00{number}-0.0.1.dist-info"
        (site / name / "input").mkdir(parents=True)
        (site / name / "input" / f"m.zip.00{number}").write_bytes(part)
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: some-base-part-00{number}\nVersion: 0.0.1\n")
        (info / "RECORD").write_text(f"{name}/input/m.zip.00{number},,\n")
    monkeypatch.syspath_prepend(str(site))
    folder = join_parts("some-base-part")
    assert (folder / "model.safetensors").stat().st_size == 5000
    assert join_parts("some-base-part") == folder
    with pytest.raises(FileNotFoundError, match="pip install other-base-part-001"):
        join_parts("other-base-part")
