"""A file → its lines as bytes, unzipped, within limits: a hostile or broken file costs an error, never the memory."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from riskwire.errors import InputError

#: Longest line, in bytes. A longer one is a bad row.
MAX_LINE = 10 * 1024 * 1024
#: Most bytes that may come out of a gz file, and most for each byte that went in.
MAX_UNZIPPED = 2 * 1024**3
MAX_RATIO = 100
#: The ratio is looked at from here on: small files of one repeated line are no bombs.
_RATIO_FROM = 32 * 1024 * 1024
_CHUNK = 256 * 1024


class Line(msgspec.Struct, frozen=True):
    """A physical line without its end. `number` begins at 1; `cut` when only the first bytes were kept."""

    number: int
    data: bytes
    cut: bool = False


class LineSource:
    """The lines of a file, gz or not. Iterate once; `position` of `size` bytes (of the file itself) were read.

    Raises InputError when the file is missing, can't be read, is a damaged gz or unpacks to too much.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.size = path.stat().st_size
            self._file = path.open("rb")
        except FileNotFoundError:
            raise InputError("is not there", about=str(path), hint="Give the path of an existing file.") from None
        except IsADirectoryError:
            raise InputError("is a folder", about=str(path), hint="Give the files in it.") from None
        except OSError as error:
            raise InputError("can't be read", about=str(path)) from error
        self.position = 0

    def sha256(self) -> str:
        """Of the file as it lies there. Rewinds it."""
        try:
            digest = hashlib.file_digest(self._file, "sha256").hexdigest()
            self._file.seek(0)
        except OSError as error:  # a folder is opened by some systems and refused at the first read
            raise InputError("can't be read", about=str(self.path)) from error
        return digest

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __iter__(self) -> Iterator[Line]:
        number, held, cut = 1, bytearray(), False
        for chunk in self._chunks():
            *ended, rest = chunk.split(b"\n")
            for part in ended:
                held += part[: MAX_LINE - len(held)] if not cut else b""
                cut = cut or len(held) >= MAX_LINE
                yield Line(number, bytes(held).removesuffix(b"\r"), cut)
                number, held, cut = number + 1, bytearray(), False
            if not cut:
                held += rest[: MAX_LINE - len(held)]
                cut = len(held) >= MAX_LINE
        if held:
            yield Line(number, bytes(held).removesuffix(b"\r"), cut)

    def _chunks(self) -> Iterator[bytes]:
        try:
            zipped = self._file.read(2) == b"\x1f\x8b"
            self._file.seek(0)
            reader: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=self._file) if zipped else self._file
            total = 0
            while chunk := reader.read(_CHUNK):
                total += len(chunk)
                self.position = self._file.tell()
                if zipped:
                    self._refuse_bomb(total)
                yield chunk
        except (OSError, EOFError, zlib.error) as error:
            raise InputError("can't be read to its end", about=str(self.path), hint="Fetch it again.") from error

    def _refuse_bomb(self, total: int) -> None:
        if total > MAX_UNZIPPED or (total > _RATIO_FROM and total > MAX_RATIO * max(self.position, 1)):
            raise InputError(
                "unpacks to more than is accepted",
                about=str(self.path),
                hint="If it is what you expect, unpack it yourself and give the plain file.",
            )
