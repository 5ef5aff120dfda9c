"""Which element does what (`flat`), by the names that feedparser gives them. Data, but for one question."""

from __future__ import annotations

from collections.abc import Callable

from feedparser.mixin import _FeedParserMixin
from feedparser.util import FeedParserDict

from ingest.formats.flat import SAME, Flat
from ingest.formats.names import Element, Unsure
from ingest.formats.namespaces import TICKERS

#: Elements without a rule of their own, whose text is kept under their name.
_KEPT = ("feedburner_origlink", "pheedo_origlink", "ttl", "sy_updateperiod", "sy_updatefrequency")
_KEPT_OF = ("ndaq_", "edgar_")
#: Elements that do nothing to anything that we read.
_IDLE = frozenset(
    ("cc_license", "cloud", "comments", "contributor", "copyright", "creativecommons_license", "dc_contributor",
     "dc_publisher", "dc_rights", "dcterms_valid", "docs", "email", "enclosure", "expirationdate",
     "feedburner_browserfriendly", "generator", "height", "homepage", "info", "items", "itunes_block", "itunes_email",
     "itunes_explicit", "itunes_image", "itunes_link", "itunes_name", "itunes_owner", "itunes_subtitle",
     "media_content", "media_credit", "media_group", "media_license", "media_player", "media_rating",
     "media_restriction", "media_thumbnail", "name", "rights", "subtitle", "tagline", "uri", "url", "webmaster",
     "width")
)  # fmt: skip
#: Names that feedparser's or our own reader would look up: an element that is called so is a trap.
_TRAPS = frozenset(FeedParserDict.keymap) | frozenset(
    ("authors", "author_detail", "cik", "conformed-name", "content_detail", "filing-type", "links", "tags",
     "title_detail")
)  # fmt: skip

Rule = Callable[[Flat, Element, str], None]
_RULES: dict[Rule, tuple[str, ...]] = {
    Flat.title: ("title", "dc_title", "media_title"),
    Flat.link: ("link",),
    Flat.guid: ("guid", "id"),
    Flat.description: ("description", "dc_description", "summary", "itunes_summary"),
    Flat.content: ("content", "content_encoded", "fullitem"),
    Flat.author: ("author", "managingeditor", "dc_author", "dc_creator", "itunes_author"),
    Flat.category: ("category", "keywords", "dc_subject", "media_category", "itunes_category"),
    Flat.keywords: ("media_keywords", "itunes_keywords"),
    Flat.plain: ("published", "updated", "created", "language", "media_description", *SAME),
    Flat.source: ("source",),
    Flat.image: ("image", "textinput"),
    Flat.ticker: TICKERS,
}
RULES = {name: rule for rule, names in _RULES.items() for name in names}


def rule_of(key: str) -> Rule | None:
    """What an element of this name does; None: nothing that matters. Raises Unsure."""
    if rule := RULES.get(key):
        return rule
    if key in _IDLE:
        return None
    special = hasattr(_FeedParserMixin, f"_start_{key}") or hasattr(_FeedParserMixin, f"_end_{key}")
    if special or key in _TRAPS or key.endswith("_all"):
        raise Unsure
    return Flat.kept if key in _KEPT or key.startswith(_KEPT_OF) else None
