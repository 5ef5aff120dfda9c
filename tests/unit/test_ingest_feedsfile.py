"""Editing feeds files: what is not meant stays as it is."""

import tomllib
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.feeds.file import table_text, with_table, without_table
from riskwire.errors import FeedsFileError

DEFAULT = (resources.files("ingest") / "feeds.toml").read_text(encoding="utf-8")
FILE = """# mine

[[feeds]]
name = "A"  # the first
url = "https://a.example/"

# -- the second section

[[feeds]]
# within
name = "B"
url = "https://b.example/"
# behind

[[mastodon]]
name = "M"
instance = "m.example"
hashtag = "x"
"""


def test_a_feed_is_added_behind_the_others() -> None:
    text = with_table(FILE, "feeds", {"name": "C", "url": "https://c.example/", "zone": None, "interval": 60.0})
    assert text == FILE.replace(
        'url = "https://b.example/"\n',
        'url = "https://b.example/"\n\n[[feeds]]\nname = "C"\nurl = "https://c.example/"\ninterval = 60.0\n\n',
    )
    assert with_table("", "feeds", {"name": "C"}) == '[[feeds]]\nname = "C"\n'
    assert with_table("# x", "feeds", {"name": "C"}) == '# x\n\n[[feeds]]\nname = "C"\n'


def test_a_removed_one_leaves_all_else() -> None:
    assert without_table(FILE, "feeds", "A") == FILE.replace(
        '[[feeds]]\nname = "A"  # the first\nurl = "https://a.example/"\n\n', ""
    )
    without_b = without_table(FILE, "feeds", "B")
    assert "# behind" in without_b
    assert "# -- the second section" in without_b
    assert "[[mastodon]]" not in without_table(FILE, "mastodon", "M")
    with pytest.raises(FeedsFileError, match="no source 'Z'"):
        without_table(FILE, "feeds", "Z")


def test_every_default_source_can_be_removed_and_nothing_else_goes() -> None:
    comments = [line for line in DEFAULT.splitlines() if line.startswith("#")]
    for table, rows in tomllib.loads(DEFAULT).items():
        for row in rows:
            text = without_table(DEFAULT, table, row["name"])
            assert [line for line in text.splitlines() if line.startswith("#")] == comments
            assert tomllib.loads(text)[table] == [one for one in rows if one != row]


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@settings(max_examples=150, deadline=None)
@given(NAMES.filter(lambda name: name not in ("A", "B", "M")), NAMES)
def test_whatever_a_feed_is_called_it_can_be_added_and_removed(name: str, url: str) -> None:
    text = with_table(FILE, "feeds", {"name": name, "url": url})
    assert tomllib.loads(text)["feeds"][-1] == {"name": name, "url": url}
    assert tomllib.loads(without_table(text, "feeds", name)) == tomllib.loads(FILE)


@pytest.mark.parametrize(
    "text",
    [
        'feeds = [{name = "A", url = "https://a.example/"}, {name = "B", url = "https://b.example/"}]\n',
        '[[feeds]]\nname = "A"\nurl = """\n[[feeds]]\nname = "x"\n"""\n',
    ],
)
def test_what_would_be_edited_wrongly_is_left_to_its_owner(text: str) -> None:
    with pytest.raises(FeedsFileError, match="by hand"):
        without_table(text, "feeds", "A", "f.toml")


def test_table_text() -> None:
    assert table_text("feeds", {"name": 'a "b" \\', "enabled": False, "zone": None}) == (
        '[[feeds]]\nname = "a \\"b\\" \\\\"\nenabled = false\n'
    )
