"""`riskwire score`"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from ingest.documents.language import with_language
from riskwire.cli.explain import explanation, in_words
from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import STORY_CSV, RowWriter, companies, field, sentiment_words, short
from riskwire.cli.wiring import load_model
from riskwire.clock import SystemClock
from riskwire.errors import InputError, UsageError
from riskwire.identity import content_hash, document_id
from riskwire.types import MAX_SCORED_CHARS, Document, ScoredDocument
from riskwire.wire import to_builtins
from stream.scoring import score_documents

HELP = """Score a text or each line of a file: sentiment, calibrated confidence, each company with its own sentiment.

A file holds plain lines, or JSON lines with `title`, `text` or both, and an `id` if you like. `-` reads stdin.

Example: riskwire score "Boeing sues Airbus over subsidies"

--explain says which words moved each score: the text is scored once more without each word (occlusion), and the
difference is that word's effect. --entity asks it of one company, by its name in the text or its symbol.

Example: riskwire score headlines.jsonl --format jsonl > scored.jsonl

Example: riskwire score "Boeing sues Airbus over subsidies" --explain --entity Airbus
"""

CHUNK = 256
#: What is read of a line; a longer one is cut, since only its first 1,000 characters are scored.
MAX_LINE_BYTES = 16 * 1024 * 1024
#: A single word that ends so is the name of a file, not a text.
FILES = frozenset({".csv", ".json", ".jsonl", ".log", ".ndjson", ".txt"})


class InputRow(msgspec.Struct):
    """What a JSON line may hold; other keys are left alone."""

    id: str | int | None = None
    title: str | None = None
    text: str | None = None
    summary: str | None = None
    language: str | None = None


_rows = msgspec.json.Decoder(InputRow)


def score(
    source: Annotated[str, typer.Argument(metavar="TEXT|FILE|-", help="A text, a file, or - for stdin.")],
    explain: Annotated[bool, typer.Option("--explain", help="Say which words moved each score.")] = False,
    entity: Annotated[str | None, typer.Option("--entity", metavar="NAME", help="Explain this one's alone.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.")] = None,
    limit: LimitOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print one row an input row, in order."""
    if entity is not None and not explain:
        raise UsageError("--entity goes with --explain")
    settings = settings_from(config, data, model={"device": device})
    bad = explained = 0
    with _open(source) as stream:
        documents = islice(_documents(stream, source), limit)
        scorer, linker = load_model(settings.model)
        more = ((("explanation", in_words),), (("explanation", field("explanation")),)) if explain else ((), ())
        writer = RowWriter(style, table=(*TABLE, *more[0]), csv_columns=(*STORY_CSV, *more[1]))
        while chunk := list(islice(documents, CHUNK)):
            good = [item for item in chunk if isinstance(item, Document)]
            scored = iter(score_documents(good, scorer, linker, SystemClock().now(), settings.model.languages))
            for item in chunk:
                if isinstance(item, Document):
                    story = next(scored)
                    row = to_builtins(story)
                    if explain:
                        row["explanation"] = parts = explanation(scorer, story, entity)
                        explained += len(parts)
                    writer.write(row)
                else:
                    bad += 1
                    typer.echo(f"riskwire: {item.error}", err=True)
                    writer.write(to_builtins(item.row))
            writer.flush()
        writer.close("no text to score")
    if entity is not None and not explained:
        raise InputError("is named in none of the texts", about=entity, hint="Write it as the text or its symbol does.")
    if bad:
        raise typer.Exit(1)


TABLE = (
    ("sentiment", sentiment_words),
    ("companies", companies),
    ("text", lambda row: short(row["text"] or row["title"], 110)),
)


class BadRow(msgspec.Struct):
    """An input row that can't be read: answered all the same, and the command ends with 1."""

    row: ScoredDocument
    error: InputError


@contextmanager
def _open(source: str) -> Iterator[BinaryIO]:
    if source == "-":
        yield sys.stdin.buffer
        return
    path = Path(source)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # a text is often no possible file name
        is_file = False
    if is_file:
        try:
            with path.open("rb") as stream:
                yield stream
        except PermissionError as error:
            raise InputError("can't be read", about=source) from error
    elif path.is_dir():
        raise InputError("is a folder", about=source, hint="Give a file, or a text in quotes.")
    elif not any(map(str.isspace, source)) and path.suffix.casefold() in FILES:
        raise InputError("is not there", about=source, hint="Give a file that is there, or a text of several words.")
    else:
        import io

        yield io.BytesIO(source.replace("\n", " ").encode("utf-8", "replace"))


def _documents(stream: BinaryIO, name: str) -> Iterator[Document | BadRow]:
    where = "stdin" if name == "-" else name
    json_lines: bool | None = None
    number = 0
    while line := stream.readline(MAX_LINE_BYTES):
        number += 1
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(MAX_LINE_BYTES)):
            pass  # the tail of a line that is longer than anyone scores
        about = f"{where}:{number}"
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
            if b"\x00" in line[:4096]:
                raise InputError("is not text", about=where, hint="Give plain lines or JSON lines in UTF-8.")
        try:
            text = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            yield _bad(number, "is not valid UTF-8", about)
            continue
        if json_lines is None and text.strip():
            json_lines = text.lstrip().startswith("{") and _is_json(text)
        if not json_lines:
            yield _document(InputRow(text=text), number)
            continue
        try:
            yield _document(_rows.decode(text), number)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            yield _bad(number, f"is no row: {error}", about)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True


def _document(row: InputRow, number: int) -> Document:
    now = SystemClock().now()
    parts = [part for part in (row.title, row.text, row.summary) if part]
    title, summary = (parts[0], "\n".join(parts[1:])) if row.title else ("\n".join(parts), "")
    title, summary = title[: MAX_SCORED_CHARS + 1], summary[: MAX_SCORED_CHARS + 1]
    document = Document(
        id=str(row.id) if row.id is not None else document_id("", title=title, content=f"{summary}\n{number}"),
        source="score",
        title=title,
        summary=summary,
        language=row.language,
        seen_at=now,
        event_time=now,
        content_hash=content_hash(title, summary),
    )
    return with_language(document)


def _bad(number: int, message: str, about: str) -> BadRow:
    now = SystemClock().now()
    row = ScoredDocument(
        id=document_id("", title=f"row {number}"),
        source="score",
        seen_at=now,
        event_time=now,
        status="unscored",
        unscored_reason="error",
    )
    return BadRow(row, InputError(message, about=about))
