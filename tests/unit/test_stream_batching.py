import json

import pytest

from riskwire import wire
from riskwire.errors import WireError
from riskwire.testing import a_document
from stream.batching import still_needed
from stream.decoding import read_document


def test_what_is_held_is_left_out_and_what_repeats_comes_once():
    first, second, other = a_document(1), a_document(1, revision=2), a_document(2)
    assert still_needed([first, other, first], {}) == [first, other]
    assert still_needed([first, second, other], {first.id: 1}) == [second, other]
    assert still_needed([first, second], {}) == [first, second]
    assert still_needed([second, first], {}) == [second]
    assert still_needed([first, second], {first.id: 9}) == []
    assert still_needed([], {"x": 1}) == []


def poison(**fields):
    row = wire.to_builtins(a_document(1)) | fields
    return json.dumps({"schema_version": 1, **{key: value for key, value in row.items() if value is not None}}).encode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b'{"schema_version":2}',
        poison(id=""),
        poison(revision=0),
        poison(revision=-1),
        poison(revision=10**19),
        poison(revision=10**400),
        poison(seen_at="2026-01-01T00:00:00"),
        poison(published_at="2026-01-01T00:00:00"),
        poison(event_time="yesterday"),
        poison(title="\ud800"),
        poison(source_type="rumour"),
        b"[" * 100_000,
    ],
)
def test_what_can_not_be_processed_is_refused_before_it_is_begun(value):
    with pytest.raises(WireError):
        read_document(value)


def test_what_later_versions_add_is_ignored():
    assert read_document(poison(added_later=[1])) == a_document(1)
