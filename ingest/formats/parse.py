"""Parsing off the event loop, in processes that can be killed. A feed that hangs or crashes one costs only itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
from types import TracebackType

import msgspec

from ingest.formats.parsed import Answer, Job, ParsedFeed
from riskwire.errors import ParseError
from riskwire.log import get_logger

_log = get_logger("ingest")


class ParserPool:
    """At most `size` parser processes, started when first needed. Use it as an async context manager."""

    def __init__(self, timeout: float, size: int = 2) -> None:
        """`timeout` is the seconds that one feed may take, from when a process has it."""
        self._timeout = timeout
        self._free = [_Child() for _ in range(size)]
        self._slots = asyncio.Semaphore(size)

    async def __aenter__(self) -> ParserPool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Children of jobs that are under way are stopped by the jobs themselves, which are cancelled before this.
        for child in self._free:
            await child.stop()

    async def parse(self, body: bytes, url: str = "", content_type: str | None = None) -> ParsedFeed:
        """The feed in these bytes. Raises ParseError: no feed, too slow, or it took the parser down."""
        async with self._slots:
            child = self._free.pop()  # the one used last: the second starts only when both are needed
            try:
                answer = await self._ask(child, Job(body, url, content_type))
            finally:
                self._free.append(child)
        if answer.feed is None:
            raise ParseError(answer.error or "is not a feed", about=url)
        return answer.feed

    async def _ask(self, child: _Child, job: Job) -> Answer:
        while True:
            fresh = await child.start()
            healthy = False
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await child.ask(job)
                healthy = not answer.retire
                return answer
            except TimeoutError:
                raise ParseError(f"took more than {self._timeout:g} s to read", about=job.url) from None
            except (OSError, EOFError, msgspec.MsgspecError) as error:
                # One that was there before may have died since (the system was short of memory): not this feed's fault.
                _log.warning("parser_died", url=job.url, error=type(error).__name__, fresh=fresh)
                if fresh:
                    raise ParseError("brought the parser down", about=job.url) from None
            finally:
                if not healthy:
                    await child.stop()


class _Child:
    """One parser process, or the place of one."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Answer).decode

    async def start(self) -> bool:
        """Make sure that it runs; whether it had to be started."""
        if self._process is not None and self._process.returncode is None:
            return False
        await self.stop()
        # No secret of ours belongs into a process that reads hostile bytes; -P: modules never come from where we stand.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("RISKWIRE_")}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "ingest.formats.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )  # fmt: skip
        return True

    async def ask(self, job: Job) -> Answer:
        assert self._process is not None
        writer, reader = self._process.stdin, self._process.stdout
        assert writer is not None
        assert reader is not None
        frame = self._encode(job)
        writer.write(struct.pack(">I", len(frame)))
        writer.write(frame)
        await writer.drain()
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        return self._decode(await reader.readexactly(size))

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        # To the end of its output: only then is the pipe closed, and no warning left behind.
        if process.stdout is not None:
            await process.stdout.read()
        await process.wait()
