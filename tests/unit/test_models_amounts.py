"""Which of two amounts is the larger: what is compared, and what isn't."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.amounts import LARGER, MARKS, SMALLER, marks
from models.artefact import PRETRAINED
from models.encoding import CASES, TextEncoder


def told(text: str) -> list[str]:
    """The amounts of a text with > for the larger one and < for the smaller."""
    return [{LARGER: ">", SMALLER: "<"}[mark] + text[start:end] for start, end, mark in marks(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Pretax profit totalled EUR 4.9 mn compared to EUR 5.2 mn in 2005", "<4.9 >5.2"),
        ("earned 52 cents a share; 47 had been hoped for", ">52 <47"),
        ("margin: 14.2 % (11.0 %)", ">14.2 <11.0"),
        ("sales rose 12 % to EUR13 .1 m from EUR11 .7 m", ">13 .1 <11 .7"),
        ("sees revenue at $510-530 mln against $480 mln", ">510-530 <480"),
        ("worth $900 bn, once $1.2 tn", "<900 >1.2"),
        ("turnover 1,204 (1,150), EBIT 98 (131)", ">1,204 <1,150 <98 >131"),
        ("debt from $4 to $6 bln", "<4 >6"),
        ("Vacon has 12 sites since Nov 18, 2008", ""),
        ("a call at 10:30 on 14 May", ""),
        ("up 8.4% to $12.40", ""),
        ("a 52-week high of 31", ""),
        ("still EUR 3.0 mn, as EUR 3 mn before", ""),
        ("profit rises", ""),
    ],
)
def test_what_is_compared(text: str, wanted: str) -> None:
    assert " ".join(told(text)) == wanted


@given(st.text(alphabet="0123456789.,-% $€EURmnbx()/:\u0661\u00b2 \n", max_size=300))
def test_marks_are_of_digits_in_pairs(text: str) -> None:
    found = list(marks(text))
    assert sorted(found) == found
    assert len(found) % 2 == 0
    assert sum(mark == LARGER for *_, mark in found) == len(found) // 2
    assert all(text[start].isdigit() and text[end - 1].isdigit() for start, end, _ in found)


@pytest.mark.parametrize("piece", ["1", "1,", "1 ", "1-", "1.", "EUR ", "$", "1,111", " "])
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    begun = time.process_time()
    for _ in marks(piece * 20_000):
        pass
    assert time.process_time() - begun < 5


def test_tokens_of_an_amount_are_marked() -> None:
    encoder = TextEncoder.from_file(PRETRAINED / "tokenizer.json", case_feature=True, amount_feature=True)
    text = "SALES 12.5 mn, was 9.8 mn"
    (found,) = encoder.encode([text])
    marked = {text[a:b]: int(case) for a, b, case in zip(found.starts, found.ends, found.cases, strict=True)}
    assert (marked["12"], marked["5"], marked["9"], marked["8"]) == (LARGER, LARGER, SMALLER, SMALLER)
    assert marked["SALES"] == CASES.index("upper")
    assert tuple(range(len(CASES), len(CASES) + len(MARKS))) == MARKS
    blind = TextEncoder.from_file(PRETRAINED / "tokenizer.json", case_feature=True)
    assert blind.encode([text])[0].cases.max() < len(CASES)
