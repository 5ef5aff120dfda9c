from riskwire.testing import a_document
from stream.batching import still_needed


def test_what_is_held_is_left_out_and_what_repeats_comes_once():
    first, second, other = a_document(1), a_document(1, revision=2), a_document(2)
    assert still_needed([first, other, first], {}) == [first, other]
    assert still_needed([first, second, other], {first.id: 1}) == [second, other]
    assert still_needed([first, second], {}) == [first, second]
    assert still_needed([second, first], {}) == [second]
    assert still_needed([first, second], {first.id: 9}) == []
    assert still_needed([], {"x": 1}) == []
