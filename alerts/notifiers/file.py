"""Notices as JSON lines in a file: the wire form of Notification, one a line."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from riskwire import wire
from riskwire.errors import NotifyRetry
from riskwire.types import Notification


class FileNotifier:
    """Appends and syncs. The file is readable by its owner only; it is made when it is not there."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser()

    async def notify(self, notification: Notification) -> None:
        """See Notifier.notify. A disk that is full now may have room later: NotifyRetry."""
        line = wire.encode(notification) + b"\n"
        try:
            await asyncio.to_thread(self._append, line)
        except OSError as error:
            raise NotifyRetry("can't be written", about=str(self._path)) from error

    def _append(self, line: bytes) -> None:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = b"\n" + line  # a crash cut the last line short: leave it alone, begin a new one
            try:
                written = 0
                while written < len(line):
                    written += os.write(handle, line[written:])
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)  # half a line would be no JSON
                raise
        finally:
            os.close(handle)
