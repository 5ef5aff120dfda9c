"""A status of Mastodon → a Document without anyone's name. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit

import msgspec

from ingest.dates.read import read_date
from ingest.documents.authors import masked_names, pseudonym
from ingest.documents.make import make_document
from ingest.documents.text import html_to_text
from riskwire.identity import document_id
from riskwire.types import Document

PLATFORM = "mastodon"
#: Who may see what is taken: everyone.
_SEEN_BY_ALL = ("public", "unlisted")


class _Account(msgspec.Struct, frozen=True):
    id: str = ""
    acct: str = ""
    username: str = ""
    url: str | None = None
    followers_count: int | None = None
    following_count: int | None = None
    statuses_count: int | None = None
    created_at: str | None = None
    bot: bool | None = None


class _Tag(msgspec.Struct, frozen=True):
    name: str = ""


class Status(msgspec.Struct, frozen=True):
    """What is read of a status; what else there is, is ignored."""

    id: str
    uri: str
    created_at: str | None = None
    edited_at: str | None = None
    content: str = ""
    spoiler_text: str = ""
    visibility: str = "public"
    language: str | None = None
    account: _Account = _Account()
    mentions: list[_Account] = []
    tags: list[_Tag] = []
    reblog: object | None = None
    replies_count: int | None = None
    reblogs_count: int | None = None
    favourites_count: int | None = None

    @property
    def document_id(self) -> str:
        """The story's id: the same on whichever server it was seen."""
        return document_id(PLATFORM, guid=self.uri)

    @property
    def number(self) -> int:
        """The id as it orders."""
        return number(self.id)

    @property
    def shown(self) -> bool:
        """Whether it is a post of its own that everyone may read."""
        return self.visibility in _SEEN_BY_ALL and self.reblog is None


def status_document(
    status: Status, *, source: str, base: str, feed_url: str, key: bytes, run_id: str, now: datetime
) -> Document:
    """The status as the server at `base` has it. Its title is empty where there is no text."""
    text = html_to_text(status.content)
    if status.spoiler_text:
        text = f"{html_to_text(status.spoiler_text)}: {text}"
    account = status.account
    created = read_date(account.created_at, now).at
    return make_document(
        document_id=status.document_id,
        source=source,
        publisher=PLATFORM,
        source_type="social",
        run_id=run_id,
        feed_url=feed_url,
        # The post's own address holds its author's name; this one leads there by its number.
        link=status_link(base, status.id),
        title=masked_names(text, _names(status.mentions)),
        authors=(
            pseudonym(key, PLATFORM, account_name(account.acct or account.username or account.id, account.url, base)),
        ),
        language=status.language,
        tags=[tag.name for tag in status.tags],
        published=read_date(status.created_at, now),
        updated_at=read_date(status.edited_at, now).at,
        seen_at=now,
        engagement={
            "replies": status.replies_count,
            "reposts": status.reblogs_count,
            "likes": status.favourites_count,
        },
        author_reputation={
            "followers": account.followers_count,
            "following": account.following_count,
            "posts": account.statuses_count,
            "age_days": (now - created).days if created is not None else None,
            "bot": 1 if account.bot else None,
        },
    )


def status_link(base: str, identifier: str) -> str:
    """Where a status is shown, by its number."""
    return f"{base}/statuses/{quote(identifier, safe='')}"


def account_name(name: str, url: str | None, base: str) -> str:
    """`name@host`, the same on whichever server the post was seen."""
    return name if "@" in name else f"{name}@{urlsplit(url or base).hostname or ''}"


def number(identifier: str | None) -> int:
    """Ids are strings that order as integers; 0 for what is none."""
    good = identifier and identifier.isascii() and identifier.isdigit() and len(identifier) <= 18
    return int(identifier or 0) if good else 0


def _names(accounts: Sequence[_Account]) -> list[str]:
    return [name for account in accounts for name in (account.acct, account.username)]
