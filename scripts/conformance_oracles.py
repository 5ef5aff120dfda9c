"""What other feed readers' own suites expect, as checks on our normal form. Nothing here decides how we read."""

from __future__ import annotations

import ast
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Check(NamedTuple):
    """One expectation: of an entry, or of the feed where `index` is None. `field` is in the words of ParsedEntry."""

    index: int | None
    field: str
    expected: Any


#: feedparser's names → ours. What is not here is outside the normal form (pictures, sound, places, rights, …).
_FEEDPARSER = {
    "title": "title", "title_detail.value": "title", "summary": "summary", "description": "summary",
    "summary_detail.value": "summary", "content.0.value": "content", "link": "link", "id": "guid", "guid": "guid",
    "published": "published", "updated": "updated", "published_parsed": "published_at", "updated_parsed": "updated_at",
    "author": "author", "author_detail.name": "author", "authors.0.name": "author", "tags.0.term": "tag",
    "category": "tag", "source.title": "via", "title_detail.language": "language",
}  # fmt: skip
_FEED = {"title": "title", "title_detail.value": "title", "link": "link", "language": "language"}
_EXPECT = re.compile(r"Expect:\s*(.+?)\s*(?:-->|$)", re.MULTILINE)
_HEADER = re.compile(r"^\s*Header:\s*([\w-]+):\s*(.+?)\s*$", re.MULTILINE)


def feedparser_headers(text: str) -> dict[str, str]:
    """The headers that a case is served with, names in lower case."""
    return {name.lower(): value for name, value in _HEADER.findall(text[:4000])}


def feedparser_checks(text: str) -> list[Check] | None:
    """The `Expect:` of a case; None where it expects nothing of what we keep (or says it in another form)."""
    found = _EXPECT.search(text)
    if found is None:
        return None
    try:
        tree = ast.parse(found.group(1).replace("\\\\", "\\"), mode="eval").body
    except SyntaxError:
        return None
    checks: list[Check] = []
    for part in tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]:
        if isinstance(part, ast.Compare) and all(isinstance(op, ast.Eq) for op in part.ops):
            *paths, value = [part.left, *part.comparators]
            constant = _literal(value)
            if constant is not None:
                checks += [check for path in paths if (check := _check(path, constant)) is not None]
    return checks or None


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _literal(node.left), _literal(node.right)
        return left + right if isinstance(left, str) and isinstance(right, str) else None
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _check(node: ast.expr, expected: Any) -> Check | None:
    if isinstance(node, ast.Name):
        return Check(None, "version", expected) if node.id == "version" else None
    if isinstance(node, ast.Call) and ast.unparse(node) == "len(entries)":
        return Check(None, "entries", expected)
    path: list[Any] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Subscript):
            path.insert(0, _literal(node.slice))
        elif isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
        else:
            return None
        node = node.value
    if node.id == "entries" and len(path) > 1 and isinstance(path[0], int):
        field = _FEEDPARSER.get(".".join(map(str, path[1:])))
        return Check(path[0], field, _value(field, expected)) if field else None
    field = _FEED.get(".".join(map(str, path))) if node.id == "feed" else None
    return Check(None, field, expected) if field else None


def _value(field: str, expected: Any) -> Any:
    if field in ("published_at", "updated_at") and isinstance(expected, tuple):
        return datetime(*expected[:6], tzinfo=UTC)
    return expected


def gofeed_checks(text: str) -> list[Check] | None:
    """A pair's expected JSON: gofeed's RSS, Atom or universal shape."""
    return _from_items(json.loads(text))


def feedrs_checks(text: str) -> list[Check] | None:
    """feed-rs' `.serde.json`."""
    checks = [Check(None, "entries", len(entries := json.loads(text).get("entries") or []))]
    for index, entry in enumerate(entries):
        pairs = [
            ("title", (entry.get("title") or {}).get("content")),
            ("summary", (entry.get("summary") or {}).get("content")),
            ("content", (entry.get("content") or {}).get("body")),
            ("published_at", _iso(entry.get("published"))),
            ("author", next((one["name"] for one in entry.get("authors") or [] if one.get("name") != "author"), None)),
            ("tag", (entry.get("categories") or [{}])[0].get("term")),
            (
                "link",
                next((one["href"] for one in entry.get("links") or [] if one.get("rel") in (None, "alternate")), 0),
            ),
        ]
        # An id that feed-rs has made itself (hex digits, a UUID) is none of the feed's.
        if not re.fullmatch(r"[0-9a-f]{30,32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", entry.get("id") or ""):
            pairs.append(("guid", entry.get("id")))
        checks += [Check(index, field, value) for field, value in pairs if value]
    return checks


def _from_items(feed: dict[str, Any]) -> list[Check] | None:
    checks: list[Check] = [Check(None, field, feed[field]) for field in ("title", "language") if feed.get(field)]
    for index, item in enumerate(feed.get("items") or feed.get("entries") or []):
        pairs = [
            ("title", item.get("title")),
            ("summary", item.get("description") or item.get("summary")),
            ("content", _inner(item.get("content"), "value")),
            ("guid", _inner(item.get("guid"), "value") or item.get("id")),
            ("link", item.get("link") or item.get("url")),
            ("published_at", _iso(item.get("publishedParsed") or item.get("pubDateParsed"))),
            ("updated_at", _iso(item.get("updatedParsed"))),
            ("author", _inner(item.get("author"), "name") or _inner((item.get("authors") or [None])[0], "name")),
            ("tag", _inner((item.get("categories") or [None])[0], "term", "value")),
        ]
        checks += [Check(index, field, value) for field, value in pairs if value]
    return checks or None


def _inner(value: Any, *names: str) -> Any:
    if isinstance(value, dict):
        return next((value[name] for name in names if value.get(name)), None)
    return value


def _iso(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def plain_checks(body: bytes) -> list[Check] | None:
    """For suites without an oracle: how many entries and which titles a plain XML reading finds. None if it can't."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - captured files by path, in a script of ours
    except (ET.ParseError, ValueError, LookupError):
        return None
    # The feed's own, not those inside a content module.
    holders = [root, *(one for one in root if _local(one.tag) == "channel")]
    entries = [one for holder in holders for one in holder if _local(one.tag) in ("item", "entry")]
    if _local(root.tag) not in ("rss", "feed", "RDF") or not entries:
        return None
    return [Check(None, "entries", len(entries)), *_titles(entries)]


def _titles(entries: list[ET.Element]) -> Iterator[Check]:
    for index, entry in enumerate(entries):
        titles = [one for one in entry if _local(one.tag) == "title" and "mrss" not in one.tag and "dc/" not in one.tag]
        text = "".join(titles[0].itertext()).strip() if len(titles) == 1 else ""
        if text:
            yield Check(index, "title", text)


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]
