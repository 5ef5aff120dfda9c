"""What the model reads of a text, and where in the text it stands."""

import pytest

from models.artefact import PRETRAINED
from models.encoding import CASES, TextEncoder, word_case
from models.view import view


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder.from_file(PRETRAINED / "tokenizer.json", case_feature=True)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Oil up https://t.co/abc123 today", "Oil up http today"),
        ("see www.example.org/a?b=1, now", "see http, now"),
        ("AT&amp;T and &quot;K&quot;", 'AT&    T and "     K"     '),
        ("t.co/x1", "http   "),
        ("plain text with a / in it", "plain text with a / in it"),
        ("a&b &unknown; &", "a&b &unknown; &"),
    ],
)
def test_links_and_entities_are_blanked_to_the_same_length(text: str, seen: str) -> None:
    assert len(view(text)) == len(text)
    assert view(text).replace(" ", "") == seen.replace(" ", "")


@pytest.mark.parametrize(
    ("word", "case"),
    [
        ("profit", "lower"),
        ("Nokia", "title"),
        ("NOKIA", "upper"),
        ("eBay", "mixed"),
        ("McDonald", "mixed"),
        ("12.5", "none"),
        ("A", "title"),
        ("3M", "title"),
    ],
)
def test_word_shapes(word: str, case: str) -> None:
    assert CASES[word_case(word)] == case


def test_offsets_are_code_points_of_the_exact_text(encoder: TextEncoder) -> None:
    text = "🚀 Nestlé’s  Ærø unit & Crédit Ágricole: +5%\nÎle"
    tokens = encoder.encode([text])[0]
    words = {text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)}
    assert {"Nest", "Îl"} & {word[:4] for word in words} or "Nestlé" in "".join(sorted(words))
    assert all(0 <= start < end <= len(text) for start, end in zip(tokens.starts, tokens.ends, strict=True))
    assert "".join(text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)) == "".join(
        char for char in text if not char.isspace()
    )


def test_spaced_punctuation_reads_like_running_text(encoder: TextEncoder) -> None:
    """PhraseBank is written with blanks before punctuation; users' texts are not."""
    spaced = "Acme Plc 's net sales rose to EUR 3.1 mn ( $ 4.2 mn ) , up 5 % ."
    running = "Acme Plc's net sales rose to EUR 3.1 mn ($4.2 mn), up 5%."
    one, other = encoder.encode([spaced, running])
    assert one.ids.tolist() == other.ids.tolist()
    assert one.cases.tolist() == other.cases.tolist()


def test_a_link_costs_one_token(encoder: TextEncoder) -> None:
    plain, linked = encoder.encode(["Oil falls", "Oil falls https://t.co/AbC9zQ1xYw"])
    assert len(linked) == len(plain) + 1


def test_an_empty_text_has_no_tokens(encoder: TextEncoder) -> None:
    assert [len(tokens) for tokens in encoder.encode(["", "   \n"])] == [0, 0]


def test_case_is_seen_only_where_it_is_wanted() -> None:
    blind = TextEncoder.from_file(PRETRAINED / "tokenizer.json", case_feature=False)
    seeing = TextEncoder.from_file(PRETRAINED / "tokenizer.json", case_feature=True)
    assert blind.encode(["NOKIA falls"])[0].cases.sum() == 0
    assert seeing.encode(["NOKIA falls"])[0].cases[0] == CASES.index("upper")
