"""Explaining a source that is no feed: asked once from nothing, or listened to for a moment. Nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from ingest import kinds
from ingest.base import Context, Polled, SourceConfig, Streamer, Told
from ingest.feeds.check import Finding, dates, language
from riskwire.errors import IngestError
from riskwire.ports import SourceState

#: Seconds a stream is listened to.
LISTEN = 15.0
#: Each post that these show is paid for: they are never asked only to look.
_PAID = ("twitter",)


async def explain_source(source: SourceConfig, context: Context, now: datetime) -> list[Finding]:
    """What keeps it off, or what it brings. Never raises the source's own failure."""
    if not source.enabled:
        return [Finding("polled", "warning", "no (enabled = false)")]
    if reason := source.off(context.settings):
        return [Finding("polled", "broken", f"no: {reason}")]
    findings = [Finding("polled", "ok", f"yes: {source.address}")]
    if source.table in _PAID:
        return [*findings, Finding("fetch", "ok", "not asked: each post read is paid for")]
    made = kinds.build(source, context)
    state = SourceState(name=made.name, url=made.url)
    try:
        if isinstance(made, Streamer):
            return [*findings, *await _heard(made, state)]
        polled = await made.poll(state, now)
    except IngestError as error:
        return [*findings, Finding("fetch", "broken", error.message, error.hint)]
    wait = f"; it asks to be left alone for {polled.wait:.0f} s" if polled.wait else ""
    return [*findings, Finding("fetch", "ok", f"answers{wait}"), *_stories(polled.entries, polled.told)]


def _stories(entries: int, told: Sequence[Told]) -> list[Finding]:
    if not told:
        do = "Nothing fits its keywords, or there is nothing new." if entries else "Is its name right?"
        return [Finding("items", "warning", f"{entries} looked at, none taken", do)]
    texts = Finding("items", "ok", f"{entries} looked at, {len(told)} taken; such as: {told[-1].document.title[:120]}")
    return [texts, *dates(told), language(told)]


async def _heard(source: Streamer, state: SourceState) -> list[Finding]:
    stop = asyncio.Event()
    heard: list[Polled] = []

    async def emit(polled: Polled) -> None:
        if polled.told or not stop.is_set():  # what is said in parting is no sign of life
            heard.append(polled)
        if polled.told:
            stop.set()

    running = asyncio.create_task(source.run(state, emit, stop))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, timeout=LISTEN, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        async with asyncio.timeout(LISTEN):
            await running
    except TimeoutError:
        return [Finding("stream", "broken", f"could not be closed within {LISTEN:g} s")]
    finally:
        running.cancel()
        stopping.cancel()
    told = [one for polled in heard for one in polled.told]
    if told:
        return [Finding("stream", "ok", "opens, and brings stories"), *_stories(len(told), told)]
    if heard:
        return [Finding("stream", "ok", f"opens; nothing that is wanted came within {LISTEN:g} s")]
    return [Finding("stream", "warning", f"opens, and says nothing for {LISTEN:g} s")]
