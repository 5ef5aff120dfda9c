"""OPML, the format in which feed readers export their lists. Hostile XML: a document type is refused, entities too."""

from __future__ import annotations

import xml.parsers.expat as expat
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import msgspec

from riskwire.errors import FeedsFileError


class Outline(msgspec.Struct, frozen=True):
    """One feed of the list; `title` may be empty."""

    title: str
    url: str
    line: int


def read_opml(path: Path) -> list[Outline]:
    """Every outline with an `xmlUrl`, at any depth, in order. Raises FeedsFileError with file and line."""
    found: list[Outline] = []
    root: list[str] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        root.append(name)
        values = {key.lower(): value.strip() for key, value in attributes.items()}
        if name.lower() == "outline" and values.get("xmlurl"):
            title = values.get("title") or values.get("text") or ""
            found.append(Outline(title, values["xmlurl"], parser.CurrentLineNumber))

    def refuse(*_: object) -> None:
        raise FeedsFileError(
            "holds a document type or entity declaration, which is refused",
            about=f"{path}:{parser.CurrentLineNumber}",
            hint="Remove the <!DOCTYPE …>.",
        )

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        raise FeedsFileError(
            f"is not valid XML: {expat.ErrorString(error.code)}", about=f"{path}:{error.lineno}"
        ) from None
    except OSError as cause:
        raise FeedsFileError("can't be read", about=str(path)) from cause
    if root[0].lower() != "opml":
        raise FeedsFileError(f"is XML, but no OPML (its root is <{root[0][:40]}>)", about=str(path))
    return found


def write_opml(feeds: Iterable[tuple[str, str]], title: str = "Riskwire") -> str:
    """An OPML 2.0 list of feeds (name, URL), as every feed reader takes it."""
    outlines = "".join(
        f'    <outline type="rss" text={quoteattr(name)} title={quoteattr(name)} xmlUrl={quoteattr(url)}/>\n'
        for name, url in feeds
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n'
        f"  <head><title>{escape(title)}</title></head>\n  <body>\n{outlines}  </body>\n</opml>\n"
    )
