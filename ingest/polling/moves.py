"""Where a feed is asked, and what is remembered of the way there. Pure."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

import msgspec

from riskwire import __version__
from riskwire.ports import SourceState

#: Polls in a row that must end at a new address before it is believed: a captive portal moves everything, once.
_BELIEVED = 2


def where_to_ask(state: SourceState, url: str) -> str:
    """The configured address, or the one that it has permanently moved to."""
    return state.moved_to if state.moved_to and state.moved_polls >= _BELIEVED else url


def with_move(state: SourceState, url: str, found_at: str, permanent: str | None) -> SourceState:
    """The state after a good answer, found by the address `permanent` when 301 or 308 led there.

    A way from https to http is followed, but not remembered.
    """
    if where_to_ask(state, url) != url and permanent is None:
        return state  # asked at the new address, and found there
    target = permanent
    if target is None or target == url or (urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https"):
        return msgspec.structs.replace(state, moved_to=None, moved_polls=0)
    polls = state.moved_polls + 1 if target == state.moved_to else 1
    return msgspec.structs.replace(state, moved_to=target, moved_polls=polls)


def without_move(state: SourceState) -> SourceState:
    """The state after a failure: should the new address be wrong, the configured one is asked next."""
    return msgspec.structs.replace(state, moved_to=None, moved_polls=0) if state.moved_to else state


def hash_of(body: bytes) -> str:
    """Tells equal bodies, read by an equal version of this program."""
    return hashlib.sha256(__version__.encode() + b"\0" + body).hexdigest()[:32]
