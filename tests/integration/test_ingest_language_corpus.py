"""English headlines as they are written: how many would be lost as foreign. The data is read by path, never kept."""

import csv
import io
import lzma
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.documents.language import detect

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir() and os.environ.get("CI") != "true", reason=f"needs the headlines in {DATA}"
)
#: File, column, delimiter, and how many of its headlines are drawn: 10,000 in all.
FILES = (
    ("corpus_reuters_titles/reuters_wire_titles.tsv.xz", "title", "\t", 4_000),
    ("corpus_reuters_titles/reuters_press_titles.tsv.xz", "title", "\t", 1_000),
    ("corpus_finviz_2025/finviz_news.csv.xz", "headline", ",", 1_500),
    ("corpus_headlines_2018_2020/headlines.csv.xz", "headline", ",", 1_500),
    ("corpus_biotech_thestreet/headlines.csv.xz", "headline", ",", 1_000),
    ("sentfin/sentfin_long.csv", "title", ",", 1_000),
)


def headlines(seed: int) -> Iterator[str]:
    draw = random.Random(seed)
    for name, column, delimiter, count in FILES:
        path = DATA / name
        body = lzma.decompress(path.read_bytes()) if name.endswith(".xz") else path.read_bytes()
        quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
        lines = io.StringIO(body.decode("utf-8"), newline="")
        texts = {row[column] for row in csv.DictReader(lines, delimiter=delimiter, quoting=quoting)}
        yield from draw.sample(sorted(texts), count)


def test_of_ten_thousand_english_headlines_hardly_one_is_lost() -> None:
    texts = list(headlines(seed=20261124))
    assert len(texts) == 10_000
    # Some of them are foreign (wires repeat their other desks' headlines): the share is of those, too.
    for declared in (None, "en", "en-us"):
        foreign = [text for text in texts if (detect(text, declared) or "en").partition("-")[0] != "en"]
        assert len(foreign) < 0.003 * len(texts), (declared, len(foreign))


def test_it_is_quick_and_small() -> None:
    texts = list(headlines(seed=1))[:2_000]
    started = time.process_time()
    for text in texts:
        detect(text)
    assert (time.process_time() - started) / len(texts) < 0.001
    code = (
        "from ingest.documents.language import detect; import resource;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; detect('Profit rises after a strong quarter');"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 120 * 1024**2
