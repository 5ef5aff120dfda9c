"""The shipped scorer against what its peers do: a `transformers` text-classification pipeline, PyTorch fp32.

Same encoder size and weights (the base that the shipped model was trained from, with a story head), same texts, same
CPU, one run. Promises: ≥ 5× its stories a second at batch 1, ≥ 4× at batch 32. The pipeline only gives the story's
sentiment; the scorer also gives entities and theirs, and its time includes tokenising, decoding and linking.

`python benchmarks/bench_scorer.py [--texts N] [--rounds N] [--json FILE]`; needs the train extra (torch), and starts
itself again with $PYTHON_TRAIN or .venv-train when the interpreter at hand has none. Exit code 1: a promise is broken.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", ROOT.parent / "shared" / "data"))
PROMISED = {1: 5.0, 32: 4.0}
THREADS = len(os.sched_getaffinity(0))

OWN = (
    "Alder Bank said its net profit fell to EUR 12.4 mn in the third quarter from EUR 15.1 mn a year earlier",
    "Tessel Motors raises full-year outlook after record orders from fleet customers in northern Europe",
    "$TSLA calls printing again, this thing does not want to go down",
    "Northwind Mills will hold its annual general meeting in Bergen on 3 May , the company said in a statement",
    "Copper slips for a third day as the dollar firms and stocks in warehouses rise",
    "Regulator opens probe into accounts of Quarry Foods; shares suspended",
    "Brightwater to buy smaller rival for about 300 million crowns, sees savings of 20 million a year from 2027",
    "Lumen Air warns of weaker demand on long routes and will park six aircraft over the winter",
)
"""Made-up texts of the length of PhraseBank's sentences and of posts, for a checkout without data sets."""


def texts(count: int) -> tuple[list[str], str]:
    """PhraseBank sentences and posts in their own order, half and half; else our own. With a word on where from."""
    news, posts = DATASETS / "phrasebank" / "phrasebank.csv", DATASETS / "twitter_financial_news" / "sent_train.csv"
    if not (news.is_file() and posts.is_file()):
        return [OWN[n % len(OWN)] for n in range(count)], "made-up sentences (no data sets here)"
    found = []
    for path, column in ((news, "sentence"), (posts, "text")):
        with path.open(encoding="utf-8", newline="") as file:
            found.append([row[column] for row, _ in zip(csv.DictReader(file), range(count // 2), strict=False)])
    return [text for pair in zip(*found, strict=True) for text in pair], "PhraseBank sentences and posts, half and half"


def pipeline(batch: int) -> Callable[[list[str]], Any]:
    """What the peers run: the same encoder in PyTorch fp32 behind `transformers.pipeline`."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification
    from transformers import pipeline as make
    from transformers.utils import logging

    from models.config import load_recipe
    from models.network import base_folder

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(THREADS)
    folder = base_folder(load_recipe(ROOT / "models" / "configs" / "minilm.toml").base)
    assert folder is not None
    config = BertConfig.from_pretrained(folder, num_labels=3)
    network = BertForSequenceClassification.from_pretrained(folder, config=config).eval()
    classify = make(
        "text-classification",
        model=network,
        tokenizer=AutoTokenizer.from_pretrained(folder),
        device="cpu",
        truncation=True,
        max_length=128,
    )
    if batch == 1:
        return lambda given: [classify(text) for text in given]
    return lambda given: classify(given, batch_size=batch)


def scorer() -> tuple[Callable[[list[str]], Any], Any]:
    """The shipped one, with the default linker, as `riskwire up` wires it."""
    from models.inference import load_scorer
    from models.symbols import SymbolLinker

    shipped = load_scorer(linker=SymbolLinker.default(), threads=THREADS)
    return shipped.score, shipped


def rate(run: Callable[[list[str]], Any], given: list[str]) -> float:
    """Texts a second."""
    begun = time.perf_counter()
    run(given)
    return len(given) / (time.perf_counter() - begun)


def main() -> int:
    """Measure in turns, so that whatever else the machine does falls on all; report the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    given, source = texts(options.texts)
    score, shipped = scorer()
    runs: dict[str, Callable[[list[str]], Any]] = {
        "pipeline, batch 1": pipeline(1),
        "pipeline, batch 32": pipeline(32),
        "scorer": score,
        "scorer, one text a call": lambda some: [score([text]) for text in some],
    }
    for run in runs.values():
        run(given[:64])  # warm
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            rates[name].append(rate(run, given))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    machine = f"{THREADS} threads, {platform.processor() or platform.machine()}, {shipped.provider}"
    print(f"{options.texts} texts: {source}; {machine}, model {shipped.model.version}")
    for name, found in rates.items():
        print(f"  {name:26} {medians[name]:7.0f} texts/s   ({min(found):.0f}-{max(found):.0f})")
    broken = 0
    ratios: dict[str, float] = {}
    for batch, promised in PROMISED.items():
        # The ratio within each round, so that a slow minute of the machine does not decide.
        ratio = statistics.median(
            a / b for a, b in zip(rates["scorer"], rates[f"pipeline, batch {batch}"], strict=True)
        )
        ratios[f"batch {batch}"] = ratio
        broken += ratio < promised
        verdict = "" if ratio >= promised else "  BROKEN"
        print(f"  scorer against the pipeline at batch {batch}: {ratio:.1f}x (promised {promised:.0f}x){verdict}")
    if options.json:
        options.json.write_text(
            json.dumps({"texts_per_second": medians, "ratios": ratios, "threads": THREADS}, indent=1), encoding="utf-8"
        )
    return 1 if broken else 0


def with_torch() -> None:
    """Start again where torch is, once."""
    if importlib.util.find_spec("torch") is not None:
        return
    other = Path(os.environ.get("PYTHON_TRAIN") or ROOT / ".venv-train" / "bin" / "python")
    if os.environ.get("RISKWIRE_BENCH_AGAIN") or not other.exists():
        sys.exit("this needs torch: make .venv-train/installed")
    os.environ["RISKWIRE_BENCH_AGAIN"] = "1"
    os.execv(str(other), [str(other), __file__, *sys.argv[1:]])


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    with_torch()
    sys.exit(main())
