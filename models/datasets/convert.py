"""From the files as their authors publish them to those that the loaders read."""

from __future__ import annotations

import ast
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from riskwire.errors import InputError

_LEVELS: Final = (("AllAgree", 100), ("75Agree", 75), ("66Agree", 66), ("50Agree", 50))
_LARGEST: Final = 20_000_000  # bytes of one unpacked file
_PAIR = re.compile(r"""(?P<q>['"])(?P<name>.+?)(?P=q)\s*:\s*['"](?P<label>positive|neutral|negative)['"]""")


def phrasebank(folder: Path) -> None:
    """The authors' zip of nested files to `phrasebank.csv`: each sentence with the strictest file that holds it.

    Raises InputError: the zip is none, or is not theirs.
    """
    path = folder / "FinancialPhraseBank-v1.0.zip"
    try:
        with zipfile.ZipFile(path) as packed:
            files = {level: _member(packed, f"Sentences_{name}.txt") for name, level in _LEVELS}
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise InputError("not the authors' zip", about=str(path), hint="Remove it and fetch it again") from error
    strictest: dict[tuple[str, str], int] = {}
    for level in sorted(files):  # the stricter overwrite the laxer
        strictest |= dict.fromkeys(_sentences(files[level]), level)
    rows = [(*row, strictest[row]) for row in _sentences(files[50])]
    _write(folder / "phrasebank.csv", ("sentence", "label", "min_agreement"), rows)


def sentfin(folder: Path) -> None:
    """`SEntFiN.csv` to `sentfin_long.csv`: a row a mention, with its place in the title (−1: not verbatim there).

    Raises InputError: the file's columns are not the authors'.
    """
    path = folder / "SEntFiN.csv"
    rows: list[Sequence[object]] = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                number, title, decisions = row["S No."], row["Title"], row["Decisions"]
            except KeyError as error:
                raise InputError(
                    "not the authors' file", about=str(path), hint="Remove it and fetch it again"
                ) from error
            for name, label in _decisions(decisions):
                start = title.find(name)
                rows.append((number, title, name, label, start, start + len(name) if start >= 0 else -1))
    _write(folder / "sentfin_long.csv", ("s_no", "title", "entity", "label", "start", "end"), rows)


CONVERT: Final[dict[str, Callable[[Path], None]]] = {"phrasebank": phrasebank, "sentfin": sentfin}


def _decisions(text: str) -> list[tuple[str, str]]:
    """Names and labels of a Python literal; a few rows are none (a quote within a name) and are read by their form."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return [(match["name"], match["label"]) for match in _PAIR.finditer(text)]
    return [(str(name), str(label)) for name, label in found.items()]


def _member(packed: zipfile.ZipFile, name: str) -> str:
    info = next((info for info in packed.infolist() if Path(info.filename).name == name), None)
    if info is None or info.file_size > _LARGEST:
        raise KeyError(name)
    return packed.read(info).decode("iso-8859-1")


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    for line in io.StringIO(text):
        sentence, at, label = line.rstrip("\r\n").rpartition("@")
        if at:
            yield sentence, label


def _write(path: Path, names: tuple[str, ...], rows: Iterable[Sequence[object]]) -> None:
    part = path.with_name(path.name + ".new")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    part.replace(path)
