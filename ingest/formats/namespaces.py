"""Elements beyond RSS and Atom that matter in finance: tickers, filings, halts, media texts, true links, aggregators.

feedparser keeps what it does not know under `prefix_name`, the last one only, and takes a caption for a description and
a guid for an address. Hooks mend that; they are put in place once, when this module is imported (in a parser process).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from feedparser.mixin import _FeedParserMixin

from ingest.documents.text import html_to_text
from ingest.formats.edgarfeed import is_filing, read_filing
from ingest.formats.halts import is_halt, read_halt
from ingest.formats.parsed import ParsedEntry

#: Elements that name tickers, as feedparser calls them. Several may stand in one entry.
TICKERS = (
    "ndaq_issuesymbol", "nasdaq_tickers", "sa_symbol", "bz_ticker", "bz_tickers", "benzinga_ticker", "yahoo_ticker",
    "zacks_ticker", "finance_symbol", "stock_symbol",
)  # fmt: skip
#: Feeds' own redirects: page → the parameter that holds the real address.
_REDIRECTS = {
    ("www.google.com", "/url"): "url",
    ("www.bing.com", "/news/apiclick.aspx"): "url",
}
#: Namespaces that feedparser does not know → the prefix by which their elements are looked up, whatever the feed's is.
_PREFIXES = {
    "http://www.nasdaqtrader.com/": "ndaq",
    "https://www.nasdaq.com/": "nasdaq",
    "http://nasdaq.com/reference/feeds/1.0": "nasdaq",
    "https://seekingalpha.com/api/1.0": "sa",
    "https://www.sec.gov/Archives/edgar": "edgar",
}
_TICKER = re.compile(r"[A-Za-z0-9.:^=/-]{1,24}")


def refine(raw: Mapping[str, Any], entry: ParsedEntry, feed: Mapping[str, Any]) -> ParsedEntry:
    """The entry with what its namespaces say. `raw` and `feed` are feedparser's."""
    entry = msgspec.structs.replace(entry, link=true_link(raw, entry.link), symbols=tickers(raw))
    entry = _with_media(raw, entry)
    if is_filing(raw, entry):
        return read_filing(raw, entry, feed)
    if is_halt(raw):
        return read_halt(raw, entry)
    return _without_aggregator(entry)


def true_link(raw: Mapping[str, Any], link: str | None) -> str | None:
    """Where the story is: the publisher's own link rather than a counter's (`origLink`), the page that a search
    engine's redirect leads to, the alternate that is a web page."""
    for key in ("feedburner_origlink", "pheedo_origlink"):
        original = raw.get(key)
        if isinstance(original, str) and original.strip().startswith(("http://", "https://")):
            return original.strip()
    pages = [
        str(one.get("href"))
        for one in raw.get("links") or ()
        if one.get("rel") == "alternate" and one.get("href") and "html" in str(one.get("type") or "html")
    ]
    # RSS knows one link and says nothing of its kind; of Atom's several alternates the first page is the story.
    if pages and link not in pages:
        link = pages[0]
    return _unwrapped(link)


def _unwrapped(link: str | None) -> str | None:
    # Looked for as text first: few links lead through one, and to take a link apart costs more than all else here.
    if not link or not any(page in link for _, page in _REDIRECTS):
        return link
    try:
        parts = urlsplit(link)
        name = _REDIRECTS.get((parts.netloc.lower(), parts.path))
        inner = parse_qs(parts.query).get(name, [""])[0] if name else ""
    except ValueError:
        return link
    return inner if inner.startswith(("http://", "https://")) else link


def tickers(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Tickers in elements of their own, as they are written (`XNAS:AAPL`, `Paris:IPS`)."""
    found: list[str] = []
    for key in filter(raw.__contains__, TICKERS):
        for value in raw.get(f"{key}_all") or [raw.get(key)]:
            found += re.split(r"[,;\s]+", value) if isinstance(value, str) else []
    found += [html_to_text(str(tag.get("term") or "")) for tag in raw.get("tags") or () if is_stock_tag(tag)]
    return tuple(dict.fromkeys(one for one in found if _TICKER.fullmatch(one)))


def is_stock_tag(tag: Mapping[str, Any]) -> bool:
    """Whether a category is a ticker: GlobeNewswire's `Paris:IPS`."""
    return str(tag.get("scheme") or "").endswith("/rss/stock")


def _with_media(raw: Mapping[str, Any], entry: ParsedEntry) -> ParsedEntry:
    """`media:description` (often a picture's caption) is the summary only of an entry that has no other text."""
    described = raw.get("media_description")
    if isinstance(described, str) and not (entry.summary or entry.content):
        return msgspec.structs.replace(entry, summary=html_to_text(described))
    return entry


def _without_aggregator(entry: ParsedEntry) -> ParsedEntry:
    """Google News' summary is its own list of links: the title again, and the publisher."""
    if entry.via and entry.link and urlsplit(entry.link).hostname == "news.google.com":
        return msgspec.structs.replace(entry, summary="", content="")
    return entry


def _hook(name: str) -> None:
    def start(self: Any, attributes: Any) -> None:
        self.push(name, 1)

    def end(self: Any) -> None:
        value = self.pop(name)
        if isinstance(value, str) and value.strip() and self.inentry:
            self._get_context().setdefault(f"{name}_all", []).append(value)

    setattr(_FeedParserMixin, f"_start_{name}", start)
    setattr(_FeedParserMixin, f"_end_{name}", end)


def _hook_media_description() -> None:
    """feedparser takes it for a description, so that a caption would stand in for the story's text."""

    def start(self: Any, attributes: Any) -> None:
        self.push("media_description", 1)

    def end(self: Any) -> None:
        self.pop("media_description")

    _FeedParserMixin._start_media_description = start
    _FeedParserMixin._end_media_description = end


for _name in TICKERS:
    _hook(_name)
for _uri, _prefix in _PREFIXES.items():
    _FeedParserMixin._matchnamespaces.clear()  # made anew from `namespaces` by the next parser
    _FeedParserMixin.namespaces[_uri] = _prefix
# A guid is a name, not an address: resolved against the feed's URL it would change whenever the feed moves.
_FeedParserMixin.can_be_relative_uri = _FeedParserMixin.can_be_relative_uri - {"id"}
_hook_media_description()
