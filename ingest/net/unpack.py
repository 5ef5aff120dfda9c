"""Decompression that can be stopped: never more at once than asked for, so that a bomb ends at the cap."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from riskwire.errors import FetchError

Unpack = Callable[[bytes, int], tuple[bytes, bytes]]


def unpacker(encoding: str, url: str) -> Unpack:
    """What undoes this Content-Encoding. Raises FetchError for one that was not asked for.

    The function takes packed bytes and how many unpacked ones are wanted at most; it answers those and the packed bytes
    that are left. It raises zlib.error.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda data, limit: (data, b"")
    if name in ("gzip", "x-gzip"):
        packed = zlib.decompressobj(wbits=31)
    elif name == "deflate":
        return _Deflate()
    else:
        raise FetchError(f"is compressed with {name[:40]!r}, which was not asked for", about=url)
    return lambda data, limit: _inflate(packed, data, limit)


def _inflate(packed: Any, data: bytes, limit: int) -> tuple[bytes, bytes]:
    if packed.eof:  # trailing bytes behind the end: ignored, as browsers do
        return b"", b""
    piece = packed.decompress(data, max(limit, 1))
    return piece, packed.unconsumed_tail


class _Deflate:
    """`deflate` means zlib's format; some servers send it raw. The first bytes tell."""

    def __init__(self) -> None:
        self._packed: Any = None

    def __call__(self, data: bytes, limit: int) -> tuple[bytes, bytes]:
        if self._packed is None:
            self._packed = zlib.decompressobj()
            try:
                return _inflate(self._packed, data, limit)
            except zlib.error:
                self._packed = zlib.decompressobj(wbits=-15)
        return _inflate(self._packed, data, limit)
