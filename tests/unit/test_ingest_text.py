"""Hostile markup in, plain text out."""

import time

import pytest

from ingest.documents.text import clean, cut, html_to_text, safe_link


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("Plain words", "Plain words"),
        ("S&P 500 falls &amp; AT&T rises", "S&P 500 falls & AT&T rises"),
        ("a < b and c > d", "a < b and c > d"),
        ("<b>App</b>le <i>rises</i>", "Apple rises"),
        ("<p>One</p><p>Two<br>Three</p>Four", "One Two Three Four"),
        ("<script>alert(1)</script>Shares fall", "Shares fall"),
        ("Shares<script>alert('<b>')</script><style>p{}</style> fall", "Shares fall"),
        ("<img src=x onerror=alert(1)>Oil rises", "Oil rises"),
        ("<svg onload=alert(1)><text>hidden</text></svg>Gold", "Gold"),
        ("<!-- hidden -->Gold<template>x</template><iframe>y</iframe>", "Gold"),
        ("Gold <iframe src='x'/>rises <object data=x /><script src=x/>again", "Gold rises again"),  # closed as in XML
        ("caf&eacute; &#8364;5&nbsp;m &#x1F680;", "café €5 m 🚀"),
        ("&lt;script&gt; is a tag", "<script> is a tag"),
        ("Gain<div class='feedflare'><a href='x'>share</a></div>", "Gain"),
        ("<![CDATA[words]]>", ""),
        ("one\r\n\ttwo\u2028three\u0085four", "one two three four"),
        ("a\x00b\x1b[31mc\u202edesrever\u2066x\ufeff\u200b", "ab[31mcdesreverx"),
        ("&#27;[31m red &#x202e;", "[31m red"),
        ("👩\u200d💻 works", "👩\u200d💻 works"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_html_to_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@pytest.mark.parametrize(
    "bomb",
    [
        "<b>",
        "<div>",
        "<svg>",
        "<table><tr>",
        "<",
        "&",
        "&#",
        "<a href='",
        "<div class=feedflare>",
        "<p",
        "<!--",
        "]]>",
        "<iframe ",
        "<svg /",
        "<iframe/",
    ],
)
def test_no_markup_takes_long(bomb: str) -> None:
    started = time.process_time()
    html_to_text(bomb * 50_000 + "end")
    assert time.process_time() - started < 3


def test_clean_folds_space() -> None:
    assert clean("  a \u00a0\n b\t") == "a b"


@pytest.mark.parametrize(
    "link",
    [None, "", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://x.org/",
     "//x.org/", "x.org/a", "http://", "http://u:p@x.org/", "https://x.org/a b", "https://x.org/\u202e", "https://x.org/\na",
     "https://x.org/" + "a" * 3000, "http://[::1"],
)  # fmt: skip
def test_links_that_are_dropped(link: str | None) -> None:
    assert safe_link(link) is None


def test_links_that_are_kept_as_they_are() -> None:
    assert safe_link(" https://www.Example.org/a?utm_source=x#top ") == "https://www.Example.org/a?utm_source=x#top"


def test_cut_never_splits_a_character() -> None:
    assert cut("abc", 3) == ("abc", False)
    assert cut("aé", 2) == ("a", True)
    assert cut("🚀🚀", 5) == ("🚀", True)
    assert cut("abc", 0) == ("", True)
    assert cut("abc", -5) == ("", True)
