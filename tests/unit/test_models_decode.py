"""Tags to mentions: pure, on made-up probabilities."""

import numpy as np
import pytest

from models.decode import find_spans, pooled_sentiment, relevances, trim
from models.encoding import Encoded
from models.labels import TAGS


def tokens(text: str, pieces: list[str]) -> Encoded:
    """Tokens of `text`; a piece that begins with # goes on with the word before it."""
    starts, ends, words, at, word = [], [], [], 0, -1
    for piece in pieces:
        plain = piece.lstrip("#")
        at = text.index(plain, at)
        word += not piece.startswith("#")
        starts.append(at)
        at += len(plain)
        ends.append(at)
        words.append(word)
    return Encoded(
        *(np.array(values, dtype=np.int64) for values in (range(len(pieces)), starts, ends, words, [0] * len(pieces)))
    )


def chances(*tags: str, sure: float = 0.92) -> np.ndarray:
    rows = np.full((len(tags), len(TAGS)), (1 - sure) / (len(TAGS) - 1))
    for row, tag in enumerate(tags):
        rows[row, TAGS.index(tag)] = sure
    return rows


def test_begin_and_inside_make_one_mention() -> None:
    text = "Alder Bank fell"
    found = find_spans(text, tokens(text, ["Alder", "Bank", "fell"]), chances("B-ORG", "I-ORG", "O"))
    assert [(text[s.start : s.end], s.group) for s in found] == [("Alder Bank", "ORG")]
    assert found[0].confidence == pytest.approx(0.93, abs=0.001)


def test_two_begins_are_two_mentions() -> None:
    text = "Alder Tessel"
    found = find_spans(text, tokens(text, ["Alder", "Tessel"]), chances("B-ORG", "B-ORG"))
    assert [text[s.start : s.end] for s in found] == ["Alder", "Tessel"]


def test_inside_without_begin_still_counts() -> None:
    text = "in Oslo now"
    found = find_spans(text, tokens(text, ["in", "Oslo", "now"]), chances("O", "I-LOC", "O"))
    assert [(text[s.start : s.end], s.group) for s in found] == [("Oslo", "LOC")]


def test_a_word_is_never_split() -> None:
    """The first sub-token speaks for its word, whatever the others say."""
    text = "Quarrymen rose"
    pieces = tokens(text, ["Quarr", "#ym", "#en", "rose"])
    assert [text[s.start : s.end] for s in find_spans(text, pieces, chances("B-ORG", "O", "B-PER", "O"))] == [
        "Quarrymen"
    ]
    assert find_spans(text, pieces, chances("O", "B-ORG", "I-ORG", "O")) == []


def test_the_group_with_the_most_probability_wins() -> None:
    text = "Mara Voss Foods"
    rows = np.vstack([chances("B-PER", sure=0.5), chances("I-ORG", sure=0.9), chances("I-ORG", sure=0.9)])
    found = find_spans(text, tokens(text, ["Mara", "Voss", "Foods"]), rows)
    assert [(text[s.start : s.end], s.group) for s in found] == [("Mara Voss Foods", "ORG")]


def test_no_tokens_no_mentions() -> None:
    assert find_spans("", tokens("", []), np.zeros((0, len(TAGS)))) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Nokia's", "Nokia"),
        ("Nokia’s", "Nokia"),
        ("“Nokia”,", "Nokia"),
        ("Apple Inc.", "Apple Inc."),
        ("Apple Inc.'s", "Apple Inc."),
        ("U.S.", "U.S."),
        ("Nokia.", "Nokia"),
        ("$TSLA", "$TSLA"),
        ("@acme", "acme"),
        ("(Acme)", "Acme"),
        ("Acme (UK)", "Acme (UK)"),
        ("Acme (", "Acme"),
        ("S&P", "S&P"),
        ("Yahoo!", "Yahoo"),
        ("...", ""),
        ("", ""),
        ("'s", ""),
    ],
)
def test_names_are_trimmed(text: str, name: str) -> None:
    start, end = trim(text, 0, len(text))
    assert text[start:end] == name


def test_a_currency_beside_a_number_is_a_unit() -> None:
    text = "EUR 3 mn, EUR gains"
    found = find_spans(
        text, tokens(text, ["EUR", "3", "mn", ",", "EUR", "gains"]), chances("B-ASSET", "O", "O", "O", "B-ASSET", "O")
    )
    assert [(s.start, s.end) for s in found] == [(10, 13)]


def test_sentiment_is_pooled_over_the_mentions_own_tokens() -> None:
    text = "Alder gains Tessel slides"
    pieces = tokens(text, ["Alder", "gains", "Tessel", "slides"])
    logits = np.array([[4.0, 0, 0], [0, 0, 9], [0, 0, 4], [9, 0, 0]])
    first, second = (pooled_sentiment(pieces, logits, *span, 1.0) for span in ((0, 5), (12, 18)))
    assert first is not None
    assert second is not None
    assert first.argmax() == 0
    assert second.argmax() == 2
    assert pooled_sentiment(pieces, logits, 5, 6, 1.0) is None  # a blank
    hot = pooled_sentiment(pieces, logits, 0, 5, 4.0)
    assert hot is not None
    assert hot.max() < first.max()


def test_relevance_falls_from_title_to_end_and_with_the_crowd() -> None:
    text = "Alder beats Tessel\n" + "x" * 81 + " Quarry. Later Alder again"
    spans = [(text.index(name), text.index(name) + len(name)) for name in ("Alder", "Tessel", "Quarry")]
    again = (text.rindex("Alder"), text.rindex("Alder") + 5)
    alder, tessel, quarry, later = relevances(text, [*spans, again])
    assert (alder, tessel) == (1.0, 0.9)
    assert 0.4 <= quarry < 0.8
    assert later == alder  # a name keeps its best place
    crowd = "A1 B2 C3 D4 E5 F6 G7 H8"
    values = relevances(crowd, [(n * 3, n * 3 + 2) for n in range(8)])
    assert values[0] == pytest.approx(1 / 1.5, abs=1e-3)
    assert all(0 <= value <= 1 for value in values)
