"""The trained network as ONNX graphs: the exact fp32 one, and the quantised one that ships."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.transformers.float16 import convert_float_to_float16

from models.batches import Example, collate
from models.config import Quantise
from models.evaluate import Array, Forward
from models.graph import INPUTS, OUTPUTS, build_graph
from models.metrics import softmax
from models.network import RiskwireNet
from models.quantise import choose


def export(network: RiskwireNet, path: Path, settings: Quantise) -> int:
    """Write the graph with its products as `settings` say; returns its size in bytes."""
    half = settings.method == "fp16"
    products, lookup = choose(
        "none" if half else settings.method, "fp32" if half else settings.embedding, settings.keep_fp32
    )
    tensors = {name: tensor.detach().float().numpy() for name, tensor in network.state_dict().items()}
    config = network.encoder.config
    model = build_graph(
        tensors, heads=config.num_attention_heads, epsilon=config.layer_norm_eps, products=products, lookup=lookup
    )
    if half:
        model = convert_float_to_float16(model, keep_io_types=True, disable_shape_infer=True)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    path.write_bytes(content)
    return len(content)


def forward_of(path: Path, *, threads: int = 0) -> Forward:
    """A graph as evaluation wants it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # as models.inference
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def forward(ids: Array, mask: Array, cases: Array) -> tuple[Array, Array, Array]:
        story, tags, tokens = session.run(list(OUTPUTS), dict(zip(INPUTS, (ids, mask, cases), strict=True)))
        return story, tags, tokens

    return forward


def difference(one: Forward, other: Forward, examples: Sequence[Example], *, pad: int, size: int = 16) -> float:
    """The largest |Δp| between two models, over all heads and tokens of `examples`."""
    worst = 0.0
    for start in range(0, len(examples), size):
        batch = collate(examples[start : start + size], pad=pad)
        known = batch.mask.astype(bool)
        for index, (a, b) in enumerate(
            zip(one(batch.ids, batch.mask, batch.cases), other(batch.ids, batch.mask, batch.cases), strict=True)
        ):
            gap = np.abs(softmax(a) - softmax(b))
            worst = max(worst, float(gap.max() if index == 0 else gap[known].max()))
    return worst


def batch_dependence(forward: Forward, examples: Sequence[Example], *, pad: int, seed: int = 0) -> dict[str, Any]:
    """How far a text's probabilities move between alone and in shuffled, padded batches of 32: `max_dp`, `flips`."""
    order = np.random.default_rng(seed).permutation(len(examples))
    worst, flips = 0.0, 0
    for start in range(0, len(order), 32):
        chosen = [examples[index] for index in order[start : start + 32]]
        batch = collate(chosen, pad=pad)
        together = forward(batch.ids, batch.mask, batch.cases)
        for row, example in enumerate(chosen):
            single = collate([example], pad=pad)
            alone = forward(single.ids, single.mask, single.cases)
            story = np.abs(softmax(alone[0][0]) - softmax(together[0][row])).max()
            rest = [np.abs(softmax(alone[n][0]) - softmax(together[n][row, : len(example)])).max() for n in (1, 2)]
            worst = max(worst, float(story), *(float(gap) for gap in rest))
            flips += int(alone[0][0].argmax() != together[0][row].argmax())
    return {"texts": len(order), "max_dp": worst, "flips": flips}
