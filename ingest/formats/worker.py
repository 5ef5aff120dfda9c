"""The parser process: `python -m ingest.formats.worker`. Four bytes of length, then msgpack, on stdin and stdout.

A process of its own, since a hostile feed can cost seconds, gigabytes, or the interpreter. It ends when its stdin does,
that is also when its parent is killed.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import BinaryIO

import msgspec

from ingest.formats.parsed import Answer, Job
from ingest.formats.reading import read_feed
from riskwire.errors import ParseError

#: More address space than this is refused to it, in bytes.
MEMORY = 1024**3
#: Grown beyond this (bytes resident), it is replaced: Python gives little back.
GROWN = 200 * 1024**2


def main() -> None:
    """Answer jobs until there are no more."""
    # Whatever prints, prints to stderr: stdout is for frames.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory()
    decoder, encoder = msgspec.msgpack.Decoder(Job), msgspec.msgpack.Encoder()
    while (frame := _read_frame(sys.stdin.buffer)) is not None:
        answer = encoder.encode(_answer(decoder.decode(frame)))
        out.write(struct.pack(">I", len(answer)) + answer)
        out.flush()


def _answer(job: Job) -> Answer:
    try:
        feed = read_feed(job.body, job.url, job.content_type)
    except ParseError as error:
        return Answer(None, error.message + (f" ({error.__cause__!r})"[:300] if error.__cause__ else ""), _grown())
    except (MemoryError, RecursionError):
        return Answer(None, "takes too much memory to read", retire=True)
    return Answer(feed, None, _grown())


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _grown() -> bool:
    # Not ru_maxrss: on Linux a new process inherits its parent's peak, and each would be taken for grown at once.
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - a kernel file; Path adds nothing
            resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):  # not on macOS or Windows
        return False
    return resident > GROWN


def _read_frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(4)
    return stream.read(struct.unpack(">I", head)[0]) if len(head) == 4 else None


if __name__ == "__main__":
    main()
