"""Made-up feeds of every element that means something to somebody: read by the short way as by feedparser."""

import os
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ingest.formats.parsed import ParsedFeed
from ingest.formats.quick import read_quickly
from ingest.formats.reading import read_feed
from ingest.formats.rules import RULES
from riskwire.errors import ParseError

SOAK = os.environ.get("RISKWIRE_SOAK") == "1"
SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/", "dcterms": "http://purl.org/dc/terms/", "z": "urn:unknown",
    "content": "http://purl.org/rss/1.0/modules/content/", "media": "http://search.yahoo.com/mrss/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd", "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "ndaq": "http://www.nasdaqtrader.com/", "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "sa": "https://seekingalpha.com/api/1.0", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "a": "http://www.w3.org/2005/Atom",
}  # fmt: skip
#: Prefixes that are not what they seem.
ODD_SPACES = ({"y": "urn:unknown"}, {"Dc": "urn:other"}, {"sy": "urn:other"}, {"a": "urn:other"}, {})
TAME = sorted(
    {key.replace("_", ":", 1) if key.partition("_")[0] in SPACES else key for key in RULES}
    | {
        "a:id", "a:title", "comments", "contributor", "copyright", "enclosure", "feedburner:origLink", "generator",
        "itunes:image", "lastBuildDate", "media:content", "media:credit", "media:group", "media:thumbnail", "name",
        "ndaq:HaltDate", "ndaq:HaltTime", "ndaq:ReasonCode", "pubDate", "rights", "sy:updateFrequency",
        "sy:updatePeriod", "ttl", "url", "webMaster", "z:link", "z:title",
    }
)  # fmt: skip
WILD = ("authors", "body", "cik", "date", "div", "Dc:creator", "info", "items", "links", "newLocation", "rdf:li",
        "sa:stock", "tags", "y:thing", "abstract", "psc:chapters", "title_detail", "x_all")  # fmt: skip
_TAME_NESTS = {
    "author": ("name", "uri", "email"), "contributor": ("name", "email"), "media:group": ("media:title",),
    "media:content": ("media:title", "media:description", "media:category", "media:credit"),
}  # fmt: skip
_WILD_NESTS = {
    "image": ("title", "url", "link", "foo"), "sa:stock": ("sa:symbol",), "source": ("title",), "items": ("rdf:li",),
    "textinput": ("title", "name"), "itunes:owner": ("itunes:name",), "description": ("p",), "z:x": ("title", "z:y"),
}  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(
        ("", " ", "Oil rises", "https://e.org/a?x=1&y=2", "/a b", "a&copy;b", "&amp;lt;", "<p>It <b>rose</b></p>",
         "Ada (a@e.org)", "a@e.org (Ada)", "<a@e.org>", "a, b,c", "Ã©tÃ©", "don\x92t", "Märkte 央行", " x \n y ",
         "Sun, 08 Mar 2026 22:16 GMT", "2026-03-08", "AAPL, MSFT", "03/08/2026", "10:00:00", "LUDP", "true", "5",
         "http:///x", "&#8217;", "\u200bzero\u00a0width", "hourly", "daily")
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12),
)  # fmt: skip
VALUES = st.sampled_from(
    ("", "alternate", "self", "SELF", "text/html", "html", "text", "image/png", "true", "false", "en_GB", "de", "t",
     "https://e.org/b", "b/c", "https://www.globenewswire.com/rss/stock", "2.0")
)  # fmt: skip
PLAIN = ("rel", "href", "url", "uri", "isPermaLink", "term", "scheme", "domain", "label", "text", "xml:lang", "lang")
ODD = ("type", "mode", "rdf:about", "z:href", "dc:x", "version", "xml:base", "src", "Type", "lastmod")
ATTRIBUTES = {
    False: st.one_of(st.just({}), st.dictionaries(st.sampled_from(PLAIN), VALUES, max_size=2)),
    True: st.dictionaries(
        st.sampled_from(PLAIN + ODD), st.one_of(VALUES, st.sampled_from(("xhtml", "base64", "escaped"))), max_size=2
    ),
}


def element(name: str, attributes: dict[str, str], inner: str) -> str:
    return f"<{name}{''.join(f' {key}={quoteattr(value)}' for key, value in attributes.items())}>{inner}</{name}>"


def written(text: str, cdata: bool) -> str:
    return f"<![CDATA[{text.replace(']]>', '')}]]>" if cdata else escape(text)


def parts(wild: bool) -> st.SearchStrategy[str]:
    """Elements of an entry or of a feed."""
    attributes, nests = ATTRIBUTES[wild], _TAME_NESTS | (_WILD_NESTS if wild else {})
    leaf = st.builds(
        lambda name, more, text, cdata: element(name, more, written(text, cdata)),
        st.sampled_from(TAME + (list(WILD) if wild else [])), attributes, TEXTS, st.booleans(),
    )  # fmt: skip
    nest = st.sampled_from(sorted(nests)).flatmap(
        lambda name: st.builds(
            lambda more, inner: element(name, more, "".join(inner)),
            attributes,
            st.lists(
                st.builds(
                    lambda one, less, text: element(one, less, escape(text)),
                    st.sampled_from(nests[name]), attributes, TEXTS,
                ),
                max_size=3,
            ),
        )
    )  # fmt: skip
    return st.lists(st.one_of(*[leaf] * 6, nest), max_size=8).map("".join)


@st.composite
def feeds(draw: Any) -> bytes:
    wild = draw(st.integers(0, 3)) == 0
    kind = draw(st.sampled_from(("rss", "atom", "rdf", "plain atom")))
    spaces = SPACES | (draw(st.sampled_from(ODD_SPACES)) if wild else {})
    declared = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in spaces.items())
    items = draw(st.lists(st.tuples(ATTRIBUTES[True] if wild else st.just({}), parts(wild)), max_size=3))
    item = "entry" if "atom" in kind else "item"
    head, inner = draw(parts(wild)), "".join(element(item, more, inside) for more, inside in items)
    if kind == "rdf":
        text = f'<rdf:RDF xmlns="http://purl.org/rss/1.0/"{declared}><channel>{head}</channel>{inner}</rdf:RDF>'
    elif kind == "rss":
        version = draw(st.sampled_from(("2.0", "0.91", "0.92", "", "3")))
        text = f'<rss version="{version}"{declared}><channel>{head}{inner}{draw(parts(wild))}</channel></rss>'
    else:
        own = ' xmlns="http://www.w3.org/2005/Atom"' if kind == "atom" else ' version="0.3"'
        text = f"<feed{own}{declared}>{head}{inner}{draw(parts(wild))}</feed>"
    return text.encode()


def read(body: bytes, *, quick: bool) -> ParsedFeed | str:
    try:
        return read_feed(body, "https://e.org/feeds/f", quick=quick)
    except ParseError as error:
        return str(error)


@settings(
    max_examples=5_000 if SOAK else 400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(body=feeds())
def test_property_made_up_feeds_are_read_alike(body: bytes) -> None:
    found = read_quickly(body, "https://e.org/feeds/f", "application/xml")
    event("quick" if found is not None else "left to feedparser")
    assert read(body, quick=True) == read(body, quick=False)
