"""Which entry is which story: guids and links that can be trusted, seen over a whole fetch. Pure.

Publishers change guids at every fetch, give all entries one guid or one link, and hang counters on both. To merge two
stories is worse than to keep one twice: what is not sure gives way to the next sign, and at last to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit, urlunsplit

import msgspec

from ingest.formats.parsed import ParsedEntry
from riskwire.identity import canonical_link

_GUID_TIME = re.compile(r"[?&]time=\d{9,13}$")  # nasdaq.com: another one at every fetch


class Identity(msgspec.Struct, frozen=True):
    """What an entry is known by: each None where it can't be trusted."""

    guid: str | None
    link: str | None


def identities(
    entries: Sequence[ParsedEntry], links: Sequence[str | None], hash_of: Callable[[int], str], home: str | None
) -> list[Identity]:
    """The identity of each entry of one fetch, in order.

    `links` are canonical, `hash_of` tells the hash of an entry's texts (of few: most have guid and link), `home` is the
    feed's own page.
    """
    guids = _trusted_guids(entries, links, hash_of)
    own = _own_links(links, guids, hash_of, home)
    return [Identity(guid, link) for guid, link in zip(guids, own, strict=True)]


def stable_guid(guid: str | None) -> str | None:
    """The guid without what changes at every fetch: surrounding space, and of an address its tracking parameters."""
    text = _GUID_TIME.sub("", (guid or "").strip())
    if not text:
        return None
    if "?" in text and (canonical := canonical_link(text)):
        plain, kept = urlsplit(text), urlsplit(canonical)
        if len(kept.query) < len(plain.query):
            return urlunsplit((*kept[:4], plain.fragment))  # a fragment may be all that tells two entries apart
    return text


def _trusted_guids(
    entries: Sequence[ParsedEntry], links: Sequence[str | None], hash_of: Callable[[int], str]
) -> list[str | None]:
    """Each entry's guid, or None where several different entries share it."""
    guids = [stable_guid(entry.guid) for entry in entries]
    stands_for = _grouped(guids, [link or hash_of(index) for index, link in enumerate(links)])
    return [
        guid if guid and (entry.record or len(stands_for[guid]) == 1) else None
        for guid, entry in zip(guids, entries, strict=True)
    ]


def _own_links(
    links: Sequence[str | None], guids: Sequence[str | None], hash_of: Callable[[int], str], home: str | None
) -> list[str | None]:
    """Each entry's canonical link, or None where it does not lead to this one story: a shared one, or a home page."""
    stands_for = _grouped(links, [guid or hash_of(index) for index, guid in enumerate(guids)])
    return [
        link if link and len(stands_for[link]) == 1 and link != home and not _is_home(link) else None for link in links
    ]


def _is_home(link: str) -> bool:
    parts = urlsplit(link)
    return parts.path in ("", "/") and not parts.query


def _grouped(keys: Sequence[str | None], values: Sequence[str]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for key, value in zip(keys, values, strict=True):
        if key is not None:
            groups.setdefault(key, set()).add(value)
    return groups
