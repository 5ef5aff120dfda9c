import pytest

from riskwire.errors import InputError, UsageError
from stream.backfill.mapping import columns_of, parse_map


def test_a_map_is_read():
    assert parse_map("title=Headline, published_at = The Date") == {"title": "Headline", "published_at": "The Date"}
    assert parse_map("title=a=b") == {"title": "a=b"}


@pytest.mark.parametrize("text", ["title", "title=", "=x", "nothing=x", "title=a,title=b", "title=a,,link=b"])
def test_a_wrong_map_is_refused(text):
    with pytest.raises(UsageError, match="--map"):
        parse_map(text)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["headline", "date", "ticker"], {"title": "headline", "published_at": "date", "symbols": "ticker"}),
        (["Title", "Text", "URL"], {"title": "Title", "content": "Text", "link": "URL"}),
        (["text", "created_at"], {"title": "text", "published_at": "created_at"}),
        (["Published At", "PUBLISHED_AT", "title"], {"title": "title", "published_at": "Published At"}),
        (["body"], {"content": "body"}),
        (["", "id", "news"], {"title": "news", "id": "id"}),
    ],
)
def test_columns_are_known_by_their_names(columns, expected):
    assert columns_of("f.csv", columns, {}) == expected


def test_what_the_user_says_comes_first():
    assert columns_of("f", ["title", "Headline", "d"], {"title": "headline", "published_at": "d"}) == {
        "title": "Headline",
        "published_at": "d",
    }


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(InputError, match=r"no column 'Date'.*a, b"):
        columns_of("f.csv", ["a", "b"], {"published_at": "Date"})


def test_a_table_without_any_text_is_refused():
    with pytest.raises(InputError, match=r"headline.*--map title=COLUMN.*open, close"):
        columns_of("prices.csv", ["open", "close"], {})
