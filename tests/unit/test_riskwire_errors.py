"""Each error of the tree carries what it is about and what to do, and is born tested."""

import pickle

import pytest

from riskwire import errors
from riskwire.errors import RiskwireError


def tree(kind: type[RiskwireError]) -> list[type[RiskwireError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in tree(child))]


KINDS = [kind for kind in tree(RiskwireError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", KINDS)
def test_one_line_with_about_cause_and_hint(kind: type[RiskwireError]) -> None:
    error = kind("went wrong", about="thing", hint="Do this.")
    error.__cause__ = OSError("no such host")
    assert str(error) == "thing: went wrong (OSError: no such host). Do this."
    assert kind.__doc__
    assert kind.exit_code in (1, 2)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.about, again.message, again.hint) == (kind, "thing", "went wrong", "Do this.")


def test_the_drawn_tree_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    assert all(kind.__name__ in drawn for kind in KINDS)
