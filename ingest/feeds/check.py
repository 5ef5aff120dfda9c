"""Explaining one feed: its type, dates, items, caching, robots, language, and what is wrong with its identities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from ingest.base import Told
from ingest.feeds.feed import Feed
from ingest.feeds.rss import tell
from ingest.formats.parse import ParserPool
from ingest.formats.parsed import ParsedFeed
from ingest.net.http import Fetched, Fetcher
from ingest.net.robots import RobotsRefused
from riskwire.errors import FetchError, IngestError
from riskwire.types import Document


class Finding(msgspec.Struct, frozen=True):
    """One line of the explanation; `do` is what its owner may want to do."""

    check: str
    status: Literal["ok", "warning", "broken"]
    found: str
    do: str = ""


async def explain(feed: Feed, fetcher: Fetcher, parser: ParserPool, now: Callable[[], datetime]) -> list[Finding]:
    """Ask the feed twice, the second time conditionally, and say what it is. Never raises the feed's own failure."""
    findings: list[Finding] = []
    try:
        found = await fetcher.get(feed.url, robots=not feed.ignore_robots)
    except RobotsRefused as error:
        findings.append(Finding("robots", "broken", error.message, error.hint))
        try:
            found = await fetcher.get(feed.url)
        except FetchError as second:
            return [*findings, _broken("fetch", second)]
    except FetchError as error:
        return [_broken("fetch", error)]
    else:
        allowed = "not asked (ignore_robots)" if feed.ignore_robots else "it may be polled"
        findings.append(Finding("robots", "ok", allowed if feed.url.startswith("http") else "a local file"))
    findings += _fetch(feed, found)
    try:
        parsed = await parser.parse(found.body, found.url, found.content_type)
    except IngestError as error:
        return [*findings, _broken("type", error)]
    findings.append(Finding("type", "ok", f"{parsed.version or 'unknown'}: {parsed.title or '(no title)'}"))
    if parsed.flaw:
        findings.append(Finding("type", "warning", parsed.flaw, "It was read all the same."))
    told = tell(feed, parsed, now())
    findings += [*items(parsed, told, now()), *dates(told), language(told)]
    try:
        again = await fetcher.get(feed.url, etag=found.etag, last_modified=found.last_modified)
        later = told
        if not again.not_modified:
            later = tell(feed, await parser.parse(again.body, again.url, again.content_type), now())
        findings += [*_caching(parsed, found, again), *identity(told, later)]
    except IngestError as error:
        findings.append(Finding("caching", "warning", f"a second fetch failed: {error.message}", error.hint))
    return findings


def _broken(check: str, error: IngestError) -> Finding:
    return Finding(check, "broken", error.message, error.hint)


def _fetch(feed: Feed, found: Fetched) -> list[Finding]:
    size = f"{len(found.body):,} bytes, {found.content_type or 'no content type'}"
    findings = [Finding("fetch", "ok", size)]
    if found.permanent:
        findings.append(
            Finding("fetch", "warning", f"has moved for good to {found.permanent}", "Put the new address in its table.")
        )
    elif found.url != feed.url:
        findings.append(Finding("fetch", "ok", f"is redirected, for now, to {found.url}"))
    return findings


def items(parsed: ParsedFeed, told: Sequence[Told], now: datetime) -> list[Finding]:
    """How many, how old, and what lengths."""
    if not told:
        return [Finding("items", "warning", f"{len(parsed.entries)} entries, none with text", "Is it the right feed?")]
    documents = [one.document for one in told]
    dated = [one.published_at for one in documents if one.published_at and one.published_quality != "future"]
    age = (now - max(dated)).total_seconds() if dated else None
    text = f"{len(documents)} stories, {sum(bool(one.summary or one.content) for one in documents)} of them with more "
    text += "than a title" + (f"; the newest {_span(age)} old" if age is not None else "")
    old = age is not None and age > 14 * 86400
    return [Finding("items", "warning" if old else "ok", text, "It may be dead although it answers." if old else "")]


def dates(told: Sequence[Told]) -> list[Finding]:
    """What its dates are worth."""
    count = Counter(one.document.published_quality for one in told)
    if not count:
        return []
    text = ", ".join(f"{number} {quality}" for quality, number in count.most_common())
    if count["missing"] or count["future"]:
        return [
            Finding("dates", "warning", text, "Set its zone, if its dates name none. Undated stories count as seen.")
        ]
    return [Finding("dates", "ok", text)]


def language(told: Sequence[Told]) -> Finding:
    """In which languages it is, as it says itself."""
    count = Counter(one.document.language or "not stated" for one in told)
    text = ", ".join(f"{one}: {number}" for one, number in count.most_common(5)) or "no story"
    others = [one for one in count if not one.startswith(("en", "not stated"))]
    do = "Stories in other languages are kept, but not scored." if others else ""
    return Finding("language", "warning" if others else "ok", text, do)


def _caching(parsed: ParsedFeed, found: Fetched, again: Fetched) -> list[Finding]:
    has = [name for name, value in (("ETag", found.etag), ("Last-Modified", found.last_modified)) if value]
    fresh = f"; fresh for {_span(found.fresh)}" if found.fresh else ""
    pace = f"; asks for {_span(parsed.ttl)} between polls" if parsed.ttl else ""
    if again.not_modified:
        return [Finding("caching", "ok", f"answers 304 by {' and '.join(has)}{fresh}{pace}")]
    if has:
        return [Finding("caching", "warning", f"gives {' and '.join(has)}, but not 304{fresh}{pace}")]
    return [Finding("caching", "warning", f"has neither ETag nor Last-Modified{fresh}{pace}")]


def identity(told: Sequence[Told], later: Sequence[Told]) -> list[Finding]:
    """Whether its stories can be told apart, and known again: `later` is what it told when asked again."""
    findings = []
    ids = Counter(one.document.id for one in told)
    if doubled := sum(count - 1 for count in ids.values()):
        findings.append(Finding("identity", "warning", f"{doubled} stories are told more than once"))
    without = sum(one.link is None for one in told)
    if told and without == len(told):
        findings.append(
            Finding("identity", "warning", "no story has a link of its own", "They are known by guid or by text.")
        )
    texts = {_text(one.document): one.document.id for one in told}
    changed = sum(texts.get(_text(one.document), one.document.id) != one.document.id for one in later)
    if changed:
        findings.append(
            Finding(
                "identity", "broken", f"{changed} stories had another id when asked again", "Each poll doubles them."
            )
        )
    return findings or [Finding("identity", "ok", f"{len(ids)} stories, the same when asked again")]


def _text(document: Document) -> tuple[str, str, str]:
    return document.title, document.summary, document.content


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
