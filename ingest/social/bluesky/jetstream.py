"""Frames of Jetstream v2 (`network.bsky.jetstream.subscribeEvents`), and where a stream is taken up again. Pure.

Read of a frame is only what is used; what a record holds otherwise is passed over without being made into objects.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec

PATH = "/xrpc/network.bsky.jetstream.subscribeEvents"
POSTS = "app.bsky.feed.post"
#: Another host numbers its events itself and sees them at other moments: it is asked from a little earlier.
OVERLAP = timedelta(seconds=60)
#: How far back the hosts can replay.
LOOK_BACK = timedelta(hours=36)
#: What an account's status says of its posts: they are to go. Others (`throttled`, `desynchronized`) are the hosts'
#: own trouble and say nothing about the person.
GONE = frozenset(("deleted", "takendown", "suspended", "deactivated"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Index(msgspec.Struct, frozen=True, rename="camel"):
    """A place in a text, in bytes of its UTF-8."""

    byte_start: int = 0
    byte_end: int = 0


class Feature(msgspec.Struct, frozen=True, rename={"kind": "$type"}):
    """What a facet marks: a mention, a link, a tag."""

    kind: str = ""
    tag: str = ""
    did: str = ""


class Facet(msgspec.Struct, frozen=True):
    """A marked stretch of a text."""

    index: Index = Index()
    features: list[Feature] = []


class Post(msgspec.Struct, frozen=True, rename={"created_at": "createdAt"}):
    """A record of `app.bsky.feed.post`. `created_at` is what the author's program claims."""

    text: str = ""
    langs: list[str] | None = None
    tags: list[str] | None = None
    facets: msgspec.Raw = msgspec.Raw(b"")
    created_at: str | None = None


class Account(msgspec.Struct, frozen=True):
    """Whether an account is there."""

    active: bool = True
    status: str | None = None


class Payload(msgspec.Struct, frozen=True, rename={"kind": "$type", "witnessed_at": "witnessedAt"}):
    """An event of any kind. `time` may be moved by the host's operator, `witnessed_at` never is."""

    kind: str = ""
    seq: int | None = None
    did: str = ""
    time: str | None = None
    witnessed_at: str | None = None
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    record: Post | None = None
    cid: str = ""
    account: Account | None = None
    name: str = ""

    @property
    def fragment(self) -> str:
        """`commit`, `account`, `identity`, `sync`, `info`, or what else there may be one day."""
        return self.kind.rpartition("#")[2]

    @property
    def uri(self) -> str:
        """The post's address in the network."""
        return f"at://{self.did}/{self.collection}/{self.rkey}"

    @property
    def at(self) -> str | None:
        """When the host saw it."""
        return self.witnessed_at or self.time


class Frame(msgspec.Struct, frozen=True, rename={"kind": "$type"}):
    """One message of the WebSocket. An error is the last of its stream."""

    kind: str = ""
    payload: Payload | None = None
    error: str = ""


_frame = msgspec.json.Decoder(Frame)
_facets = msgspec.json.Decoder(list[Facet])


def read_frame(data: bytes) -> Frame | None:
    """The frame; None when it is none (a field of another type, no JSON): one such must not end the stream."""
    try:
        return _frame.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def read_facets(post: Post) -> list[Facet]:
    """The facets; none when they are not written as they should be."""
    try:
        return _facets.decode(post.facets) if post.facets else []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a stream was read: the event's number, which only its own host knows, and its time, which all do.

    `lost` counts the gaps that could not be filled so far.
    """

    host: str = ""
    seq: int | None = None
    at: datetime | None = None
    lost: int = 0

    def text(self) -> str:
        """As it is kept in `SourceState.cursor`."""
        return msgspec.json.encode(self).decode()

    def cursor(self, host: str) -> int | None:
        """What this host is asked from: inclusive. None: from now on."""
        if self.seq is not None and host == self.host:
            return self.seq
        return None if self.at is None else (self.at - OVERLAP - _EPOCH) // timedelta(microseconds=1)


_position = msgspec.json.Decoder(Position)


def read_position(cursor: str | None) -> Position:
    """The kept position; an empty one when there is none, or none of ours."""
    try:
        return _position.decode(cursor or "{}")
    except msgspec.MsgspecError:
        return Position()


def subscription(base: str, cursor: int | None, dictionary: int | None = None) -> str:
    """The URL of a stream of posts. Without `kinds`, so that everyone's account events come, too.

    `dictionary` is the number of the one that its frames are to be compressed with.
    """
    asked = f"{base}{PATH}?collections={quote(POSTS)}" + ("" if cursor is None else f"&cursor={cursor}")
    return asked + ("" if dictionary is None else f"&zstdDictionary={dictionary}")


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 time; None for anything else."""
    try:
        then = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return then.astimezone(UTC) if then.tzinfo is not None else None
