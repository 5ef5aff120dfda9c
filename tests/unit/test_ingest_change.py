"""New, corrected or known."""

from datetime import timedelta
from typing import Any

import msgspec

from ingest.base import SAID_DIGITS, Told
from ingest.change import decide
from riskwire.ports import KnownStory
from riskwire.testing import a_document
from riskwire.types import Document

LINK = "https://example.org/a"


def story(number: int = 1, text: str = "as it was", **fields: Any) -> Document:
    return a_document(number, publisher="example.org", content_hash=f"{text:-<32}", **fields)


def known(document: Document, revision: int = 1, link: str | None = None) -> KnownStory:
    return KnownStory(document.id, revision, document.content_hash, link)


def test_new_stories_are_first_revisions_in_order() -> None:
    decision = decide([Told(story(2)), Told(story(1))], {}, {})
    assert [(one.id, one.revision) for one in decision.new] == [(story(2).id, 1), (story(1).id, 1)]
    assert (decision.corrected, decision.unchanged, decision.ids) == ((), 0, (story(2).id, story(1).id))


def test_the_same_again_is_nothing() -> None:
    decision = decide([Told(story())], {story().id: known(story(), 3)}, {})
    assert (decision.new, decision.corrected, decision.unchanged) == ((), (), 1)


def test_another_text_is_the_next_revision() -> None:
    decision = decide([Told(story(text="corrected"))], {story().id: known(story(), 3)}, {})
    assert [(one.id, one.revision) for one in decision.corrected] == [(story().id, 4)]


def test_told_twice_at_once_is_one_story() -> None:
    decision = decide([Told(story(text="first")), Told(story(text="second"))], {}, {})
    assert [one.content_hash.strip("-") for one in decision.new] == ["first"]
    later = story(text="second", updated_at=story().seen_at + timedelta(hours=1))
    assert decide([Told(story(text="first")), Told(later)], {}, {}).new == (later,)


def test_a_guid_that_changes_while_the_link_stays() -> None:
    old, new = story(1), story(2)
    links = {("example.org", LINK): known(old, 1, LINK)}
    decision = decide([Told(new, LINK)], {}, links)
    assert (decision.new, decision.corrected, decision.ids) == ((), (), (old.id,))
    decision = decide([Told(story(2, "corrected"), LINK)], {}, links)
    assert [(one.id, one.revision) for one in decision.corrected] == [(old.id, 2)]


def test_two_stories_that_share_a_link_stay_two() -> None:
    links = {("example.org", LINK): known(story(1), 1, LINK)}
    decision = decide([Told(story(1), LINK), Told(story(2), LINK)], {story(1).id: known(story(1))}, links)
    assert [one.id for one in decision.new] == [story(2).id]


def test_a_link_of_another_publisher_is_another_link() -> None:
    links = {("elsewhere.example", LINK): known(story(1), 1, LINK)}
    assert len(decide([Told(story(2), LINK)], {}, links).new) == 1


def test_two_feeds_with_two_wordings_do_not_correct_each_other_for_ever() -> None:
    mine, theirs = story(text="mine"), story(text="theirs")
    memory = {mine.id: known(theirs, 2)}
    said = {mine.id[:SAID_DIGITS]: mine.content_hash[:SAID_DIGITS]}
    assert decide([Told(mine)], memory, {}, said).unchanged == 1
    # … but what this feed itself changes is a correction
    changed = msgspec.structs.replace(mine, content_hash="f" * 32)
    assert [one.revision for one in decide([Told(changed)], memory, {}, said).corrected] == [3]
