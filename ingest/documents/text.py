"""Outside markup → plain text. Everything that comes in is hostile: nothing but readable characters gets through."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from riskwire.identity import canonical_link

#: Tags that are looked at in one text; what follows is cut off. Deep nesting costs the parser quadratic time.
MAX_TAGS = 10_000
#: Longest link that is kept, in characters; longer ones are no links that people follow.
MAX_LINK = 2048

# Worth a parser only when there is something to parse: a tag, a comment, or an entity.
_MARKUP = re.compile(r"<[a-zA-Z/!?]|&(?:#\d|#[xX]|[a-zA-Z])")
# fmt: off
#: Elements that are dropped with all they hold.
_DROPPED = frozenset((
    "script", "style", "noscript", "template", "iframe", "object", "embed", "head", "title", "svg", "math", "textarea",
    "select", "button", "canvas", "audio", "video", "-comment", "!doctype", "-doctype",
))
#: Elements that do not part words; every other one does.
_INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt",
    "u", "var", "wbr", "-text",
))
# fmt: on
# Controls, marks that turn the direction of text (they can show a link as another), byte order marks, soft hyphens,
# zero-width spaces, invisible tag characters, lone surrogates, noncharacters. Joiners stay: emoji need them.
_UNWANTED = re.compile(
    "[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
# `<iframe …/>` of XHTML: HTML knows no such end, and would take the rest of the story for what is inside.
_CLOSED_AT_ONCE = re.compile(
    r"<(?:iframe|object|script|style|noscript|textarea|video|audio|canvas|svg)\b[^<>]{0,2000}/>", re.I
)
_SPACE = re.compile(r"[\s\u0085\u2028\u2029]+")


def clean(text: str) -> str:
    """Plain text with white space folded to single spaces, and without control, bidi and invisible characters."""
    if text.isprintable():  # which none of these characters is, nor any space but the common one
        return " ".join(text.split())
    return _SPACE.sub(" ", _UNWANTED.sub("", text)).strip()


def html_to_text(markup: str) -> str:
    """The readable text of HTML, or of plain text that may hold entities. Scripts and their like are dropped whole."""
    if not markup:
        return ""
    if not _MARKUP.search(markup):
        return clean(markup)
    parts: list[str] = []
    # A null byte would end the text inside the parser, a lone surrogate can't be handed to it.
    root = LexborHTMLParser(_few_tags(_CLOSED_AT_ONCE.sub(" ", _UNWANTED.sub("", markup)))).root
    if root is None:
        return ""
    node: LexborNode | None = root
    while node is not None:
        tag = node.tag or ""
        if tag == "-text":
            parts.append(node.text_content or "")
        elif tag not in _INLINE:
            parts.append(" ")
        if node.first_child is not None and tag not in _DROPPED and not _is_buttons(node):
            node = node.first_child
            continue
        # Up to the next that has a sibling: a walk of our own, since a dropped subtree of any depth costs nothing here.
        while node is not None and node.next is None:
            node = node.parent
            if node is not None and node.tag not in _INLINE:
                parts.append(" ")
        node = node.next if node is not None else None
    return clean("".join(parts))


def _few_tags(markup: str) -> str:
    if markup.count("<") <= MAX_TAGS:
        return markup
    position = -1
    for _ in range(MAX_TAGS):
        position = markup.find("<", position + 1)
    return markup[:position]


def _is_buttons(node: LexborNode) -> bool:
    return node.tag == "div" and node.attributes.get("class") == "feedflare"  # FeedBurner's, under each story


def safe_link(link: str | None) -> str | None:
    """The link if it is one to show: http or https, with a host, without user name and control characters."""
    if not link:
        return None
    link = link.strip()
    # No space and no control; what may not be printed is also whatever `clean` takes out.
    if len(link) > MAX_LINK or not link.isprintable() or " " in link:
        return None
    if "@" in link.split("//", 1)[-1].split("/", 1)[0]:
        return None
    return link if canonical_link(link) is not None else None


def cut(text: str, limit: int) -> tuple[str, bool]:
    """The text cut to `limit` bytes of UTF-8, never inside a character, and whether it was cut."""
    data = text.encode("utf-8")
    if len(data) <= limit:
        return text, False
    return data[: max(limit, 0)].decode("utf-8", "ignore").rstrip(), True
