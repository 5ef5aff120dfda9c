"""What is read of a post of the X API v2, and the document that is made of it. Pure.

An edit is a new id; all versions of a post share the first one, which is the story's identity.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from ingest.dates.read import read_date
from ingest.documents.authors import masked_names, pseudonym
from ingest.documents.make import make_document
from ingest.documents.text import html_to_text
from riskwire.identity import document_id
from riskwire.types import Document

PLATFORM = "twitter"
#: What is asked for of a post. Users are not expanded: each would be paid for, and no name is wanted.
FIELDS = "id,text,note_tweet,created_at,author_id,lang,entities,public_metrics,edit_history_tweet_ids,referenced_tweets"
_EPOCH_MS = 1_288_834_974_657
#: X's own codes for posts without words.
_NO_LANGUAGE = frozenset(("und", "zxx", "qam", "qct", "qht", "qme", "qst", "art"))


class _Tag(msgspec.Struct, frozen=True):
    tag: str = ""


class _Mention(msgspec.Struct, frozen=True):
    username: str = ""


class _Entities(msgspec.Struct, frozen=True):
    cashtags: list[_Tag] = []
    hashtags: list[_Tag] = []
    mentions: list[_Mention] = []


class _Note(msgspec.Struct, frozen=True):
    text: str = ""
    entities: _Entities = _Entities()


class _Reference(msgspec.Struct, frozen=True):
    type: str = ""


class Post(msgspec.Struct, frozen=True):
    """A post; what else there is, is ignored. Ids are strings that order as integers."""

    id: str
    text: str = ""
    note_tweet: _Note | None = None
    created_at: str | None = None
    author_id: str | None = None
    lang: str | None = None
    entities: _Entities = _Entities()
    public_metrics: dict[str, int | None] | None = None
    edit_history_tweet_ids: list[str] = []
    referenced_tweets: list[_Reference] = []

    @property
    def first(self) -> str:
        """The id of its first version."""
        return min(self.edit_history_tweet_ids, key=number, default=self.id)

    @property
    def last(self) -> str:
        """The id of its newest version."""
        return max([*self.edit_history_tweet_ids, self.id], key=number)

    @property
    def is_repost(self) -> bool:
        """Whether it only repeats another's."""
        return any(one.type == "retweeted" for one in self.referenced_tweets)

    @property
    def is_told(self) -> bool:
        """Whether it has words of its own, and is no version that was edited since."""
        return self.id == self.last and not self.is_repost


class Meta(msgspec.Struct, frozen=True):
    """Of a page."""

    newest_id: str | None = None
    oldest_id: str | None = None
    next_token: str | None = None
    result_count: int = 0


class Problem(msgspec.Struct, frozen=True):
    """Why something that was asked for is not in the answer."""

    type: str = ""
    resource_type: str = ""
    resource_id: str = ""
    value: str = ""

    @property
    def gone(self) -> str | None:
        """The id of a post that is deleted, or that the public no longer sees."""
        kind = self.type.rpartition("/")[2]
        away = kind in ("resource-not-found", "not-authorized-for-resource") and self.resource_type == "tweet"
        return (self.resource_id or self.value or None) if away else None


class Page(msgspec.Struct, frozen=True):
    """An answer. One without `meta`, `data` and `errors` is none."""

    data: list[Post] | None = None
    meta: Meta | None = None
    errors: list[Problem] | None = None


def post_id(first: str) -> str:
    """The id of the story whose first version has this id."""
    return document_id(PLATFORM, guid=first)


def number(identifier: str | None) -> int:
    """An id as a number; 0 for what is none."""
    return int(identifier) if identifier and identifier.isascii() and identifier.isdigit() else 0


def born(identifier: str) -> datetime | None:
    """When an id was given out: it holds its time."""
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=(number(identifier) >> 22) + _EPOCH_MS)
    except OverflowError:
        return None


def tell(post: Post, source: str, feed_url: str, run_id: str, key: bytes, now: datetime) -> Document:
    """The document; of an edited post dated by its first version, and updated by this one."""
    note = post.note_tweet if post.note_tweet and post.note_tweet.text else None
    text, entities = (note.text, note.entities) if note else (post.text, post.entities)
    mentions = [one.username for one in (*entities.mentions, *post.entities.mentions)]
    edited = post.first != post.id
    stated = read_date(post.created_at, now)
    first = born(post.first) if edited else None
    return make_document(
        document_id=post_id(post.first),
        source=source,
        publisher=PLATFORM,
        source_type="social",
        run_id=run_id,
        feed_url=feed_url,
        # Leads to the post without its author's name.
        link=f"https://x.com/i/status/{number(post.id)}",
        title=masked_names(html_to_text(text), mentions),
        authors=(pseudonym(key, PLATFORM, post.author_id),) if post.author_id else (),
        language=None if post.lang in _NO_LANGUAGE else post.lang,
        tags=[one.tag for one in (*entities.hashtags, *post.entities.hashtags)],
        source_symbols=[one.tag.upper() for one in (*entities.cashtags, *post.entities.cashtags)],
        published=read_date(first.isoformat(), now) if first else stated,
        updated_at=stated.at if edited else None,
        seen_at=now,
        engagement={name.removesuffix("_count"): count for name, count in (post.public_metrics or {}).items()},
    )
