"""Labels are told apart by name, never by place alone."""

import pytest

from models.labels import GROUPS, SENTIMENTS, TAGS, begin, inside, permutation


def test_the_tags_are_bio_over_the_four_groups() -> None:
    assert TAGS[0] == "O"
    assert len(TAGS) == 1 + 2 * len(GROUPS) == 9
    assert [TAGS[begin(group)] for group in GROUPS] == ["B-ORG", "B-PER", "B-LOC", "B-ASSET"]
    assert [TAGS[inside(group)] for group in GROUPS] == ["I-ORG", "I-PER", "I-LOC", "I-ASSET"]


def test_another_order_is_put_right() -> None:
    found = ("neutral", "negative", "positive")
    assert [found[place] for place in permutation(found, SENTIMENTS)] == list(SENTIMENTS)


@pytest.mark.parametrize(
    "found",
    [
        ("positive", "neutral"),
        ("positive", "neutral", "neutral"),
        ("bullish", "neutral", "bearish"),
        ("Positive", "neutral", "negative"),
    ],
)
def test_unknown_names_are_refused(found: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected exactly"):
        permutation(found, SENTIMENTS)
