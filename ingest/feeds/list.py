"""The list of sources: `feeds.toml`, another TOML file of that shape, or OPML. Mistakes are named with their line."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ingest import kinds
from ingest.base import SourceConfig
from ingest.feeds.feed import Feed
from ingest.feeds.opml import read_opml
from riskwire.errors import FeedsFileError
from riskwire.settings import IngestSettings
from riskwire.toml import line_of, read_toml

_MAX_BYTES = 8 * 1024 * 1024


class Sources(msgspec.Struct, frozen=True):
    """Every source of a feeds file: table by table, each in its order."""

    rows: tuple[SourceConfig, ...] = ()

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """Those that are feeds."""
        return tuple(row for row in self.rows if isinstance(row, Feed))

    @property
    def names(self) -> frozenset[str]:
        """Their names."""
        return frozenset(row.name for row in self.rows)


class Off(msgspec.Struct, frozen=True):
    """A source that is in the list but not polled, and why."""

    name: str
    reason: str


def load_sources(path: Path | None = None) -> Sources:
    """Read a feeds file; without a path the default feeds. Raises FeedsFileError with the file and the line."""
    if path is None:
        with resources.as_file(resources.files("ingest") / "feeds.toml") as packaged:
            return _from_toml(packaged)
    path = path.expanduser()
    try:
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise FeedsFileError(f"is larger than {_MAX_BYTES:,} bytes", about=str(path))
        with path.open("rb") as file:
            begin = file.read(512)
    except FileNotFoundError:
        raise FeedsFileError("is not there", about=str(path), hint="Give the path of an existing file.") from None
    except OSError as cause:
        raise FeedsFileError("can't be read", about=str(path)) from cause
    if path.suffix.lower() in (".opml", ".xml") or begin.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _from_opml(path)
    return _from_toml(path)


def switched_off(sources: Sources, settings: IngestSettings) -> list[Off]:
    """The sources that are not polled with these settings, for `doctor` and the page."""
    off = []
    for one in sources.rows:
        reason = "switched off in the feeds file (enabled = false)" if not one.enabled else one.off(settings)
        if reason is not None:
            off.append(Off(one.name, reason))
    return off


def active(sources: Sources, settings: IngestSettings) -> Sources:
    """The sources that are polled with these settings."""
    off = {one.name for one in switched_off(sources, settings)}
    return Sources(tuple(row for row in sources.rows if row.name not in off))


def check_source(one: SourceConfig) -> None:
    """Raises ValueError `field: message`."""
    if not one.name.strip() or len(one.name) > 100 or not one.name.isprintable():
        raise ValueError("name: must be 1 to 100 printable characters")
    if one.interval is not None and not 5 <= one.interval <= 7 * 86400:
        raise ValueError("interval: must be from 5 seconds to 7 days (604800)")
    one.check()


def _from_toml(path: Path) -> Sources:
    table, text = read_toml(path, error=FeedsFileError)
    rows: list[SourceConfig] = []
    names: set[str] = set()
    for key, value in table.items():
        if key not in kinds.MODULES or not isinstance(value, list):
            first: tuple[str | int, ...] = (key, 0) if isinstance(value, list) else (key,)
            hint = f"It holds {', '.join(f'[[{name}]]' for name in kinds.MODULES)}."
            raise _wrong(f"{key!r} is no key of a feeds file", path, text, first, hint)
        config = kinds.kind(key).config
        for index, row in enumerate(value):
            one = _row(row, config, path, text, (key, index))
            if one.name in names:
                raise _wrong(f"the name {one.name!r} is there twice", path, text, (key, index, "name"))
            names.add(one.name)
            rows.append(one)
    if not rows:
        raise FeedsFileError("names no source", about=str(path), hint="Add a [[feeds]] table with name and url.")
    return Sources(tuple(rows))


def _row(value: Any, config: type[SourceConfig], path: Path, text: str, at: tuple[str, int]) -> SourceConfig:
    known = config.__struct_fields__
    for key in value if isinstance(value, dict) else ():
        if key not in known:
            raise _wrong(f"{key!r} is no key of [[{at[0]}]]", path, text, (*at, key), f"Known are {', '.join(known)}.")
    try:
        one = msgspec.convert(value, config)
    except msgspec.ValidationError as error:
        where = _location(str(error))
        field = f"{where[-1]}: " if where and isinstance(where[-1], str) else ""
        raise _wrong(field + str(error).partition(" - at")[0], path, text, (*at, *where)) from None
    try:
        check_source(one)
    except ValueError as error:
        field, _, message = str(error).partition(": ")
        raise _wrong(f"{field}: {message}", path, text, (*at, field)) from None
    return one


def _wrong(message: str, path: Path, text: str, at: tuple[str | int, ...], hint: str = "") -> FeedsFileError:
    line = line_of(text, at)
    return FeedsFileError(message, about=f"{path}:{line}" if line else str(path), hint=hint)


def _location(message: str) -> tuple[str | int, ...]:
    """msgspec's path (`$.feeds[3].url`) as keys."""
    path = message.rpartition("`$")[2].rstrip("`").replace("[", ".").replace("]", "")
    return tuple(int(part) if part.isdigit() else part for part in path.split(".") if part)


def _from_opml(path: Path) -> Sources:
    feeds: list[Feed] = []
    names: set[str] = set()
    urls: set[str] = set()
    for outline in read_opml(path):
        if outline.url in urls:
            continue
        urls.add(outline.url)
        title = "".join(c for c in outline.title if c.isprintable()).strip()[:90]
        name = base = title or (urlsplit(outline.url).hostname or outline.url)
        # Exports hold equal titles; a name must be unique, and the same at the next start.
        count = 2
        while name in names:
            name, count = f"{base} ({count})", count + 1
        names.add(name)
        feed = Feed(name=name, url=outline.url)
        try:
            check_source(feed)
        except ValueError as error:
            raise FeedsFileError(str(error), about=f"{path}:{outline.line}") from None
        feeds.append(feed)
    if not feeds:
        raise FeedsFileError("names no feed (no outline with xmlUrl)", about=str(path))
    return Sources(tuple(feeds))
