"""Where a feed is asked after it has moved."""

from ingest.polling.moves import hash_of, where_to_ask, with_move, without_move
from riskwire.ports import SourceState

OLD, NEW, OTHER = "https://a.example/old", "https://a.example/new", "https://b.example/new"


def polled(state: SourceState, permanent: str | None, found: str = NEW, url: str = OLD) -> SourceState:
    return with_move(state, url, found, permanent)


def test_a_move_is_believed_when_it_was_seen_twice() -> None:
    first = polled(SourceState(name="x"), NEW)
    assert where_to_ask(first, OLD) == OLD
    second = polled(first, NEW)
    assert where_to_ask(second, OLD) == NEW
    # Asked at the new address, it answers there.
    assert where_to_ask(polled(second, None), OLD) == NEW


def test_what_changes_its_mind_is_asked_where_it_was() -> None:
    assert where_to_ask(polled(polled(SourceState(name="x"), NEW), OTHER), OLD) == OLD
    assert where_to_ask(polled(polled(SourceState(name="x"), NEW), None, OLD), OLD) == OLD
    moved = polled(polled(SourceState(name="x"), NEW), NEW)
    assert where_to_ask(polled(moved, OTHER), OLD) == OLD  # moved on: to be seen twice, too
    assert where_to_ask(without_move(moved), OLD) == OLD  # the new address failed


def test_never_from_https_to_http() -> None:
    state = SourceState(name="x")
    for _ in range(3):
        state = polled(state, "http://a.example/new")
    assert where_to_ask(state, OLD) == OLD
    secure = SourceState(name="x")
    for _ in range(2):
        secure = polled(secure, NEW, url="http://a.example/old")
    assert where_to_ask(secure, "http://a.example/old") == NEW


def test_bodies() -> None:
    assert hash_of(b"a") == hash_of(b"a") != hash_of(b"b")
