"""What makes two stories the same story, and two texts the same text. Pure, versioned, deterministic.

Changing a rule here makes every kept story look new: raise ID_VERSION or HASH_VERSION and say so in the changelog.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from riskwire.types import Document

ID_VERSION = 1
HASH_VERSION = 1

#: The content hash of a story that was removed: no text has it, and whoever is told the text again takes it for known.
REMOVED = "removed"

#: Query parameters that say where a click came from, never which page it leads to. Only names that are sure: to merge
#: two stories is worse than to keep one twice.
_TRACKING = re.compile(
    r"^(utm_.*|at_[a-z]+|ns_[a-z]+|mc_[ce]id|fbclid|gclid|dclid|gbraid|wbraid|msclkid|igshid|yclid|twclid|mkt_tok|_hs[a-z]+"
    r"|ref_src|cmpid|ito|ncid|feedname|feedtype|smid|smtyp|mod|siteid|yptr|\.tsrc|guccounter|guce_[a-z_]+"
    r"|__twitter_impression|traffic_source|taid|ocid|s_cid|campaign_id)$",
    re.IGNORECASE,
)
_REMEMBERED = 2048  # characters
_SPACE = re.compile(r"\s+")
# Counters and relative ages change at every fetch without the story changing: "(14 comments)", "3 hours ago".
_AGE = re.compile(
    r"\b(?:an?|\d+)\s*(?:s|sec(?:ond)?|m|min(?:ute)?|h|hr|hour|d|day|week|month|year)s?\s+ago\b|\bjust now\b",
    re.IGNORECASE,
)
# Bounded on every side: a pattern that may start anywhere in a run of digits takes time in its square.
_COUNTER = re.compile(
    r"\(?(?<![\w.,])\d[\d,.]{0,20}\s{0,3}(?:comments?|views?|shares?|likes?|reads?|points?|replies|retweets?)\b\)?",
    re.IGNORECASE,
)


def _sha256(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        # Length-prefixed: ("ab", "c") and ("a", "bc") must differ.
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def author_of(document: Document) -> str | None:
    """The pseudonym whose deletion takes this story along; None for what no private person wrote."""
    return document.authors[0] if document.source_type == "social" and document.authors else None


def canonical_link(link: str | None) -> str | None:
    """The link without fragment, tracking parameters, default port and letter case of the host; None if not http(s)."""
    if not link:
        return None
    # Asked several times for each story on its way. An endless one is not remembered.
    return _canonical(link) if len(link) <= _REMEMBERED else _canonical.__wrapped__(link)


@functools.lru_cache(maxsize=4096)
def _canonical(link: str) -> str | None:
    try:
        parts = urlsplit(link.strip())
        host = (parts.hostname or "").rstrip(".")
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(key)]
    netloc = f"[{host}]" if ":" in host else host
    if port and port != {"http": 80, "https": 443}[parts.scheme]:
        netloc += f":{port}"
    return urlunsplit((parts.scheme, netloc, parts.path or "/", urlencode(query), ""))


def publisher_of(link: str | None, feed_url: str | None) -> str:
    """The host of the canonical link without `www.`, else the feed's; empty when neither has one."""
    for candidate in (link, feed_url):
        canonical = canonical_link(candidate)
        if canonical:
            return (urlsplit(canonical).hostname or "").removeprefix("www.")
    return ""


def plain(text: str) -> str:
    """Text as it is compared: Unicode NFKC, white space folded, ages and counters out, ends trimmed."""
    text = unicodedata.normalize("NFKC", text)
    text = _COUNTER.sub(" ", _AGE.sub(" ", text))
    return _SPACE.sub(" ", text).strip()


def content_hash(title: str, summary: str) -> str:
    """Over plain title and summary. The same id with another hash is a correction."""
    return _sha256(f"content-{HASH_VERSION}", plain(title), plain(summary))[:32]


def document_id(
    publisher: str,
    *,
    guid: str | None = None,
    link: str | None = None,
    title: str = "",
    content: str = "",
    published_at: datetime | None = None,
) -> str:
    """32 hex digits over publisher and guid; without a guid the canonical link; without either, title and content.

    `published_at` belongs to the third form, of a backfill's rows, where one headline may come again on another day.
    Which guids are to be trusted is decided by the caller, who sees the whole fetch (`ingest.feeds.rss`).
    """
    if guid:
        return _sha256(f"id-{ID_VERSION}", publisher, "guid", guid.strip())[:32]
    canonical = canonical_link(link)
    if canonical:
        return _sha256(f"id-{ID_VERSION}", publisher, "link", canonical)[:32]
    when = published_at.isoformat() if published_at else ""
    return _sha256(f"id-{ID_VERSION}", publisher, "text", plain(title), plain(content), when)[:32]


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hex digits over the sorted labels: what makes two alerts the same alert."""
    return _sha256("fingerprint-1", *(part for key in sorted(labels) for part in (key, labels[key])))[:16]
