"""The registry's folder: artefacts come in, one is promoted, and it can be taken back."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from models import artefact
from models.artefact import MANIFEST, PRETRAINED, Artefact, Manifest
from models.registry import production as files
from models.registry.gate import Judged, Verdict
from models.registry.production import Entry, Production, is_name
from riskwire.errors import InputError, ModelError, ModelIntegrityError

State = Literal["production", "candidate", "former", "packaged", "broken"]
PACKAGED_NAME: Final = "packaged"


class Listed(msgspec.Struct, frozen=True):
    """One artefact of the registry. `error`: why it can't be used."""

    name: str
    state: State
    manifest: Manifest | None = None
    error: str = ""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside an artefact: its figures, and the gate's verdict against what was in production then."""

    sha256: str  # of its manifest
    judged: Judged
    measured: bool = False  # on texts, here; else out of its manifest
    against: str | None = None  # the manifest it was compared with
    verdict: Verdict | None = None
    at: datetime | None = None


class Registry:
    """A registry in `folder`, which need not be there yet. Safe from several processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def production(self) -> Production:
        """What is in production. Raises ModelError: `production.json` can't be read."""
        return files.read(self.folder)

    def path_of(self, entry: Entry) -> Path:
        """The folder of an entry's artefact."""
        return PRETRAINED if entry.path is None else self.folder / entry.path

    def find(self, name: str) -> Path:
        """The folder of the artefact of this name, `production` and `packaged` among them. Raises InputError."""
        if name == PACKAGED_NAME:
            return PRETRAINED
        if name == "production":
            return self.path_of(self.production())
        if is_name(name) and (self.folder / name / MANIFEST).is_file():
            return self.folder / name
        raise InputError("there is no such model", about=name, hint="`riskwire model list` shows what there is.")

    def load(self, entry: Entry) -> Artefact:
        """The verified artefact of an entry. Raises ModelError and its kinds."""
        folder = self.path_of(entry)
        found = artefact.load(folder)
        if entry.sha256 is not None and fingerprint(folder) != entry.sha256:
            raise ModelIntegrityError(
                f"{files.FILE} names another manifest", about=str(folder), hint="Promote the model again"
            )
        return found

    def list(self) -> list[Listed]:
        """Every artefact, the one in production first, then the newest first; the packaged one last."""
        current = self.production()
        former = {entry.path for entry in current.history}
        found = []
        for folder in sorted(self.folder.iterdir()) if self.folder.is_dir() else []:
            if folder.is_dir() and is_name(folder.name):
                state: State = "former" if folder.name in former else "candidate"
                found.append(_listed(folder, folder.name, "production" if folder.name == current.path else state))
        found.sort(key=lambda one: one.manifest.created_at if one.manifest else "", reverse=True)
        found.sort(key=lambda one: one.name != current.path)
        packaged = _listed(PRETRAINED, PACKAGED_NAME, "production" if current.path is None else "packaged")
        return [packaged, *found] if current.path is None else [*found, packaged]

    def add(self, folder: Path) -> str:
        """Take a verified copy of an artefact in; returns its name here. The same one again changes nothing.

        Raises ModelError and its kinds.
        """
        found = artefact.load(folder)
        sha256 = fingerprint(folder)
        name = f"{_plain(found.manifest.name)}-{_plain(found.manifest.version)}-{sha256[:8]}"
        with self._lock():
            there = self.folder / name
            if not there.exists():
                draft = self.folder / f".{name}.draft"
                shutil.rmtree(draft, ignore_errors=True)
                shutil.copytree(folder, draft)
                artefact.load(draft)
                draft.rename(there)
        return name

    def judgement(self, name: str) -> Judgement | None:
        """What was measured of the artefact `name`, as it is now; None where nothing was."""
        path = self.folder / f"{name}.judged.json"
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Judgement)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise ModelError("is no judgement", about=str(path), hint="Run `riskwire model evaluate` again") from error
        return found if found.sha256 == fingerprint(self.find(name)) else None

    def keep(self, name: str, judgement: Judgement) -> None:
        """Keep what was measured beside the artefact."""
        with self._lock():
            raw = msgspec.json.format(msgspec.json.encode(judgement), indent=1) + b"\n"
            files.replace_file(self.folder / f"{name}.judged.json", raw)

    def promote(self, name: str, *, reason: str, now: datetime, instead_of: str | None = None) -> Production:
        """Put the artefact `name` into production, in one step. Whether it may is the gate's to say, before this.

        `instead_of`: the manifest's sha256 of the model that the gate compared it with; another one in production by
        now is an error. Raises ModelError and its kinds: the artefact isn't what its manifest says, or is there now.
        """
        with self._lock():
            before = self.production()
            if instead_of is not None and fingerprint(self.path_of(before)) != instead_of:
                raise ModelError("another model was promoted meanwhile", about=name, hint="Judge it against that one")
            if before.path == name:
                raise ModelError("is in production now", about=name)
            artefact.load(self.folder / name)
            after = files.promoted(before, path=name, sha256=fingerprint(self.folder / name), reason=reason, now=now)
            files.write(self.folder, after)
            return after

    def rollback(self, *, reason: str, now: datetime) -> Production:
        """Put the model before into production again. Raises ModelError: there is none, or it is damaged."""
        with self._lock():
            after = files.rolled_back(self.production(), reason=reason, now=now)
            self.load(after)
            files.write(self.folder, after)
            return after

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the kernel lets go of it, however the process ends
            yield


def fingerprint(folder: Path) -> str:
    """SHA-256 of an artefact's manifest, which names that of every other file. Raises ModelError."""
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError("there is no model here", about=str(folder)) from error


def _listed(folder: Path, name: str, state: State) -> Listed:
    try:
        return Listed(name, state, artefact.read_manifest(folder))
    except ModelError as error:
        return Listed(name, "broken", error=error.message)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+]+", "-", text).strip("-.+")[:60] or "model"
