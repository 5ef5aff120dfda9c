"""What a refresh learns from: stories as they were known at a moment, labels that say what they mean."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import models
from models.config import load_recipe
from models.corpora import given
from models.fresh import freshened, known_lines, write_labels, write_lines
from riskwire.errors import InputError
from riskwire.testing import MemoryIndex, a_story

NOW = datetime(2026, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST, CORRECTED, BACKFILL = "What was said at first", "What was corrected since", "A backfill of very old news"
RECIPES = Path(models.__file__).parent / "configs"


def story(number: int, text: str, *, days_ago: float, seen_days_ago: float | None = None, **fields: object):
    seen = NOW - DAY * (days_ago if seen_days_ago is None else seen_days_ago)
    return a_story(number, text=text, event_time=NOW - DAY * days_ago, seen_at=seen, **fields)


@pytest.fixture
def index():
    return MemoryIndex()


def lines(index, *, since=None, until=NOW):
    return list(known_lines(index, since=since, until=until))


def test_scored_stories_of_the_time_line_by_line(index):
    index.put(
        [
            story(1, "Alder Bank warns of a loss\nIt sees  a weak\tyear ahead", days_ago=1),
            story(2, "An old one that is long past", days_ago=40),
            story(3, "", days_ago=1, status="unscored", unscored_reason="empty"),
            story(
                4,
                "Ein deutscher Text ist das hier",
                days_ago=1,
                status="unscored",
                unscored_reason="unsupported_language",
            ),
            story(5, "An invented crisis at a bank", days_ago=1, origin="demo"),
        ]
    )
    new = ["Alder Bank warns of a loss", "It sees  a weak year ahead"]
    assert lines(index, since=NOW - 30 * DAY) == new
    assert lines(index) == [*new, "An old one that is long past"]


def test_short_lines_are_left_out_and_long_ones_cut_at_a_blank(index):
    index.put([story(1, "Too short\n" + "profit " * 100, days_ago=1)])
    found = lines(index)
    assert " ".join(found) == ("profit " * 100).strip()
    assert all(20 <= len(line) <= 300 for line in found)


def test_what_was_not_known_then_is_left_out(index):
    index.put([story(1, FIRST, days_ago=3), story(2, BACKFILL, days_ago=9, seen_days_ago=1)])
    index.put([story(1, CORRECTED, days_ago=1, seen_days_ago=1, revision=2)])
    assert sorted(lines(index)) == [BACKFILL, CORRECTED]
    assert lines(index, until=NOW - 2 * DAY) == [FIRST]
    index.put([story(1, "", days_ago=3, seen_days_ago=0.5, revision=3, status="removed")])
    assert lines(index, until=NOW - 2 * DAY) == []  # removed means everywhere


def test_all_pages_are_read(index):
    index.put([story(number, f"A story with the number {number}", days_ago=number / 100) for number in range(1, 1203)])
    assert len(set(lines(index))) == 1202


def test_each_line_is_written_once(tmp_path):
    assert write_lines(tmp_path / "texts", iter(["a b", "c", "a b", "lone \ud800 half"])) == 3
    assert (tmp_path / "texts").read_text(encoding="utf-8").splitlines() == ["a b", "c", "lone ? half"]


def test_labels_are_read_as_training_reads_them(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '\ufeff{"text": "Alder\u2028warns", "label": "negative"}\n\n'
        '{"text": "Profit rises", "label": "positive", "by": "me"}\n',
        encoding="utf-8",
    )
    assert write_labels(path, tmp_path / "kept") == 2
    items = given.load(tmp_path / "kept")
    assert [(item.text, item.story) for item in items] == [("Alder warns", "negative"), ("Profit rises", "positive")]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"text": "x"}',
        '{"text": "x", "label": "bad"}',
        '{"text": " ", "label": "neutral"}',
        '{"text": 1, "label": "neutral"}',
    ],
)
def test_a_line_that_is_no_label_is_named(tmp_path, line):
    path = tmp_path / "mine.jsonl"
    path.write_text(f'{{"text": "fine", "label": "neutral"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.jsonl:2"):
        write_labels(path, tmp_path / "kept")


def test_labels_that_can_not_be_read(tmp_path):
    with pytest.raises(InputError, match="can't be read"):
        write_labels(tmp_path / "none.jsonl", tmp_path / "kept")
    (tmp_path / "bad.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="can't be read"):
        write_labels(tmp_path / "bad.jsonl", tmp_path / "kept")


def test_a_recipe_learns_from_the_lines_too_and_says_as_of_when():
    recipe = load_recipe(RECIPES / "toy.toml")
    fresh = freshened(recipe, until=NOW, lines=70)
    assert fresh.version == f"{recipe.version}+20260201T0000"
    assert fresh.pretrain.unlabelled == {**recipe.pretrain.unlabelled, "given": 70}
    assert fresh.distil.unlabelled == {**recipe.distil.unlabelled, "given": 70}
    few = freshened(recipe, until=NOW, lines=3)
    assert (few.pretrain, few.distil) == (recipe.pretrain, recipe.distil)
