"""A backfill of one file: rows → Documents → scored stream, index, checkpoint; it resumes where it was interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from riskwire import metrics
from riskwire.clock import Clock
from riskwire.errors import InputError, StorageBusy
from riskwire.identity import canonical_link
from riskwire.ports import DocumentLog, Index, KnownStories, KnownStory, Linker, ScoredStream, Scorer
from riskwire.types import Document, ScoredDocument
from stream.backfill.lines import LineSource
from stream.backfill.mapping import columns_of, parse_map
from stream.backfill.records import BadRow, Row, read_table
from stream.backfill.rows import row_to_document, text_id, with_text_id
from stream.backfill.summary import BackfillSummary, Checkpoint, Checkpoints
from stream.dead_letters import dead_letter
from stream.scoring import ENGLISH_ONLY, score_documents

T = TypeVar("T")
#: Rows between two checkpoints.
BATCH = 256
#: Tries while another process (a running `up`) writes.
_BUSY_TRIES = 6


class Progress(msgspec.Struct, frozen=True):
    """How far it is: `position` of `size` bytes of the file were read."""

    position: int
    size: int
    summary: BackfillSummary


class Backfill:
    """Scores files of history into the index. `source` names the rows that name none themselves: the file's stem."""

    def __init__(
        self,
        *,
        log: DocumentLog,
        known: KnownStories,
        index: Index,
        scored: ScoredStream,
        checkpoints: Checkpoints,
        scorer: Scorer,
        linker: Linker,
        clock: Clock,
        batch_size: int = BATCH,
        languages: Collection[str] = ENGLISH_ONLY,
        via_log: bool = False,
    ) -> None:
        """`via_log`: stories go on the log for the workers, and are scored by them."""
        self.languages = languages
        self.log, self.known, self.index, self.scored = log, known, index, scored
        self.checkpoints, self.scorer, self.linker, self.clock = checkpoints, scorer, linker, clock
        self.batch_size, self.via_log = batch_size, via_log

    def run(
        self,
        path: Path,
        *,
        columns: str = "",
        source: str = "",
        progress: Callable[[Progress], None] | None = None,
    ) -> BackfillSummary:
        """Take in one file. `columns` is `--map`'s text; `progress` is told after each batch.

        The same file again adds nothing. Raises InputError for a file that can't be read (what was read before stays),
        UsageError for a wrong `columns`, StorageError, ModelError; after each of them it can be run again.
        """
        chosen = parse_map(columns) if columns else {}
        lines = LineSource(path)
        try:
            run = _Run(self, path, lines, chosen, source or path.name.split(".")[0] or "backfill")
            return run.go(progress)
        finally:
            lines.close()


