"""What the parser says of a feed: plain text and raw dates, in one shape for RSS, Atom, RDF and JSON Feed."""

from __future__ import annotations

import msgspec

from riskwire.types import SourceType


class ParsedEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry. Texts are plain; `guid` and the dates are as the publisher wrote them, unless it is a `record`."""

    guid: str | None = None
    link: str | None = None
    title: str = ""
    summary: str = ""
    content: str = ""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    language: str | None = None
    published: str | None = None
    updated: str | None = None
    via: str | None = None  # the publisher that an aggregator names (RSS `<source>`), and its address
    via_link: str | None = None
    # A record (a filing, a trading halt) rather than an article: its guid is an identity by itself, however many
    # entries share it; `version` is what makes two tellings of it the same one.
    record: bool = False
    version: str = ""
    source_type: SourceType | None = None


class ParsedFeed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A feed. `version` is the parser's word (`rss20`, `atom10`, …); `flaw` says what was wrong but could be read."""

    version: str = ""
    title: str = ""
    link: str | None = None
    language: str | None = None
    ttl: float | None = None  # seconds between two polls that it asks for (`ttl`, else `sy:updatePeriod`)
    entries: tuple[ParsedEntry, ...] = ()
    flaw: str | None = None


class Job(msgspec.Struct, frozen=True, array_like=True):
    """What a parser process is given."""

    body: bytes
    url: str
    content_type: str | None


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What it says: the feed, or in one sentence why there is none. `retire`: it has grown and ends itself."""

    feed: ParsedFeed | None
    error: str | None
    retire: bool = False
