"""The bundled demo: three invented days of an invented market, on a simulated clock that ends now.

`stories.jsonl` holds one story a line; `at` is in minutes from the beginning (0 … 4320). `symbols.csv` names its
companies.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources

import msgspec

from ingest.dates.read import ReadDate
from ingest.documents.make import make_document
from riskwire.clock import ManualClock
from riskwire.identity import document_id, publisher_of
from riskwire.ports import DocumentLog
from riskwire.types import Document, SourceType

#: How long the demo's time is.
SPAN = timedelta(minutes=4320)
RUN_ID = "demo"
#: The clock moves this often, in real seconds.
_STEP = 0.1
#: Real seconds between two questions whether all is settled.
_LOOK = 0.01


class _Line(msgspec.Struct, frozen=True):
    at: float
    source: str
    source_type: SourceType
    guid: str
    title: str
    link: str
    summary: str = ""
    tags: list[str] = []
    source_symbols: list[str] = []
    revision_of: str | None = None
    language: str = "en"


def demo_stories(now_end: datetime) -> list[Document]:
    """Every story, in the order seen; minute 4320 is `now_end` (aware). Revisions carry their story's id."""
    text = (resources.files("ingest.demo") / "stories.jsonl").read_text(encoding="utf-8")
    lines = msgspec.json.Decoder(_Line).decode_lines(text)
    revisions: dict[str, int] = {}
    documents = []
    for line in sorted(lines, key=lambda line: line.at):
        published_at = now_end - SPAN + timedelta(minutes=line.at)
        identifier = document_id(publisher_of(line.link, None), guid=line.revision_of or line.guid)
        revisions[identifier] = revisions.get(identifier, 0) + 1
        document = make_document(
            document_id=identifier,
            source=line.source,
            publisher=publisher_of(line.link, None),
            source_type=line.source_type,
            origin="demo",
            run_id=RUN_ID,
            link=line.link,
            title=line.title,
            summary=line.summary,
            tags=line.tags,
            source_symbols=line.source_symbols,
            language=line.language,
            published=ReadDate(published_at, "stated", "second"),
            # Seconds later, as feeds are; the same at every start.
            seen_at=min(published_at + timedelta(seconds=2 + int(identifier[:4], 16) % 40), now_end),
        )
        documents.append(msgspec.structs.replace(document, revision=revisions[identifier]))
    return sorted(documents, key=lambda document: document.seen_at)


async def replay(
    documents: Sequence[Document],
    log: DocumentLog,
    clock: ManualClock,
    seconds: float = 15.0,
    *,
    end: datetime | None = None,
    settled: Callable[[], bool] = lambda: True,
) -> None:
    """Put the documents on the log in order, while `clock` moves evenly from the first of them to `end`.

    It takes `seconds` of real time; `end` is by default what the real time will be then. The clock moves through quiet
    hours, too, so that alerts can resolve. It never moves on before `settled` says that what was put on the log has
    been worked off: in a second of real time hours pass, and nothing must come late for that. Raises StorageError.
    """
    if not documents:
        return
    begin = documents[0].seen_at
    end = max(end or datetime.now(UTC) + timedelta(seconds=seconds), documents[-1].seen_at)
    steps = max(int(seconds / _STEP), 1)
    loop = asyncio.get_running_loop()
    started = loop.time()
    waiting = deque(documents)
    for step in range(1, steps + 1):
        then = begin + (end - begin) * (step / steps)
        due = []
        while waiting and waiting[0].seen_at <= then:
            due.append(waiting.popleft())
        if due:
            clock.move_to(due[0].seen_at)
            await asyncio.to_thread(log.append, due)
            while not await asyncio.to_thread(settled):  # noqa: ASYNC110 - the log has no event to wait for
                await asyncio.sleep(_LOOK)
        clock.move_to(then)
        await asyncio.sleep(max(0.0, started + seconds * step / steps - loop.time()))
