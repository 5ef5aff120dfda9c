"""The list of sources: `feeds.toml`, another TOML file of that shape, or OPML. Mistakes are named with their line."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ingest.address import check_url
from ingest.dates import zone_named
from ingest.opml import read_opml
from riskwire.errors import FeedsFileError, FetchError
from riskwire.settings import IngestSettings
from riskwire.toml import line_of, read_toml
from riskwire.types import SourceType

_SCHEMES = ("http", "https", "file")
_MAX_BYTES = 8 * 1024 * 1024


class Feed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[feeds]]` table. `zone` (IANA) is meant by dates that name none; `interval` is in seconds.

    `needs_contact`: polled only when `ingest.contact` is set. `enabled = false`: in the list, but not polled.
    """

    name: str
    url: str
    zone: str | None = None
    interval: float | None = None
    source_type: SourceType = "news"
    needs_contact: bool = False
    enabled: bool = True


class Hashtag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[mastodon]]` table: a hashtag (without #) on an instance (a host name, or its http(s) URL)."""

    name: str
    instance: str
    hashtag: str
    interval: float | None = None
    enabled: bool = True

    @property
    def base(self) -> str:
        """The instance's URL without a path."""
        return (self.instance if "://" in self.instance else f"https://{self.instance}").rstrip("/")


class Sources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every source of a feeds file, in its order."""

    feeds: tuple[Feed, ...] = ()
    mastodon: tuple[Hashtag, ...] = ()


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
    every: tuple[Feed | Hashtag, ...] = (*sources.feeds, *sources.mastodon)
    for one in every:
        if not one.enabled:
            off.append(Off(one.name, "switched off in the feeds file (enabled = false)"))
        elif isinstance(one, Feed) and one.needs_contact and not settings.contact.strip():
            off.append(Off(one.name, f"{_host(one.url)} demands a contact: set ingest.contact to a name and an e-mail"))
    return off


def active(sources: Sources, settings: IngestSettings) -> Sources:
    """The sources that are polled with these settings."""
    off = {one.name for one in switched_off(sources, settings)}
    return Sources(
        feeds=tuple(feed for feed in sources.feeds if feed.name not in off),
        mastodon=tuple(tag for tag in sources.mastodon if tag.name not in off),
    )


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _from_toml(path: Path) -> Sources:
    table, text = read_toml(path, error=FeedsFileError)
    for key, allowed in (("feeds", Feed), ("mastodon", Hashtag)):
        for index, row in enumerate(table.get(key) or [] if isinstance(table.get(key), list) else []):
            if isinstance(row, dict):
                _check_keys(row, allowed, path, text, (key, index))
    for key in table:
        if key not in Sources.__struct_fields__:
            at: tuple[str | int, ...] = (key, 0) if isinstance(table[key], list) else (key,)
            raise _wrong(f"{key!r} is no key of a feeds file", path, text, at, "It holds [[feeds]] and [[mastodon]].")
    try:
        sources = msgspec.convert(table, Sources)
    except msgspec.ValidationError as error:
        at = _location(str(error))
        field = f"{at[-1]}: " if at and isinstance(at[-1], str) else ""
        raise _wrong(field + str(error).partition(" - at")[0], path, text, at) from None
    if not sources.feeds and not sources.mastodon:
        raise FeedsFileError("names no source", about=str(path), hint="Add a [[feeds]] table with name and url.")
    _check(sources, path, text)
    return sources


def _check_keys(row: dict[str, Any], kind: type[msgspec.Struct], path: Path, text: str, at: tuple[str, int]) -> None:
    known = kind.__struct_fields__
    for key in row:
        if key not in known:
            raise _wrong(f"{key!r} is no key of [[{at[0]}]]", path, text, (*at, key), f"Known are {', '.join(known)}.")


def _check(sources: Sources, path: Path, text: str) -> None:
    names: set[str] = set()
    rows: list[tuple[str, int, Feed | Hashtag]] = [("feeds", index, feed) for index, feed in enumerate(sources.feeds)]
    rows += [("mastodon", index, tag) for index, tag in enumerate(sources.mastodon)]
    for key, index, one in rows:
        try:
            _check_one(one)
        except ValueError as error:
            field, _, message = str(error).partition(": ")
            raise _wrong(f"{field}: {message}", path, text, (key, index, field)) from None
        if one.name in names:
            raise _wrong(f"the name {one.name!r} is there twice", path, text, (key, index, "name"))
        names.add(one.name)


def _check_one(one: Feed | Hashtag) -> None:
    """Raises ValueError `field: message`."""
    if not one.name.strip() or len(one.name) > 100 or not one.name.isprintable():
        raise ValueError("name: must be 1 to 100 printable characters")
    if one.interval is not None and not 5 <= one.interval <= 7 * 86400:
        raise ValueError("interval: must be from 5 seconds to 7 days (604800)")
    if isinstance(one, Feed):
        _check_address("url", one.url, _SCHEMES)
        try:
            zone_named(one.zone)
        except ValueError as error:
            raise ValueError(f"zone: {error}") from None
    else:
        _check_address("instance", one.base, ("http", "https"))
        if not one.hashtag.lstrip("#").replace("_", "").isalnum():
            raise ValueError("hashtag: must be a word, with or without #")


def _check_address(field: str, url: str, schemes: tuple[str, ...]) -> None:
    try:
        check_url(url, schemes=schemes)
    except FetchError as error:
        raise ValueError(f"{field}: {error} (allowed: {', '.join(schemes)})") from None


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
        name = base = title or _host(outline.url)
        # Exports hold equal titles; a name must be unique, and the same at the next start.
        count = 2
        while name in names:
            name, count = f"{base} ({count})", count + 1
        names.add(name)
        feed = Feed(name=name, url=outline.url)
        try:
            _check_one(feed)
        except ValueError as error:
            raise FeedsFileError(str(error), about=f"{path}:{outline.line}") from None
        feeds.append(feed)
    if not feeds:
        raise FeedsFileError("names no feed (no outline with xmlUrl)", about=str(path))
    return Sources(feeds=tuple(feeds))
