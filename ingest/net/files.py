"""`file:` feeds: plain files only, under the same size cap as everything else."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from riskwire.errors import AddressRefused, FetchError, TooLarge


class LocalFile(msgspec.Struct, frozen=True):
    """The body, or None when `tag` (made of time and size) is the one that was known."""

    body: bytes | None
    tag: str


def read_local(url: str, max_bytes: int, known_tag: str | None) -> LocalFile:
    """Read a `file:` URL. Raises FetchError, TooLarge, or AddressRefused for another machine's or no plain file."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise AddressRefused("names another machine; only local files are read", about=url)
    path = Path(unquote(parts.path))
    try:
        found = path.stat()
        # A pipe or a device would hang, or never end.
        if not stat.S_ISREG(found.st_mode):
            raise AddressRefused("is no plain file", about=url)
        tag = f'"{found.st_mtime_ns}-{found.st_size}"'
        if tag == known_tag:
            return LocalFile(None, tag)
        with path.open("rb") as file:
            body = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise FetchError("is not there", about=url) from None
    except (OSError, ValueError) as error:
        raise FetchError("can't be read", about=url) from error
    if len(body) > max_bytes:
        raise TooLarge(f"is larger than {max_bytes:,} bytes", about=url, hint="The limit is ingest.max_bytes.")
    return LocalFile(body, tag)