class _Run:
    """One run of one file."""

    def __init__(self, backfill: Backfill, path: Path, lines: LineSource, chosen: dict[str, str], source: str) -> None:
        self._of, self._path, self._lines, self._source = backfill, path, lines, source
        sha256 = lines.sha256()
        self._run_id = sha256[:16]
        # Another mapping of the same file is another run.
        self._key = " ".join([sha256, source, *(f"{field}={column}" for field, column in sorted(chosen.items()))])
        self._table = read_table(path, lines)
        self._columns = columns_of(str(path), self._table.columns, chosen)

    def go(self, progress: Callable[[Progress], None] | None) -> BackfillSummary:
        begun = self._of.checkpoints.load(self._key)
        summary = begun.summary if begun else BackfillSummary()
        done = begun.line if begun else 0
        rows = (row for row in self._table.rows if row.last_line > done)
        while batch := list(islice(rows, self._of.batch_size)):
            summary = summary.plus(self._batch(batch))
            # The checkpoint comes last: what it counts is in the index or the dead letters.
            checkpoint = Checkpoint(line=batch[-1].last_line, summary=summary)
            _patiently(partial(self._of.checkpoints.save, self._key, checkpoint))
            if progress is not None:
                progress(Progress(self._lines.position, self._lines.size, summary))
        _patiently(partial(self._of.checkpoints.finish, self._key))
        return summary

    def _batch(self, rows: Sequence[Row | BadRow]) -> BackfillSummary:
        documents, bad = self._documents(rows)
        new = list(_new(documents, self._of.known))
        stories = [] if self._of.via_log else self._scored(new)
        if bad:
            failed = [
                dead_letter(
                    row.raw,
                    key=f"{self._path.name}:{row.line}",
                    stage="backfill",
                    error=row.error,
                    failed_at=self._of.clock.now(),
                )
                for row in bad
            ]
            _patiently(partial(self._of.log.dead_letter, failed))
        if new and self._of.via_log:
            # Taken by the log, which knows an (id, revision) that it has: the checkpoint may come late.
            _patiently(partial(self._of.log.append, new))
        if stories:
            # The order of promise 1, as in stream.local: 1 scored stream, 2 index; the checkpoint is 3, the ack.
            _patiently(partial(self._of.scored.publish, stories))
            _patiently(partial(self._of.index.put, stories))
        for story in stories:
            metrics.documents.labels(story.source, story.status).inc()
        return BackfillSummary(
            rows=len(rows),
            new=len(new),
            duplicates=len(documents) - len(new),
            bad=len(bad),
            unscored=sum(story.status == "unscored" for story in stories),
            undated=sum(story.published_at is None for story in new),
            errors=tuple(str(row.error) for row in bad),
        )

    def _scored(self, documents: list[Document]) -> list[ScoredDocument]:
        if not documents:
            return []
        started = time.perf_counter()
        stories = score_documents(documents, self._of.scorer, self._of.linker, self._of.clock.now(), self._of.languages)
        metrics.model_seconds.observe(time.perf_counter() - started)
        return stories

    def _documents(self, rows: Sequence[Row | BadRow]) -> tuple[list[Document], list[BadRow]]:
        now = self._of.clock.now()
        documents: list[Document] = []
        bad: list[BadRow] = []
        for row in rows:
            if isinstance(row, BadRow):
                bad.append(row)
                continue
            about = f"{self._path}:{row.line}"
            try:
                documents.append(
                    row_to_document(
                        row.values, self._columns, source=self._source, run_id=self._run_id, now=now, about=about
                    )
                )
            except InputError as error:
                bad.append(BadRow(row.line, row.last_line, row.raw, error))
        return documents, bad


def _new(documents: Sequence[Document], known: KnownStories) -> Iterator[Document]:
    """The stories that are not there yet, each once.

    A backfill corrects nothing: of two rows with one id and one text the second is a duplicate. Where the text differs
    (two tables count their rows from 1; a column has the site's address as the link of every story), the id is none,
    and the story goes by its text: to keep one twice is better than to lose one.
    """
    here = dict(known.by_id([identity for one in documents for identity in (one.id, text_id(one))]))
    linked: dict[tuple[str, str], KnownStory] = {}
    for publisher in {one.publisher for one in documents if one.link}:
        links = [canonical_link(one.link) or "" for one in documents if one.link and one.publisher == publisher]
        linked |= {(publisher, link): story for link, story in known.by_link(publisher, links).items()}
    for document in documents:
        # The same story may have come live, under its guid.
        by_link = linked.get((document.publisher, canonical_link(document.link) or ""))
        if by_link is not None and by_link.content_hash == document.content_hash:
            continue
        held = here.get(document.id)
        if held is not None and held.content_hash != document.content_hash:
            document = with_text_id(document)
            held = here.get(document.id)
        if held is None:
            here[document.id] = KnownStory(document.id, 1, document.content_hash, None)
            yield document


def _patiently(step: Callable[[], T]) -> T:
    """The step's answer; while another process holds the storage, tried again."""
    for _ in range(_BUSY_TRIES - 1):
        try:
            return step()
        except StorageBusy:
            time.sleep(0.2)
    return step()
