"""Compressed frames of Jetstream v2: each is one zstd frame, made with a dictionary that the host hands out.

Halves what comes over the network. It is a convenience: where it does not work, the stream is read plain.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import zstandard

from ingest.net.http import Fetcher
from ingest.net.streaming import MAX_MESSAGE, Socket
from riskwire.errors import FetchError
from riskwire.log import get_logger

PATH = "/xrpc/network.bsky.jetstream.getZstdDictionary"
#: The largest dictionary that is taken, in bytes; the hosts' has 64 KiB.
_LARGEST = 1024 * 1024
#: The most memory a frame may ask for, in bytes: zstd's own limit would be 128 MiB.
_WINDOW = 8 * 1024 * 1024
_log = get_logger("ingest")


class Dictionary:
    """A dictionary, with its number."""

    def __init__(self, data: bytes) -> None:
        """Raises ValueError for what is none."""
        if not data or len(data) > _LARGEST:
            raise ValueError("is empty, or too large")
        found = zstandard.ZstdCompressionDict(data)
        self.id = found.dict_id()
        if not self.id:
            raise ValueError("is no dictionary")
        self._decompressor = zstandard.ZstdDecompressor(dict_data=found, max_window_size=_WINDOW)

    def text(self, frame: bytes, about: str) -> bytes:
        """What a frame holds. Raises FetchError for one that is broken, or larger than a message may be."""
        try:
            stated = zstandard.get_frame_parameters(frame).content_size
            if stated != zstandard.CONTENTSIZE_UNKNOWN and stated > MAX_MESSAGE:
                raise zstandard.ZstdError("too large")
            return self._decompressor.decompress(frame, max_output_size=MAX_MESSAGE)
        except (zstandard.ZstdError, MemoryError):
            raise FetchError("sent a frame that can't be decompressed", about=about) from None


async def dictionary_of(fetcher: Fetcher, base: str, source: str) -> Dictionary | None:
    """The dictionary of the host at `base` (`wss://…`); None where it has none that can be used."""
    parts = urlsplit(base)
    url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}{PATH}"
    try:
        return Dictionary((await fetcher.get(url, accept="application/octet-stream")).body)
    except (FetchError, ValueError, zstandard.ZstdError) as error:
        reason = type(error).__name__ if isinstance(error, zstandard.ZstdError) else str(error)
        _log.info("stream_uncompressed", source=source, host=parts.netloc, reason=reason)
        return None


class Frames:
    """The messages of a socket as text, whichever way they come. `broken`: the last one could not be read."""

    def __init__(self, socket: Socket, dictionary: Dictionary | None, host: str) -> None:
        self._socket, self._dictionary, self._host = socket, dictionary, host
        self.broken = False

    async def receive(self, within: float) -> bytes | None:
        """See Socket.receive."""
        data = await self._socket.receive(within)
        # Notices and errors may come plain; JSON is never taken for a frame.
        if data is None or self._dictionary is None or data.startswith(b"{"):
            return data
        self.broken = True
        text = self._dictionary.text(data, self._host)
        self.broken = False
        return text
