"""One `riskwire up` a folder: a lock that the kernel drops when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from riskwire.errors import StorageBusy
from stream.sqlite.failures import storage_error


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold `riskwire.lock` in the folder (made when it is not there) for the length of the block.

    Raises StorageBusy, with the holder's process id, when another process has it; StorageError when it can't be made.
    """
    path = folder / "riskwire.lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise StorageBusy(
                f"another riskwire up (pid {holder}) uses this folder",
                about=str(folder),
                hint="Stop it, or choose another folder: --data DIR.",
            ) from None
        except OSError as error:
            raise storage_error(error, path) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        # The file stays: to remove it would let two others hold two different files of that name.
        os.close(handle)
