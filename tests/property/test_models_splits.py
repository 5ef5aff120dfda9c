"""Splits never leak, and adding a set moves nobody."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from models.corpora.items import Item, Span, drop_overlaps, text_key
from models.corpora.splits import SIMILAR, near_copies, side_of, split

_VOCABULARY = "profit loss rises falls oil gold bank alder tessel quarry sales costs up down record"
WORDS = st.sampled_from(_VOCABULARY.split())
TEXTS = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
ITEMS = st.builds(
    Item,
    dataset=st.sampled_from(["one", "two"]),
    text=TEXTS,
    story=st.sampled_from(["positive", "neutral", "negative", None]),
)
SETTINGS = {"seed": 3, "dev": 0.2, "test": 0.3}


def grams(text: str) -> set[str]:
    words = text_key(text).split()
    return {" ".join(words[n : n + 3]) for n in range(max(1, len(words) - 2))}


@given(st.lists(ITEMS, max_size=40))
def test_no_text_is_on_two_sides(items: list[Item]) -> None:
    sides = split(items, **SETTINGS)
    keys = [{text_key(item.text) for item in side} for side in (sides.train, sides.dev, sides.test)]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]


@given(st.lists(ITEMS, max_size=30))
def test_no_near_copy_is_on_two_sides(items: list[Item]) -> None:
    sides = split(items, **SETTINGS)
    for test in sides.test:
        for other in sides.train + sides.dev:
            one, two = grams(test.text), grams(other.text)
            similar = len(one & two) / len(one | two)
            assert similar < SIMILAR + 0.2  # MinHash misses few, and none that are nearly alike


@given(st.lists(ITEMS, max_size=30), st.lists(ITEMS, max_size=30))
def test_adding_a_set_moves_no_text(items: list[Item], more: list[Item]) -> None:
    before, after = split(items, **SETTINGS), split([*items, *more], **SETTINGS)
    where = {item.text: name for name in ("train", "dev", "test") for item in before.side(name)}
    for name in ("train", "dev", "test"):
        for item in after.side(name):
            assert where.get(item.text, name) == name


@given(ITEMS, st.integers(0, 5))
def test_a_side_depends_on_words_alone(item: Item, seed: int) -> None:
    shouted = Item(dataset="three", text=item.text.upper() + " !! https://t.co/x", story="neutral")
    assert side_of(item, seed=seed, dev=0.2, test=0.3) == side_of(shouted, seed=seed, dev=0.2, test=0.3)


@given(st.lists(TEXTS, max_size=20))
def test_near_copies_are_really_near(texts: list[str]) -> None:
    for first, second in near_copies(texts):
        assert first < second
        one, two = grams(texts[first]), grams(texts[second])
        assert len(one & two) / len(one | two) >= SIMILAR - 1e-9


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)), max_size=12))
def test_of_two_that_overlap_the_longer_stays(places: list[tuple[int, int]]) -> None:
    spans = [Span(start, start + size) for start, size in places]
    kept = drop_overlaps(spans)
    assert all(one.end <= other.start for one, other in pairwise(kept))
    for span in spans:
        assert any(k.start < span.end and k.end > span.start and k.end - k.start >= span.end - span.start for k in kept)
