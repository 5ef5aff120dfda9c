"""The catalogue names every set with its licence; the data card counts what is there; the commands say what to do."""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from models.corpora import CORPORA, desk, fomc
from models.corpora.unlabelled import SOURCES
from models.datasets import convert
from models.datasets.catalogue import OWN, Entry, File, load
from models.datasets.describe import describe
from riskwire.cli.app import build_app
from riskwire.errors import InputError

ROWS = load()


def run(*words: str) -> Result:
    return CliRunner().invoke(build_app(), ["datasets", *words])


def test_every_set_that_is_not_ours_has_its_row() -> None:
    known = {**CORPORA, **SOURCES}
    assert set(ROWS) == {name for name, found in known.items() if found.licence != OWN}
    assert all((name in known and known[name].licence == OWN) for name in ("directions", "contrasts", "desk", "toy"))


@pytest.mark.parametrize("entry", ROWS.values(), ids=ROWS)
def test_a_row_says_where_it_is_and_what_is_allowed(entry: Entry) -> None:
    assert entry.address.startswith("https://")
    assert entry.files or len(entry.how) > 30
    made = {"phrasebank": "phrasebank/phrasebank.csv", "sentfin": "sentfin/sentfin_long.csv"}.get(entry.convert)
    there = {file.place for file in entry.files} | ({made} if made else set())
    assert not entry.files or set(entry.needed) <= there
    assert entry.convert in ("", *convert.CONVERT)
    for file in entry.files:
        assert file.url.startswith("https://")
        assert Path(file.place).parts[0] == Path(entry.needed[0]).parts[0]
        assert ".." not in Path(file.place).parts
        assert file.sha256 is None or len(file.sha256) == 64
    if "non-commercial" in entry.licence or "research" in entry.licence:
        assert "commercial use" in entry.limits()
    if "not stated" in entry.licence or "none stated" in entry.licence:
        assert not entry.files


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ('commercial = "maybe"\nredistribute = "yes"\nhow = "ask"', "yes, no or"),
        ('commercial = "yes"\nredistribute = "yes"', "neither fetched nor told"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, word: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'[[set]]\nname = "sentfin"\naddress = "https://x"\n{row}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=word):
        load(path)


def write_bank(root: Path, *rows: str) -> None:
    (root / "phrasebank").mkdir(parents=True)
    (root / "phrasebank" / "phrasebank.csv").write_text(
        "sentence,label,min_agreement\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8"
    )


def test_the_card_counts_labels_copies_and_shared_texts(tmp_path: Path) -> None:
    write_bank(
        tmp_path,
        "Sales of the quarry rose by 4 per cent this year,positive,100",
        "Sales of the quarry rose by 4 per cent this year,positive,100",
        "The board meets in Oslo on the third of May,neutral,66",
        "The board meets in Oslo on the third of May,negative,50",
        "Costs went up and profit went down at the mill,negative,75",
    )
    (tmp_path / "twitter_financial_news").mkdir()
    (tmp_path / "twitter_financial_news" / "sent_train.csv").write_text(
        "text,label\nSales of the quarry rose by 5 per cent this year https://t.co/x,1\n$AB flies,1\n", encoding="utf-8"
    )
    bank, posts, fin = describe(tmp_path, ("phrasebank", "twitter_financial_news", "sentfin"))
    assert (bank.texts, bank.labels) == (5, {"positive": 2, "neutral": 1, "negative": 2})
    assert bank.dropped["same text, other label"] == 2
    assert bank.dropped["repeated"] == 1
    assert bank.overlaps == {"twitter_financial_news": 2}
    assert posts.overlaps == {"phrasebank": 1}
    assert sum(bank.sides.values()) == 2
    assert "commercial use: no" in bank.forbids
    assert (fin.there, fin.texts, posts.forbids) == (False, 0, "")


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    write_bank(tmp_path, "One,positive,many")
    with pytest.raises(InputError, match=r"phrasebank\.csv: not the file of phrasebank"):
        describe(tmp_path, ("phrasebank",))
    (tmp_path / "fomc_hawkish_dovish").mkdir()
    for name in fomc.FILES:
        (tmp_path / "fomc_hawkish_dovish" / name).write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(InputError, match="not the file of fomc"):
        describe(tmp_path, ("fomc",))


def test_describe_prints_a_row_a_set(tmp_path: Path) -> None:
    write_bank(tmp_path, "Sales rose,positive,100")
    found = run("describe", "phrasebank", "ner_btc", "--datasets", str(tmp_path), "--format", "csv")
    assert found.exit_code == 0
    head, bank, btc = found.output.strip().splitlines()
    assert head.startswith("name,about,licence,forbids,there,texts,labels")
    assert "CC BY-NC-SA 3.0" in bank
    assert ",false,0," in btc
    table = run("describe", "phrasebank", "--datasets", str(tmp_path)).output
    assert "positive 100%" in table
    assert "commercial use: no" in table


def test_fetch_tells_how_and_what_the_licence_forbids(tmp_path: Path) -> None:
    found = run("fetch", "ner_conllpp", "stock_tweets_5791", "--datasets", str(tmp_path))
    assert found.exit_code == 0
    assert "research under an agreement" in found.output
    assert "commercial use: no, redistribution: no" in found.output
    assert "https://www.kaggle.com/" in found.output
    write_bank(tmp_path, "Sales rose,positive,100")
    assert "there already" in run("fetch", "phrasebank", "--datasets", str(tmp_path)).output


def test_one_set_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Entry("ner_wikigold", "https://x.example", True, True, (File("http://127.0.0.1:9/a", "ner_wikigold/a"),))
    monkeypatch.setattr("models.datasets.catalogue.load", lambda: {bad.name: bad, "ner_conllpp": ROWS["ner_conllpp"]})
    found = run("fetch", "--datasets", str(tmp_path))
    assert found.exit_code == 1
    assert "a private or local address" in found.output
    assert "ner_conllpp" in found.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fetch", "nonesuch", "--datasets", "x"), "there is no such set"),
        (("describe", "wire", "--datasets", "x"), "there is no such set"),
        (("describe",), "--datasets"),
    ],
)
def test_wrong_calls_are_told(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str) -> None:
    monkeypatch.delenv("RISKWIRE_DATASETS", raising=False)
    found = run(*words)
    assert found.exit_code != 0
    assert said in str(found.exception)


def test_desk_sentences_come_in_balance() -> None:
    items = desk.load()
    stories = [item.story for item in items]
    assert stories.count("positive") == stories.count("negative") > 400
    assert len({item.text for item in items}) > 0.95 * len(items)
    said: dict[str, set[str | None]] = {}
    for item in items:
        for span in item.spans:
            said.setdefault(item.text[span.start : span.end].casefold(), set()).add(span.sentiment)
    assert [name for name, labels in said.items() if not {"positive", "negative"} <= labels] == []
