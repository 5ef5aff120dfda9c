"""The network as an ONNX graph, written out operator by operator.

Written by hand rather than traced: the graph is small, stays the same whatever the exporter's version, uses ONNX
Runtime's fused operators from the start, and leaves the choice of how each matrix product is computed to `Products`
(fp32 here; int8 in `quantise`). Everything between the embedding and the heads is (B·T, H), so that a row is a token
and nothing can mix rows but attention.

Inputs `input_ids`, `attention_mask`, `token_type_ids` (B, T) int64; outputs named in `OUTPUTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]

INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS: Final = ("story_logits", "tag_logits", "token_sentiment_logits")
OPSET: Final = 19
_MS: Final = "com.microsoft"


class Graph:
    """Nodes and weights as they are added; names are unique and readable."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}

    def add(
        self, kind: str, inputs: list[str], name: str, *, domain: str = "", outputs: int = 1, **attributes: Any
    ) -> str:
        """Add one operator; returns the name of its (first) output."""
        names = [name] if outputs == 1 else [f"{name}:{n}" for n in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=name, domain=domain, **attributes))
        return names[0]

    def weight(self, name: str, value: Array) -> str:
        """Add a constant once; returns its name."""
        if name not in self.weights:
            self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def ints(self, *values: int) -> str:
        """A small constant of int64, shared."""
        return self.weight("i64_" + "_".join(str(value) for value in values), np.array(values, dtype=np.int64))


class Products(Protocol):
    """How x · Wᵀ is computed for one x of (rows, in) and several W of (out, in). Bias is added by the caller."""

    def __call__(self, graph: Graph, x: str, weights: Mapping[str, Array]) -> dict[str, str]: ...


class Lookup(Protocol):
    """How rows of the word embedding are fetched: `ids` (B, T) → (B, T, H)."""

    def __call__(self, graph: Graph, table: Array, ids: str) -> str: ...


def fp32_products(graph: Graph, x: str, weights: Mapping[str, Array]) -> dict[str, str]:
    """Plain products."""
    return {
        name: graph.add("MatMul", [x, graph.weight(f"{name}.w", matrix.T.astype(np.float32))], f"{name}.product")
        for name, matrix in weights.items()
    }


def fp32_lookup(graph: Graph, table: Array, ids: str) -> str:
    """Plain rows."""
    return graph.add("Gather", [graph.weight("words", table.astype(np.float32)), ids], "words.rows")


def build_graph(
    tensors: Mapping[str, Array],
    *,
    heads: int,
    epsilon: float,
    products: Products = fp32_products,
    lookup: Lookup = fp32_lookup,
) -> onnx.ModelProto:
    """The whole model. `tensors`: the network's state dict as arrays, by the names of `models.network`."""
    g = Graph()
    x = encode(g, tensors, heads=heads, epsilon=epsilon, products=products, lookup=lookup)
    _heads(g, x, tensors)
    text: list[str | int | None] = ["batch", "tokens"]
    return finish(g, dict(zip(OUTPUTS, (["batch", 3], [*text, 9], [*text, 3]), strict=True)))


