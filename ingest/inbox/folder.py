"""Files dropped into a folder: JSON Lines and CSV, read once they are complete, never twice, then moved to `done/`.

- Complete is a file that was renamed in, or whose size and time have not changed since the poll before. Names that
  begin with a dot or end otherwise (`.part`, `.tmp`) are not looked at, nor are links.
- Never twice: what was read is remembered by its content, under whatever name it comes again.
- A file is moved only when its stories are on the log, which is known at the poll after. Large files take several.
"""

from __future__ import annotations

import asyncio
import stat
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from ingest.base import Context, Kind, Polled, SourceConfig
from ingest.cursor import read_cursor, with_cursor
from ingest.inbox.dropped import SUFFIXES, Rows, fingerprint, read_rows
from riskwire.errors import AddressRefused, FetchError, ParseError
from riskwire.log import get_logger
from riskwire.ports import SourceState
from riskwire.settings import IngestSettings

#: Rows a poll; a poll every so many seconds, unless the table says otherwise.
MAX_ROWS, EVERY = 5_000, 10.0
#: One that has not changed for so many seconds is complete at first sight; else it is looked at twice.
SETTLED = 60.0
#: Contents that are remembered, the newest; bad rows of a file that are named one by one.
MAX_DONE, MAX_NAMED = 5_000, 20
_log = get_logger("ingest")


class Folder(SourceConfig, frozen=True, kw_only=True):
    """One `[[folder]]` table. `after`: whether a file is moved to `done/` when it was read, or left where it is."""

    table: ClassVar[str] = "folder"

    path: str
    after: Literal["move", "leave"] = "move"

    @property
    def address(self) -> str:
        """The folder."""
        return self.path

    def check(self) -> None:
        """See SourceConfig."""
        if not self.path.strip() or "\0" in self.path:
            raise ValueError("path: must be a folder")

    def off(self, settings: IngestSettings) -> str | None:
        """See SourceConfig."""
        if not settings.allow_local_files:
            return "local files are not read: allow them with ingest.allow_local_files, or --allow-local-files"
        return None


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """`met` is size and time of what was there and not complete, `read` of what was read and is still there;
    `reading` is the file that is being read (name, content, rows so far), `done` the contents that were read."""

    met: dict[str, str] = {}
    read: dict[str, str] = {}
    reading: tuple[str, str, int] | None = None
    done: tuple[str, ...] = ()


class FolderIngestor:
    """One folder."""

    def __init__(self, config: Folder, author_key: bytes, run_id: str = "", *, allowed: bool = False) -> None:
        """`allowed`: whether the settings let local files be read."""
        self._config = config
        self._author_key = author_key
        self._run_id = run_id
        self._allowed = allowed
        self._folder = Path(config.path).expanduser()

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._config.name

    @property
    def url(self) -> str:
        """The folder as a URL."""
        return self._folder.absolute().as_uri()

    @property
    def interval(self) -> float | None:
        """Seconds between two polls."""
        return self._config.interval or EVERY

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """See Ingestor. Raises AddressRefused where local files are not allowed, FetchError without the folder."""
        if not self._allowed:
            raise AddressRefused(
                "local files are not read", about=self.url, hint="Allow them with --allow-local-files."
            )
        return await asyncio.to_thread(self._poll, state, now)

    def _poll(self, state: SourceState, now: datetime) -> Polled:
        cursor = read_cursor(state, Cursor)
        try:
            self._put_away(cursor)
            files = self._files()
        except OSError as error:
            raise FetchError("can't be read as a folder", about=self.url) from error
        read = {name: mark for name, mark in cursor.read.items() if files.get(name) == mark}
        met: dict[str, str] = {}
        reading, rows = cursor.reading, None
        done = list(cursor.done)
        for name, mark in sorted(files.items()):
            if name in read:
                continue
            if not self._complete(mark, cursor.met.get(name), now):
                met[name] = mark
                continue
            if rows is not None:  # one file a poll; the others are complete, and wait
                met[name] = mark
                continue
            try:
                content = fingerprint(self._folder / name)
                if content in done:
                    _log.info("file_known", source=self.name, file=name)
                else:
                    start = reading[2] if reading is not None and reading[:2] == (name, content) else 0
                    rows = self._rows(name, start, now)
                    reading = (name, content, rows.read) if rows.more else None
            except OSError as error:
                _log.warning("file_unreadable", source=self.name, file=name, error=type(error).__name__)
                met[name] = mark
                continue
            if rows is not None and rows.more:
                met[name] = mark
                continue
            read[name] = mark
            done = [one for one in done if one != content] + [content]
        told = rows.told if rows else ()
        kept = Cursor(met, read, reading, tuple(done[-MAX_DONE:]))
        if kept == cursor and not told:
            return Polled(outcome="not_modified", state=state)
        return Polled(
            outcome="ok", told=told, entries=len(told), state=with_cursor(state, kept, told)
        )  # fmt: skip

    def _files(self) -> dict[str, str]:
        found = {}
        for path in self._folder.iterdir():
            if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            about = path.lstat()
            if stat.S_ISREG(about.st_mode):  # no links, pipes, devices
                found[path.name] = f"{about.st_size}-{about.st_mtime_ns}"
        return found

    def _complete(self, mark: str, before: str | None, now: datetime) -> bool:
        return mark == before or now.timestamp() - int(mark.partition("-")[2]) / 1e9 >= SETTLED

    def _rows(self, name: str, start: int, now: datetime) -> Rows:
        try:
            path = self._folder / name
            rows = read_rows(path, start, MAX_ROWS, self.name, now, self._run_id, self._author_key)
        except ParseError as error:
            _log.warning("file_refused", source=self.name, file=name, error=str(error))
            return Rows((), (), 0, False)
        for bad in rows.bad[:MAX_NAMED]:
            _log.warning("row_refused", source=self.name, file=name, row=bad.row, reason=bad.reason)
        if len(rows.bad) > MAX_NAMED:
            _log.warning("rows_refused", source=self.name, file=name, rows=len(rows.bad))
        return rows

    def _put_away(self, cursor: Cursor) -> None:
        """Move what the state says was read: only then are its stories on the log."""
        if self._config.after != "move":
            return
        files = self._files()
        for name, mark in cursor.read.items():
            if files.get(name) == mark:
                place = self._folder / "done" / name
                place.parent.mkdir(exist_ok=True)
                number = 2
                while place.exists():
                    place = place.with_name(f"{Path(name).stem} ({number}){Path(name).suffix}")
                    number += 1
                (self._folder / name).rename(place)


def _make(config: Folder, context: Context) -> FolderIngestor:
    return FolderIngestor(config, context.author_key, context.run_id, allowed=context.settings.allow_local_files)


KIND = Kind(Folder, _make)
