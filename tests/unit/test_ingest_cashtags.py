"""Which posts are wanted, and what they carry."""

import time

import pytest

from ingest.dates.read import MISSING
from ingest.documents.cashtags import Wanted, cashtags, hashtags
from ingest.documents.make import make_document, rounded
from riskwire.testing import a_document
from riskwire.types import Document
from riskwire.wire import decode, encode


@pytest.mark.parametrize(
    ("text", "social", "news"),
    [
        ("$TSLA and $brk.b", ["TSLA", "BRK.B"], ["TSLA"]),
        ("$5 $5m $m US$ $TOOLONGX a$TSLA $$TSLA", ["M"], []),
        ("($AAPL) $AAPL, 🚀$NVDA🚀", ["AAPL", "AAPL", "NVDA"], ["AAPL", "AAPL", "NVDA"]),
        ("nothing", [], []),
    ],
)
def test_cashtags(text: str, social: list[str], news: list[str]) -> None:
    assert cashtags(text, "social") == social
    assert cashtags(text) == news


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#Stocks are #up2day", ["Stocks", "up2day"]),
        ("#1 in #2026", []),
        ("＃株価 and #株価", ["株価", "株価"]),
        ("a#b &#39; https://x.example/#top C#", []),
    ],
)
def test_hashtags(text: str, tags: list[str]) -> None:
    assert hashtags(text) == tags


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$TSLA", True),
        ("$tsla", True),
        ("$AAPL", False),
        ("TSLA", False),
        ("#Stocks", True),
        ("#stocksplit", False),
        ("the FED decides", True),
        ("federal", False),
        ("profit  warning", False),
        ("a Profit warning!", True),
        ("中国的利率上升", True),
        ("learn C++ today", True),
        ("learn C+", False),
    ],
)
def test_what_is_wanted(text: str, wanted: bool) -> None:
    wants = Wanted(
        cashtags=["$TSLA"], hashtags=["#stocks"], keywords=["fed", "profit warning", "利率", "c++"], languages=["en"]
    )
    assert wants.takes(text) is wanted


def test_any_cashtag_is_one_in_upper_case() -> None:
    wants = Wanted(cashtags=["*", "gme"])
    assert wants.takes("$AAPL")
    assert wants.takes("$gme")
    assert not wants.takes("so $whatever")


def test_languages() -> None:
    wants = Wanted(cashtags=["*"], languages=["en", "de"])
    assert wants.takes("$A", languages=["en-US"])
    assert wants.takes("$A", languages=["fr", "DE"])
    assert wants.takes("$A", languages=[])
    assert not wants.takes("$A", languages=["fr"])


def test_nothing_is_wanted_of_nothing() -> None:
    assert not Wanted().takes("$TSLA #stocks fed", ["stocks"])


@pytest.mark.parametrize("piece", ["$", "$A", "#", "#a", "$$$$A.", "fed ", "é", "#é"])
def test_no_text_takes_long(piece: str) -> None:
    wants = Wanted(cashtags=["*"], hashtags=["x"], keywords=["(a+)+$", *(f"word {n}" for n in range(500))])
    started = time.perf_counter()
    wants.takes(piece * 50_000)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (7, 7), (99, 99), (12_345, 12_000), (12_545, 13_000), (999, 1000)])
def test_counts_that_could_name_somebody_are_rounded(count: int, kept: int) -> None:
    assert rounded(count) == kept


def test_counts_of_a_document() -> None:
    told = a_document(1)
    document = make_document(
        document_id="a", source="s", publisher="p", seen_at=told.seen_at, published=MISSING, title="t",
        engagement={"likes": 12_345, "reposts": None, "replies": 10**30, "views": -1},
        author_reputation={"followers": 12_345},
    )  # fmt: skip
    assert (document.engagement, document.author_reputation) == ({"likes": 12_345}, {"followers": 12_000})
    assert decode(encode(document), Document) == document
    assert told.engagement is None
