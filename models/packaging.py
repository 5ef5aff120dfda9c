"""The last stage: files, manifest and card into one artefact folder, put in place in one step and read back."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from tokenizers import Tokenizer

from models import artefact, labels
from models.artefact import CARD, DataEntry, Manifest, Temperatures
from models.config import Recipe

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"


def package(
    recipe: Recipe,
    *,
    graph: Path,
    tokenizer: Path,
    card: str,
    data: tuple[DataEntry, ...],
    temperatures: dict[str, float],
    metrics: dict[str, Any],
    output: Path,
) -> Manifest:
    """Write the artefact beside `output`, verify it, then swap it in. Raises ModelError when it doesn't load."""
    draft = output.with_name(f".{output.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    shutil.copyfile(graph, draft / MODEL_FILE)
    plain = Tokenizer.from_file(str(tokenizer))
    plain.no_padding()
    plain.no_truncation()
    (draft / TOKENIZER_FILE).write_text(plain.to_str(), encoding="utf-8")
    (draft / CARD).write_text(card, encoding="utf-8")
    manifest = Manifest(
        schema=artefact.SCHEMA,
        name=recipe.name,
        version=recipe.version,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        model_file=MODEL_FILE,
        tokenizer_file=TOKENIZER_FILE,
        files={name: artefact.fingerprint(draft / name) for name in (MODEL_FILE, TOKENIZER_FILE, CARD)},
        sentiments=labels.SENTIMENTS,
        tags=labels.TAGS,
        case_feature=recipe.base.case_feature,
        amount_feature=recipe.base.amount_feature,
        max_tokens=recipe.data.max_tokens,
        precision=precision(recipe.quantise.method),
        temperatures=Temperatures(**temperatures),
        metrics=metrics,
        data=data,
        base={"source": recipe.base.source, "licence": recipe.base.licence},
        configuration=msgspec.to_builtins(recipe),
        seed=recipe.seed,
        git_revision=git_revision(Path(__file__).parent),
    )
    artefact.write_manifest(draft, manifest)
    artefact.load(draft)
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    draft.rename(output)
    shutil.rmtree(old, ignore_errors=True)
    return manifest


def precision(method: str) -> str:
    """How the manifest calls what a method of quantising gives."""
    return {"none": "fp32", "fp16": "fp16"}.get(method, f"int8 {method}")


def git_revision(folder: Path) -> str | None:
    """The commit that is checked out, with `+` where files differ from it; None outside a repository."""
    git = shutil.which("git")
    if git is None:
        return None

    def ask(*arguments: str) -> str | None:
        answer = subprocess.run([git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)  # noqa: S603
        return answer.stdout.strip() if answer.returncode == 0 else None

    revision = ask("rev-parse", "HEAD")
    return f"{revision}+" if revision and ask("status", "--porcelain", "--untracked-files=no") else revision
