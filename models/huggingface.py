"""A Hugging Face model as it lies in a folder or on the hub: a BERT sequence classifier, read with suspicion.

Weights are read from safetensors; a pickled file only when told to, through `torch.load(weights_only=True)`. Nothing
that the folder holds is run. Needs the train extra.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification

from models.labels import SENTIMENTS, permutation
from riskwire.errors import InputError, ModelError

_FILES: Final = (
    "config.json",
    "*.safetensors",
    "model.safetensors.index.json",
    "tokenizer*.json",
    "vocab.txt",
    "README.md",
)
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")


def fetch(name: str, *, revision: str | None = None, allow_bin: bool = False) -> Path:
    """The folder of the hub's model `name`, fetched where it isn't in the cache.

    Only what an import reads is fetched. HF_ENDPOINT and HF_TOKEN are the hub's own variables. Raises InputError: no
    such name; ModelError: it can't be fetched.
    """
    if not _NAME.fullmatch(name):
        raise InputError("is neither a folder nor a name of the hub", about=name)
    from huggingface_hub import snapshot_download

    wanted = [*_FILES, *(["pytorch_model.bin"] if allow_bin else [])]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except Exception as error:  # noqa: BLE001 - the hub's client and its transport raise many kinds, with pages of advice
        raise ModelError(
            f"can't be fetched from the hub: {str(error).partition(chr(10))[0][:300]}",
            about=name,
            hint="Where there is no network, give a folder",
        ) from None


def configuration(source: Path) -> BertConfig:
    """Its `config.json`. Raises ModelError: it is none of a plain BERT."""
    try:
        found = json.loads((source / "config.json").read_text(encoding="utf-8"))
        if not isinstance(found, dict) or found.get("model_type") != "bert":
            kind = found.get("model_type") if isinstance(found, dict) else None
            raise ModelError(f"is a model of type {kind!r}; only 'bert' can be imported", about=str(source))
        config = BertConfig.from_dict(found)
    except FileNotFoundError as error:
        raise ModelError("has no config.json: this is no Hugging Face model", about=str(source)) from error
    except ModelError:
        raise
    except Exception as error:  # transformers' own checks raise many kinds
        raise ModelError("its config.json can't be read", about=str(source)) from error
    for key, wanted in (("hidden_act", "gelu"), ("position_embedding_type", "absolute"), ("is_decoder", False)):
        if (value := found.get(key, wanted)) != wanted:
            raise ModelError(f"its {key} is {value!r}; only {wanted!r} can be imported", about=str(source))
    return config


def output_names(config: BertConfig, given: Sequence[str], source: Path) -> tuple[str, ...]:
    """The sentiments that the model's outputs are, in their order: by its configuration, else as `given`.

    Raises ModelError: neither names all three, or the two say different things.
    """
    stated = [str(config.id2label.get(number, "")) for number in range(len(config.id2label))]
    names = tuple(label.strip().lower() for label in (given or stated))
    try:
        permutation(names, SENTIMENTS)
    except ValueError as error:
        raise ModelError(
            f"its outputs are called {', '.join(given or stated)}",
            about=str(source),
            hint="Name them in their order, as in --labels positive,negative,neutral (see its model card)",
        ) from error
    known = [label.strip().lower() for label in stated]
    if given and sorted(known) == sorted(SENTIMENTS) and tuple(known) != names:
        raise ModelError(f"its configuration names its outputs itself: {', '.join(stated)}", about=str(source))
    return names


def weight_files(source: Path, *, allow_bin: bool) -> dict[str, Path]:
    """The files of weights, by name: safetensors, whole or in shards; a pickled one only where that is allowed.

    Raises ModelError: there are none that may be read.
    """
    if (source / "model.safetensors").is_file():
        return {"model.safetensors": source / "model.safetensors"}
    index = source / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError("is no index of weights", about=str(index)) from error
        if any(Path(part).name != part or not part.endswith(".safetensors") for part in names):
            raise ModelError("names files outside its folder", about=str(index))
        return {part: source / part for part in names}
    pickled = source / "pytorch_model.bin"
    if not pickled.is_file():
        raise ModelError("has no weights: neither model.safetensors nor pytorch_model.bin", about=str(source))
    if not allow_bin:
        raise ModelError(
            "has its weights in pytorch_model.bin alone, which is pickled",
            about=str(source),
            hint="--allow-bin reads it, tensors only",
        )
    return {"pytorch_model.bin": pickled}


def network_of(config: BertConfig, weights: Mapping[str, Path], source: Path) -> BertForSequenceClassification:
    """The model with its weights, for use. Raises ModelError: they can't be read, or are not all there."""
    state: dict[str, torch.Tensor] = {}
    for name, path in weights.items():
        try:
            if name.endswith(".bin"):
                state |= torch.load(path, map_location="cpu", weights_only=True)
            else:
                state |= load_file(path)
        except Exception as error:  # safetensors and torch raise many kinds
            raise ModelError("its weights can't be read", about=str(path)) from error
    # Old checkpoints call a norm's weight and bias gamma and beta.
    state = {re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", name)): value for name, value in state.items()}
    try:
        network = BertForSequenceClassification(config).eval()
        missing = network.load_state_dict(state, strict=False).missing_keys
    except Exception as error:
        raise ModelError("its weights are not those of its configuration", about=str(source)) from error
    if missing := [name for name in missing if not name.endswith("position_ids")]:
        raise ModelError(
            f"is no sequence classifier: its weights lack {missing[0]} and {len(missing) - 1} more", about=str(source)
        )
    return network


def sha256_of(path: Path) -> str:
    """Of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def licence_of(source: Path) -> str:
    """As its model card states it in its first lines; empty where it doesn't."""
    card = source / "README.md"
    head = card.read_text(encoding="utf-8", errors="replace")[:4096] if card.is_file() else ""
    found = re.search(r"^licen[sc]e:\s*([\w.+-]{1,60})\s*$", head, re.MULTILINE)
    return found[1] if found else ""
