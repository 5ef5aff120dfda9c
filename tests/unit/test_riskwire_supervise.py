"""All parts run, or none does."""

import asyncio
import os
import signal

import pytest

from riskwire.cli.page import bind
from riskwire.cli.supervise import supervise
from riskwire.errors import StorageBusy


def test_a_part_that_fails_stops_the_others_and_is_raised() -> None:
    ended: list[str] = []

    async def fails(stop: asyncio.Event) -> None:
        raise ValueError("broken")

    async def waits(stop: asyncio.Event) -> None:
        await stop.wait()
        ended.append("waits")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(supervise({"a": fails, "b": waits}, asyncio.Event()))
    assert ended == ["waits"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_every_part_finish(number: signal.Signals) -> None:
    ended: list[str] = []

    async def part(stop: asyncio.Event) -> None:
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), number)
        await stop.wait()
        await asyncio.sleep(0.01)  # the batch in hand
        ended.append("part")

    asyncio.run(supervise({"a": part, "b": part}, asyncio.Event()))
    assert ended == ["part", "part"]


def test_a_taken_port_is_named() -> None:
    with bind("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(StorageBusy, match=f"port {port} is in use"):
            bind("127.0.0.1", port)