def encode(
    g: Graph, tensors: Mapping[str, Array], *, heads: int, epsilon: float, products: Products, lookup: Lookup
) -> str:
    """Embedding and layers: the name of the hidden states (B, T, H)."""
    layers = 1 + max(int(name.split(".layer.")[1].split(".")[0]) for name in tensors if ".layer." in name)
    width = tensors["encoder.embeddings.word_embeddings.weight"].shape[1]
    shape = g.add("Shape", ["input_ids"], "shape")  # (B, T)
    full = g.add("Concat", [shape, g.ints(width)], "shape.full", axis=0)  # (B, T, H)
    rows = g.ints(-1, width)
    mask = g.add("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)

    x = _embed(g, tensors, lookup, shape)
    x = g.add("Reshape", [x, rows], "embedding.rows")
    x = _layer_norm(g, x, tensors, "encoder.embeddings.LayerNorm", epsilon)
    for number in range(layers):
        x = _layer(g, x, tensors, f"encoder.encoder.layer.{number}", heads, epsilon, products, shape, full, mask)
    return g.add("Reshape", [x, full], "hidden")


def finish(g: Graph, outputs: Mapping[str, list[str | int | None]]) -> onnx.ModelProto:
    """The graph as a model with these outputs, each with its shape."""
    return helper.make_model(
        helper.make_graph(
            g.nodes,
            "riskwire",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in INPUTS],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            list(g.weights.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(_MS, 1)],
        ir_version=10,
        producer_name="riskwire",
    )


def _embed(g: Graph, tensors: Mapping[str, Array], lookup: Lookup, shape: str) -> str:
    prefix = "encoder.embeddings"
    words = lookup(g, tensors[f"{prefix}.word_embeddings.weight"], "input_ids")
    types = g.weight("types", tensors[f"{prefix}.token_type_embeddings.weight"].astype(np.float32))
    places = g.weight("places", tensors[f"{prefix}.position_embeddings.weight"].astype(np.float32))
    length = g.add("Slice", [shape, g.ints(1), g.ints(2)], "length")
    place = g.add("Slice", [places, g.ints(0), length, g.ints(0)], "places.rows")  # (T, H)
    kind = g.add("Gather", [types, "token_type_ids"], "types.rows")
    return g.add("Add", [g.add("Add", [words, kind], "embedding.word_type"), place], "embedding")


def _layer(
    g: Graph,
    x: str,
    tensors: Mapping[str, Array],
    prefix: str,
    heads: int,
    epsilon: float,
    products: Products,
    shape: str,
    full: str,
    mask: str,
) -> str:
    width = tensors["encoder.embeddings.word_embeddings.weight"].shape[1]

    def weight(name: str) -> Array:
        return tensors[f"{prefix}.{name}.weight"]

    def bias(name: str) -> str:
        return g.weight(f"{prefix}.{name}.bias", tensors[f"{prefix}.{name}.bias"].astype(np.float32))

    parts = ("query", "key", "value")
    made = products(g, x, {f"{prefix}.{part}": weight(f"attention.self.{part}") for part in parts})
    wide = len(weight("attention.self.query"))  # less than H where heads were pruned
    three = g.add("Concat", [shape, g.ints(wide)], f"{prefix}.shape", axis=0) if wide != width else full
    qkv = [g.add("Reshape", [made[f"{prefix}.{part}"], three], f"{prefix}.{part}.3d") for part in parts]
    biases = np.concatenate([tensors[f"{prefix}.attention.self.{part}.bias"] for part in parts])
    context = g.add(
        "MultiHeadAttention",
        [*qkv, g.weight(f"{prefix}.qkv.bias", biases.astype(np.float32)), mask],
        f"{prefix}.attention",
        domain=_MS,
        num_heads=heads * wide // width,
    )
    flat = g.add("Reshape", [context, g.ints(-1, wide)], f"{prefix}.attention.rows")
    out = products(g, flat, {f"{prefix}.out": weight("attention.output.dense")})[f"{prefix}.out"]
    x = _skip_norm(g, out, x, bias("attention.output.dense"), tensors, f"{prefix}.attention.output.LayerNorm", epsilon)
    up = products(g, x, {f"{prefix}.up": weight("intermediate.dense")})[f"{prefix}.up"]
    active = g.add("BiasGelu", [up, bias("intermediate.dense")], f"{prefix}.gelu", domain=_MS)
    down = products(g, active, {f"{prefix}.down": weight("output.dense")})[f"{prefix}.down"]
    return _skip_norm(g, down, x, bias("output.dense"), tensors, f"{prefix}.output.LayerNorm", epsilon)


def _heads(g: Graph, hidden: str, tensors: Mapping[str, Array]) -> None:
    def linear(source: str, name: str, output: str, *, bias: bool = True) -> str:
        product = g.add(
            "MatMul", [source, g.weight(f"{name}.w", tensors[f"{name}.weight"].T.astype(np.float32))], f"{name}.product"
        )
        if not bias:
            return product
        return g.add("Add", [product, g.weight(f"{name}.bias", tensors[f"{name}.bias"].astype(np.float32))], output)

    known = g.add("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
    column = g.add("Unsqueeze", [known, g.ints(-1)], "mask.column")  # (B, T, 1)
    total = g.add("ReduceSum", [g.add("Mul", [hidden, column], "hidden.known"), g.ints(1)], "hidden.sum", keepdims=0)
    count = g.add("ReduceSum", [known, g.ints(1)], "mask.count", keepdims=1)
    mean = g.add("Div", [total, count], "mean")  # (B, H)
    linear(mean, "story", OUTPUTS[0])
    linear(hidden, "tags", OUTPUTS[1])
    context = g.add("Unsqueeze", [linear(mean, "context", "", bias=False), g.ints(1)], "context.row")
    g.add("Add", [linear(hidden, "token", "token.own"), context], OUTPUTS[2])


def _layer_norm(g: Graph, x: str, tensors: Mapping[str, Array], name: str, epsilon: float) -> str:
    return g.add("LayerNormalization", [x, *_scale_shift(g, tensors, name)], name, axis=-1, epsilon=epsilon)


def _skip_norm(g: Graph, x: str, skip: str, bias: str, tensors: Mapping[str, Array], name: str, epsilon: float) -> str:
    """LayerNorm(x + bias + skip). Not the fused SkipLayerNormalization: on a CPU that is ten times slower."""
    total = g.add("Add", [g.add("Add", [x, skip], f"{name}.skip"), bias], f"{name}.bias_skip")
    return _layer_norm(g, total, tensors, name, epsilon)


def _scale_shift(g: Graph, tensors: Mapping[str, Array], name: str) -> list[str]:
    return [g.weight(f"{name}.{part}", tensors[f"{name}.{part}"].astype(np.float32)) for part in ("weight", "bias")]
