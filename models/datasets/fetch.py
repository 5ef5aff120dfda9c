"""Fetch files of the catalogue: through the address guard, resumed where they broke off, checked, put in place whole.

What is there is never written over. Beside the files of a set `FETCHED.json` says where they came from.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from models.datasets.catalogue import Entry, File
from models.datasets.convert import CONVERT
from riskwire import __version__
from riskwire.errors import AddressRefused, FetchError, TooLarge
from riskwire.net import AddressGuard

Progress = Callable[[str, int, int | None], None]
"""Called with a file's place, the bytes that are here, and all of them where the server says how many."""

LARGEST: Final = 200_000_000
"""Bytes of one file."""
NOTE: Final = "FETCHED.json"
_CHUNK: Final = 1 << 16
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)


class Came(msgspec.Struct, frozen=True):
    """A line of `FETCHED.json`."""

    url: str
    sha256: str
    size: int


def is_there(entry: Entry, folder: Path) -> bool:
    """Whether nothing of a set is missing: what its loader reads, whatever it was made from."""
    return all((folder / place).is_file() for place in entry.needed)


async def fetch(
    entry: Entry, folder: Path, *, progress: Progress, allow_private: bool = False, largest: int = LARGEST
) -> list[str]:
    """Bring what is missing of a set; the places of the files that came.

    Raises AddressRefused, TooLarge, FetchError (also when a file is not the one that the catalogue, or an earlier
    fetch, knows); InputError when it can't be converted.
    """
    came = []
    for file in entry.files:
        path = folder / file.place
        if not path.exists():
            await _bring(file, path, progress, allow_private, largest)
            came.append(file.place)
    if entry.convert and (came or not is_there(entry, folder)):
        await asyncio.to_thread(CONVERT[entry.convert], (folder / entry.files[0].place).parent)
    return came


async def _bring(file: File, path: Path, progress: Progress, allow_private: bool, largest: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    guard = AddressGuard(allow_private=allow_private)
    try:
        async with aiohttp.ClientSession(
            connector=guard.connector(),
            timeout=_TIMEOUT,
            headers={"User-Agent": f"Riskwire/{__version__}"},
            auto_decompress=False,
        ) as session:
            await _download(session, file, part, progress, largest)
    except TooLarge:
        _drop(part)
        raise
    except (aiohttp.ClientError, TimeoutError) as error:
        if guard.refused is not None:
            raise AddressRefused(f"leads to {guard.refused}, a private or local address", about=file.url) from error
        raise FetchError(
            "broke off" if part.exists() else "can't be reached",
            about=file.url,
            hint="The same command goes on where it stopped",
        ) from error
    _put(file, part, path)


async def _download(session: aiohttp.ClientSession, file: File, part: Path, progress: Progress, largest: int) -> None:
    """Append what is missing to `part`; from the start where the server's file is another by now."""
    here, etag = _stopped_at(part)
    # Ranges count the bytes that travel, so these must be the file's own.
    headers = {"Accept-Encoding": "identity"}
    if here:
        headers |= {"Range": f"bytes={here}-", "If-Range": etag}
    async with session.get(file.url, headers=headers, max_redirects=5) as answer:
        steps = (*answer.history, answer)
        if file.url.startswith("https:") and any(step.url.scheme != "https" for step in steps):
            raise FetchError("was redirected to an unencrypted address", about=file.url)
        if answer.status == 416:
            _drop(part)
            raise FetchError("has changed since the last try", about=file.url, hint="Run the same command again")
        if answer.status not in (200, 206):
            raise FetchError(f"answered {answer.status}", about=file.url, status=answer.status)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError("came packed, though it was asked for as it is", about=file.url)
        if answer.status == 206 and not answer.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            raise FetchError("sent another part than was asked for", about=file.url)
        if answer.status == 200:
            here = 0
            _note_tag(part, answer.headers.get("ETag", ""))
        whole = None if answer.content_length is None else here + answer.content_length
        if (whole or 0) > largest:
            raise TooLarge(f"more than {largest} bytes", about=file.url)
        with part.open("ab" if here else "wb") as out:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                here += len(chunk)
                if here > largest:
                    raise TooLarge(f"more than {largest} bytes", about=file.url)
                out.write(chunk)
                progress(file.place, here, whole)


def _put(file: File, part: Path, path: Path) -> None:
    """Check the whole file, note it, and give it its name."""
    note = path.parent / NOTE
    try:
        known = msgspec.json.decode(note.read_bytes(), type=dict[str, Came]) if note.is_file() else {}
    except msgspec.DecodeError as error:
        raise FetchError("was changed by hand and can't be read", about=str(note), hint="Remove it") from error
    earlier = known.get(path.name)
    wanted = file.sha256 or (earlier.sha256 if earlier else None)
    digest, size = hashlib.sha256(part.read_bytes()).hexdigest(), part.stat().st_size
    if wanted is not None and digest != wanted:
        _drop(part)
        raise FetchError(
            f"is not the file that was expected: its SHA-256 is {digest}, not {wanted}",
            about=file.url,
            hint=f"Nothing was kept. Try again; if you trust what is there now, remove it from {note}"
            if file.sha256 is None
            else "Nothing was kept. Try again, or get it by hand",
        )
    known[path.name] = Came(file.url, digest, size)
    note.write_bytes(msgspec.json.format(msgspec.json.encode(known), indent=1) + b"\n")
    part.replace(path)
    _drop(part)


def _tag(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _stopped_at(part: Path) -> tuple[int, str]:
    """Bytes that are here, and what the server called the file they are of; 0 where that is not known."""
    if part.is_file() and _tag(part).is_file():
        return part.stat().st_size, _tag(part).read_text(encoding="utf-8")
    return 0, ""


def _note_tag(part: Path, etag: str) -> None:
    """Keep a strong tag: only with one can a download go on later."""
    if etag and not etag.startswith("W/"):
        _tag(part).write_text(etag, encoding="utf-8")
    else:
        _tag(part).unlink(missing_ok=True)


def _drop(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)
