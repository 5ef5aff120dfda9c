"""rules.yml: good files load, bad ones are named by line and column. A bad file's first line says what is expected."""

from datetime import timedelta
from pathlib import Path

import pytest

from alerts.durations import format_duration, parse_duration
from alerts.loader import load_rules, parse_rules
from alerts.rules import NegativeShare, Threshold
from alerts.templates import fill
from riskwire.errors import RulesError

RULES = Path(__file__).parents[1] / "data" / "rules"
BAD = sorted(path for path in RULES.glob("bad-*.yml") if path.stat().st_size)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_mistake_is_named_by_its_place(path: Path) -> None:
    place, _, what = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(" ")
    with pytest.raises(RulesError) as caught:
        load_rules(path)
    assert caught.value.about == f"{path}:{place}"
    assert what in str(caught.value).lower()
    assert caught.value.hint, "it says what to do"
    assert caught.value.exit_code == 2


def test_the_default_rules_load() -> None:
    names = [rule.name for rule in load_rules().rules]
    assert names == ["company-sentiment-collapse", "company-negative-news", "market-mood-slump", "source-in-trouble"]


def test_a_minimal_file() -> None:
    (rule,) = load_rules(RULES / "good-minimal.yml").rules
    assert isinstance(rule, Threshold)
    assert (rule.aggregate, rule.below, rule.min_documents, rule.severity) == ("mean", -0.5, 1, "warning")


def test_every_key() -> None:
    watch, share, buzz = load_rules(RULES / "good-everything.yml").rules
    assert isinstance(watch, Threshold)
    assert isinstance(buzz, Threshold)
    assert watch.window == timedelta(minutes=90)
    assert watch.hold == timedelta(minutes=5)
    assert watch.match.symbols == ("HWKB", "BRK.B")
    assert watch.match.sources == ("Northgate Wire",)
    assert watch.match.min_confidence == 0.6
    assert watch.notify.group_wait == timedelta(seconds=30)  # its own
    assert watch.notify.group_by == ("symbol",)  # the file's
    assert not watch.notify.send_resolved
    assert isinstance(share, NegativeShare)
    assert share.notify.group_wait == timedelta(0)
    assert (buzz.group_by, buzz.threshold) == ("market", 100)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"rules: []\n" + b"#" * 300_000, "larger than"),
        (b"[" * 10_000, "nested too deeply"),
        (b"rules: \x00", "not valid YAML"),
        (b"? [a, b]\n: 1\n", "not a text"),
    ],
)
def test_files_that_are_no_rules(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_bytes(content)
    with pytest.raises(RulesError, match=message):
        load_rules(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="is not there"):
        load_rules(tmp_path / "none.yml")
    with pytest.raises(RulesError, match="can't be read"):
        load_rules(tmp_path)


def test_aliases_cannot_blow_up() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"b{i}: &b{i} [*a,*a,*a,*a,*a,*a,*a]\n" for i in range(30))
    with pytest.raises(RulesError, match=r":1:4: anchors"):
        parse_rules(bomb)


def test_a_broken_line_in_a_message_stays_one_line() -> None:
    with pytest.raises(RulesError) as caught:
        parse_rules('rules:\n  - "na\\nme\\e[31m": x\n')
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("6h", 21600), ("2d", 172800), ("1h30m", 5400), ("0s", 0)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds
    assert parse_duration(format_duration(timedelta(seconds=seconds))).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "1.5h", "-5m", "5 m", "1m1h", "5M", "٥m" * 9])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


def test_templates_only_fill_in() -> None:
    values = {"symbol": "{value}{{7*7}}", "value": "1"}
    assert fill("{symbol} {value} {{ 7*7 }} {symbol.__class__} {nope}", values) == (
        "{value}{{7*7}} 1 {{ 7*7 }} {symbol.__class__} {nope}"
    )
