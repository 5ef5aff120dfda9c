"""Whatever the text: offsets are its own, windows cover it, mentions lie in it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.artefact import PRETRAINED
from models.decode import find_spans, relevances, trim
from models.encoding import TextEncoder
from models.labels import TAGS
from models.metrics import softmax
from models.symbols import SymbolLinker, base_key, name_key
from models.view import view
from models.windows import owners, windows

TEXTS = st.text(st.characters(codec="utf-8"), max_size=120) | st.text("aB $'.s-&/:(é’🚀\n0tco", max_size=60)
ENCODER = TextEncoder.from_file(PRETRAINED / "tokenizer.json", case_feature=True)
LINKER = SymbolLinker.default()


@given(TEXTS)
def test_the_view_has_the_same_length(text: str) -> None:
    assert len(view(text)) == len(text)


@given(TEXTS)
def test_the_view_of_a_view_is_itself(text: str) -> None:
    once = view(text)
    assert len(view(once)) == len(once)


@given(TEXTS)
def test_tokens_lie_in_the_text_in_order(text: str) -> None:
    tokens = ENCODER.encode([text])[0]
    assert len(tokens.ids) == len(tokens.starts) == len(tokens.ends) == len(tokens.words) == len(tokens.cases)
    assert all(0 <= start <= end <= len(text) for start, end in zip(tokens.starts, tokens.ends, strict=True))
    assert (np.diff(tokens.starts) >= 0).all()
    assert (np.diff(tokens.words) >= 0).all()


@given(TEXTS, st.integers(0, 2**32 - 1))
def test_mentions_lie_in_the_text_and_do_not_overlap(text: str, seed: int) -> None:
    tokens = ENCODER.encode([text])[0]
    tags = softmax(np.random.default_rng(seed).normal(0, 3, (len(tokens), len(TAGS))))
    end = 0
    for span in find_spans(text, tokens, tags):
        assert end <= span.start < span.end <= len(text)
        end = span.end
        name = text[span.start : span.end]
        assert name == name.strip()
        assert any(char.isalnum() for char in name)
        assert 0 < span.confidence <= 1


@given(TEXTS, st.data())
def test_trimming_only_narrows_and_is_done_once(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, last = trim(text, start, end)
    assert start <= first <= last <= max(start, end)
    assert trim(text, first, last) == (first, last)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 119), st.integers(1, 20)), max_size=12))
def test_relevance_is_a_share(text: str, places: list[tuple[int, int]]) -> None:
    spans = [(start, min(len(text), start + size)) for start, size in places if start < len(text)]
    values = relevances(text, spans)
    assert len(values) == len(spans)
    assert all(0 <= value <= 1 for value in values)


@given(st.integers(0, 600), st.integers(2, 128), st.data())
def test_windows_cover_every_token_and_overlap(count: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    found = windows(count, size=size, overlap=overlap)
    assert found[0][0] == 0
    assert found[-1][1] == count
    assert all(end - start <= size for start, end in found)
    for (_, end), (start, _) in pairwise(found):
        assert end - start >= overlap
        assert start > 0


@given(st.integers(1, 600), st.integers(2, 128), st.data())
def test_every_token_has_the_window_that_sees_most_around_it(count: int, size: int, data: st.DataObject) -> None:
    found = windows(count, size=size, overlap=data.draw(st.integers(0, size - 1)))
    owner = owners(found, count)

    def sees(window: int, token: int) -> int:
        start, end = found[window]
        if not start <= token < end:
            return -1
        return min(token - start if start else count, end - 1 - token if end < count else count)

    for token in range(count):
        assert sees(int(owner[token]), token) == max(sees(window, token) for window in range(len(found))) >= 0


def test_windows_refuse_an_overlap_that_never_ends() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        windows(10, size=4, overlap=4)


@given(TEXTS)
def test_linking_never_fails(text: str) -> None:
    for start, end in LINKER.cashtags(text):
        assert text[start] == "$"
        assert LINKER.resolve(text, start, end)[0] is not None
    symbol, reason = LINKER.resolve(text, 0, len(text))
    assert (symbol is None) != (reason is None)


@given(TEXTS)
def test_a_base_name_is_the_beginning_of_the_name(text: str) -> None:
    assert name_key(text).startswith(base_key(text))
    assert bool(base_key(text)) == bool(name_key(text))
