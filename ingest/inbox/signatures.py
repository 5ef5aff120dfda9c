"""Which webhook signatures were used, for as long as they would be good: in memory, and in a file that outlives us.

Without the file a request that somebody overheard could be sent again right after a restart, and undo a correction that
came in between. One line a request: until when (seconds since 1970, 0: taken back) and which. Written to the system
before the stories are stored, not forced onto the disk: what a power failure takes is no older than five minutes.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from riskwire.errors import StorageError

FILE = "webhook.used"
#: More lines than this are too many to be kept behind those that are still good.
_REWRITE = 10_000
_LINE = re.compile(r"(\d{1,12}) (v1=[0-9a-f]{64})\n")


class Signatures:
    """Those that were used, and those that are being used now."""

    def __init__(self, path: Path | None = None, lifetime: float = 600) -> None:
        """`lifetime` in seconds; without a path they are forgotten at the end of the process."""
        self._path = path
        self._lifetime = lifetime
        self._used: dict[str, float] = {}
        self._lines = 0
        if path is not None and path.exists():
            try:
                # A line that broke off in the middle is of a request that was not answered.
                for until, signature in _LINE.findall(path.read_text(encoding="ascii", errors="replace")):
                    self._used[signature] = float(until)
            except OSError as error:
                raise StorageError("the used signatures can't be read", about=str(path)) from error
            self._lines = max(_REWRITE, 2 * len(self._used) + 2)  # to be written anew, with those alone that are good

    def claim(self, signature: str, now: float) -> bool:
        """Take it; False when it is taken. Raises StorageError when that can't be remembered."""
        for old in [key for key, until in self._used.items() if until < now]:
            del self._used[old]
        if signature in self._used:
            return False
        self._used[signature] = now + self._lifetime
        try:
            self._remember(signature)
        except OSError as error:
            del self._used[signature]
            raise StorageError("the used signatures can't be written", about=str(self._path)) from error
        return True

    def release(self, signature: str) -> None:
        """Nothing came of it: the sender may try again with the same."""
        if self._used.pop(signature, None) is None or self._path is None:
            return
        with contextlib.suppress(OSError):  # then it must be signed anew after a restart
            self._append(f"0 {signature}\n")

    def _remember(self, signature: str) -> None:
        if self._path is None:
            return
        if self._lines < max(_REWRITE, 2 * len(self._used)):
            self._append(f"{self._used[signature]:.0f} {signature}\n")
            return
        # At the start, and when most lines are of signatures that are no longer good.
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text("".join(f"{until:.0f} {one}\n" for one, until in self._used.items()), encoding="ascii")
        fresh.chmod(0o600)
        fresh.replace(self._path)
        self._lines = len(self._used)

    def _append(self, line: str) -> None:
        assert self._path is not None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="ascii") as file:
            file.write(line)
        self._lines += 1
