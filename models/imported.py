"""A Hugging Face BERT sequence classifier, such as FinBERT, as an artefact. Needs the train extra.

Labels are taken by name from the model's configuration, never by position: `LABEL_0` says nothing, and is refused. What
comes out scores the story alone; such a model has learnt neither mentions nor their sentiment. It is not calibrated.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy.typing as npt
import onnx
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification

from models import artefact
from models.artefact import CARD, Graph, Manifest, Temperatures
from models.graph import INPUTS, encode, finish
from models.graph import Graph as Nodes
from models.huggingface import configuration, licence_of, network_of, output_names, sha256_of, weight_files
from models.inference import OnnxScorer
from models.packaging import MODEL_FILE, TOKENIZER_FILE, git_revision
from models.quantise import choose
from models.vocabulary import tokenizer_of
from riskwire.errors import ModelError

PARITY: Final = 1e-4
"""The largest |Δp| allowed between the model and its graph, before it is made small."""
STORY: Final = "story_logits"
_SAMPLE: Final = (
    "Profit rises at the mill.",
    "The bank warns that losses will widen",
    "Shares were flat; the board meets on 4 May",
    "Ü 😀 …",
    "Orders fell by a third, although margins held up better than the market had feared, the company said. " * 4,
)


class _Model(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of the classifier."""

    name: str
    origin: str
    licence: str
    config: BertConfig
    sentiments: tuple[str, ...]
    tensors: dict[str, npt.NDArray[Any]]
    digests: dict[str, str]  # file of weights → SHA-256


def import_model(
    source: Path,
    output: Path,
    *,
    name: str,
    origin: str = "",
    labels: Sequence[str] = (),
    allow_bin: bool = False,
    int8: bool = False,
) -> Manifest:
    """Write the artefact of the model in the folder `source` to `output`, which must not be there yet.

    `origin`: where it comes from, if not from there; `labels` name its outputs in their order, where its configuration
    doesn't; `allow_bin`: read a pickled `pytorch_model.bin`, tensors only. Raises ModelError: what is missing, can't be
    named, or isn't that model.
    """
    config = configuration(source)
    sentiments = output_names(config, labels, source)
    weights = weight_files(source, allow_bin=allow_bin)
    network = network_of(config, weights, source)
    model = _Model(
        name=name,
        origin=origin or source.name,
        licence=licence_of(source),
        config=config,
        sentiments=sentiments,
        tensors={
            re.sub(r"^bert\.", "encoder.", key): value.float().numpy() for key, value in network.state_dict().items()
        },
        digests={file: sha256_of(path) for file, path in weights.items()},
    )
    output.mkdir(parents=True)
    _write_tokenizer(source, output, rows=len(model.tensors["encoder.embeddings.word_embeddings.weight"]))
    parity = _parity(network, output, _write(output, model, int8=False))
    if parity > PARITY:
        raise ModelError(f"the graph differs from the model by {parity:.1e} in probability", about=str(source))
    return _write(output, model, int8=int8, parity=parity)


def _write_tokenizer(source: Path, output: Path, *, rows: int) -> None:
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_of(source, output / TOKENIZER_FILE)))
    except FileNotFoundError as error:
        raise ModelError(str(error), about=str(source)) from error
    except Exception as error:  # tokenizers raises bare Exception
        raise ModelError("its tokenizer can't be read", about=str(source)) from error
    if tokenizer.get_vocab_size() > rows:
        raise ModelError("its tokenizer has more words than its weights", about=str(source))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    (output / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8")


def classifier(
    tensors: Mapping[str, npt.NDArray[Any]], *, heads: int, epsilon: float, int8: bool = False
) -> onnx.ModelProto:
    """BERT's classifier as a graph: the first token's state through the pooler, then the outputs."""
    g = Nodes()
    products, lookup = choose("rowwise" if int8 else "none", "int8" if int8 else "fp32", ())
    hidden = encode(g, tensors, heads=heads, epsilon=epsilon, products=products, lookup=lookup)
    first = g.add("Squeeze", [g.add("Gather", [hidden, g.ints(0)], "first", axis=1), g.ints(1)], "first.row")  # (B, H)

    def linear(x: str, name: str, output: str) -> str:
        weight = g.weight(f"{name}.w", tensors[f"{name}.weight"].T)
        product = g.add("MatMul", [x, weight], f"{name}.product")
        return g.add("Add", [product, g.weight(f"{name}.b", tensors[f"{name}.bias"])], output)

    pooled = g.add("Tanh", [linear(first, "encoder.pooler.dense", "pooled.linear")], "pooled")
    linear(pooled, "classifier", STORY)
    return finish(g, {STORY: ["batch", 3]})


def _write(output: Path, model: _Model, *, int8: bool, parity: float | None = None) -> Manifest:
    config, precision = model.config, "int8 rowwise" if int8 else "fp32"
    graph = classifier(model.tensors, heads=config.num_attention_heads, epsilon=config.layer_norm_eps, int8=int8)
    (output / MODEL_FILE).write_bytes(graph.SerializeToString(deterministic=True))
    (output / CARD).write_text(_card(model, precision), encoding="utf-8")
    manifest = Manifest(
        schema=artefact.SCHEMA,
        name=model.name,
        version=hashlib.sha256("".join(model.digests.values()).encode()).hexdigest()[:12],
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        model_file=MODEL_FILE,
        tokenizer_file=TOKENIZER_FILE,
        files={part: artefact.fingerprint(output / part) for part in (MODEL_FILE, TOKENIZER_FILE, CARD)},
        sentiments=model.sentiments,
        tags=(),
        graph=Graph(**dict(zip(INPUTS, INPUTS, strict=True)), story=STORY, tags=None, token_sentiment=None),
        case_feature=False,
        max_tokens=min(config.max_position_embeddings, 512),
        precision=precision,
        temperatures=Temperatures(),
        metrics={} if parity is None else {"checks": {"parity": parity}},
        base={"source": model.origin, "licence": model.licence, **model.digests},
        git_revision=git_revision(Path(__file__).parent),
    )
    artefact.write_manifest(output, manifest)
    return manifest


def _parity(network: BertForSequenceClassification, folder: Path, manifest: Manifest) -> float:
    """The largest |Δp| between the model and the artefact, label by label."""
    loaded = artefact.load(folder)
    answers = OnnxScorer(loaded, device="cpu").score(_SAMPLE)
    worst = 0.0
    for tokens, answer in zip(loaded.encoder.encode(_SAMPLE), answers, strict=True):
        if len(tokens) > manifest.max_tokens - 2:
            continue  # scored in windows, which the model knows nothing of
        ids = torch.tensor([[loaded.encoder.cls, *tokens.ids.tolist(), loaded.encoder.sep]])
        with torch.inference_mode():
            chances = network(ids).logits.softmax(-1)[0].tolist()
        for label, chance in zip(manifest.sentiments, chances, strict=True):
            worst = max(worst, abs(dict(answer.sentiment.probabilities)[label] - chance))  # type: ignore[index]
    return worst


def _card(model: _Model, precision: str) -> str:
    return "\n".join(
        [
            f"# {model.name}",
            "",
            f"Imported from `{model.origin}` (licence: {model.licence or 'not stated'}), {precision}.",
            f"Its outputs are, in their order: {', '.join(model.sentiments)}.",
            "",
            "It scores the story alone and finds no companies. Its confidences are not calibrated, and nobody has",
            "measured it here: `riskwire model show` tells what is known of it.",
            "",
        ]
    )
