"""`production.json`: which artefact scores, since when and why, and what scored before."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from riskwire.errors import ModelError

FILE: Final = "production.json"
SCHEMA: Final = 1
MAX_BYTES: Final = 4 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HINT = "Run `riskwire model rollback`, or promote a model again; the file is not edited by hand"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model's time in production. `path` None: the packaged one."""

    path: str | None = None  # a folder of the registry
    sha256: str | None = None  # of its manifest.json, which names the SHA-256 of every other file
    at: datetime | None = None
    action: Literal["promote", "rollback"] = "promote"
    reason: str = ""
    back: int | None = None  # where in the history the one is that a rollback restores; None: the packaged one


class Production(Entry, frozen=True, kw_only=True):
    """What is in production, and everything that was, oldest first."""

    schema: int = SCHEMA
    history: tuple[Entry, ...] = ()


PACKAGED: Final = Production()
"""Nothing was ever promoted."""


def promoted(before: Production, *, path: str, sha256: str, reason: str, now: datetime) -> Production:
    """`before` with another model in its place."""
    at = None if before.at is None else len(before.history)
    return Production(path=path, sha256=sha256, at=now, action="promote", reason=reason, back=at, history=_kept(before))


def rolled_back(before: Production, *, reason: str, now: datetime) -> Production:
    """`before` with the model in place that its own took the place of. Raises ModelError: there was none."""
    if before.path is None:
        raise ModelError("the packaged model is in production: there is nothing to go back to")
    there = Entry() if before.back is None else before.history[before.back]
    return Production(
        path=there.path,
        sha256=there.sha256,
        at=now,
        action="rollback",
        reason=reason,
        back=there.back,
        history=_kept(before),
    )


def _kept(before: Production) -> tuple[Entry, ...]:
    if before.at is None:
        return before.history
    fields = {name: getattr(before, name) for name in Entry.__struct_fields__}
    return (*before.history, Entry(**fields))


def read(folder: Path) -> Production:
    """What `folder/production.json` says; PACKAGED where there is none. Raises ModelError."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return PACKAGED
    except OSError as error:
        raise ModelError("can't be read", about=str(path), hint="See its rights and its disk") from error
    return decode(raw, str(path))


def decode(raw: bytes, about: str) -> Production:
    """Read and check. Raises ModelError naming what is wrong."""
    try:
        found = msgspec.json.decode(raw, type=Production)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError("is no production file", about=about, hint=_HINT) from error
    if found.schema != SCHEMA:
        raise ModelError(f"has schema {found.schema}, this program reads {SCHEMA}", about=about, hint="Update Riskwire")
    for number, entry in enumerate((*found.history, found)):
        if (entry.path is None) != (entry.sha256 is None):
            raise ModelError("path and sha256 go together", about=about, hint=_HINT)
        if entry.path is not None and not is_name(entry.path):
            # Outside the registry nobody knows who may write.
            raise ModelError(f"{entry.path!r} is no folder of the registry", about=about, hint=_HINT)
        if entry.sha256 is not None and not _SHA256.fullmatch(entry.sha256):
            raise ModelError("sha256 is no SHA-256", about=about, hint=_HINT)
        if entry.back is not None and not 0 <= entry.back < number:
            raise ModelError("back points to no earlier entry", about=about, hint=_HINT)
    return found


def is_name(path: str) -> bool:
    """Whether this can be the name of a folder right in the registry."""
    return _NAME.fullmatch(path) is not None


def write(folder: Path, production: Production) -> None:
    """Whole or not at all, and on the disk before it returns. Raises OSError."""
    raw = msgspec.json.format(msgspec.json.encode(production), indent=1) + b"\n"
    replace_file(folder / FILE, raw)


def replace_file(path: Path, raw: bytes) -> None:
    """Put `raw` in the place of `path` in one step, synced: a reader sees the old or the new, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
