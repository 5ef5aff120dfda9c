"""Small and fast, without a text's score depending on its neighbours.

Dynamic int8 as usually done takes one activation scale for a whole batch, so the same text scores differently beside
other texts (|Δp| up to 0.5 here). These products keep an activation's scale per row, that is per token:

- `rowwise`: int8 weights with a scale a channel; activations to uint8 with a scale a row, found at run time.
- `blockwise`: int8 weights with a scale a block of 32, and ONNX Runtime's MatMulNBits, which quantises rows itself.

Weights of `rowwise` use 7 bits (−63…63): on processors without VNNI, ONNX Runtime adds two 8-bit products in 16 bits,
which full range would overflow. The result is then the same on every processor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from models.graph import Graph, Lookup, Products, fp32_lookup, fp32_products

Array = npt.NDArray[Any]
_MS = "com.microsoft"


def by_channel(matrix: Array, *, limit: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Rows of `matrix` (out, in) to int8 in −limit…limit, and the scale of each: matrix ≈ values · scale."""
    scale = np.abs(matrix).max(axis=1) / limit
    scale[scale == 0] = 1.0
    values = np.clip(np.round(matrix / scale[:, None]), -limit, limit).astype(np.int8)
    return values, scale.astype(np.float32)


def rowwise_products(limit: int = 63) -> Products:
    """uint8 activations with a scale a row × int8 weights with a scale a channel."""

    def products(graph: Graph, x: str, weights: Mapping[str, Array]) -> dict[str, str]:
        largest = graph.add("ReduceMax", [graph.add("Abs", [x], f"{x}.abs"), graph.ints(-1)], f"{x}.max", keepdims=0)
        floor = graph.weight("floor", np.array(1e-6, dtype=np.float32))
        top = graph.weight("top", np.array(1 / 127, dtype=np.float32))
        scale = graph.add("Mul", [graph.add("Max", [largest, floor], f"{x}.max.floor"), top], f"{x}.scale")  # (rows,)
        middle = graph.add(
            "ConstantOfShape",
            [graph.add("Shape", [scale], f"{x}.rows")],
            f"{x}.zero",
            value=_scalar("middle", 128),
        )
        quantised = graph.add("QuantizeLinear", [x, scale, middle], f"{x}.u8", axis=0)
        column = graph.add("Unsqueeze", [scale, graph.ints(-1)], f"{x}.scale.column")
        one = graph.weight("one", np.array(1, dtype=np.float32))
        zero = graph.weight("zero", np.array(128, dtype=np.uint8))
        made = {}
        for name, matrix in weights.items():
            values, channel = by_channel(matrix, limit=limit)
            product = graph.add(
                "MatMulIntegerToFloat",
                [quantised, graph.weight(f"{name}.i8", values.T), one, graph.weight(f"{name}.scale", channel), zero],
                f"{name}.i32",
                domain=_MS,
            )
            made[name] = graph.add("Mul", [product, column], f"{name}.product")
        return made

    return products


def _scalar(name: str, value: int) -> Any:
    from onnx import helper

    return helper.make_tensor(name, TensorProto.UINT8, [1], [value])


def blockwise_products(block: int = 32, level: int = 4) -> Products:
    """MatMulNBits with 8-bit weights; `level` 4 lets it compute in int8, with the rows quantised by the operator."""

    def products(graph: Graph, x: str, weights: Mapping[str, Array]) -> dict[str, str]:
        made = {}
        for name, matrix in weights.items():
            rows, width = matrix.shape
            blocks = matrix.reshape(rows, width // block, block)
            scale = np.abs(blocks).max(axis=-1) / 127
            scale[scale == 0] = 1
            values = (np.clip(np.round(blocks / scale[..., None]), -127, 127) + 128).astype(np.uint8)
            made[name] = graph.add(
                "MatMulNBits",
                [
                    x,
                    graph.weight(f"{name}.u8", values),
                    graph.weight(f"{name}.scale", scale.astype(np.float32).reshape(rows, -1)),
                ],
                f"{name}.product",
                domain=_MS,
                K=width,
                N=rows,
                bits=8,
                block_size=block,
                accuracy_level=level,
            )
        return made

    return products


def int8_lookup(graph: Graph, table: Array, ids: str) -> str:
    """Word embeddings as int8 with a scale a word: a quarter of the size, decoded for the words of the batch only."""
    values, scale = by_channel(table, limit=127)
    rows = graph.add(
        "Cast",
        [graph.add("Gather", [graph.weight("words.i8", values), ids], "words.i8.rows")],
        "words.float",
        to=TensorProto.FLOAT,
    )
    scales = graph.add("Gather", [graph.weight("words.scale", scale[:, None]), ids], "words.scale.rows")
    return graph.add("Mul", [rows, scales], "words.rows")


def except_for(names: tuple[str, ...], products: Products) -> Products:
    """`products`, but fp32 where a weight's name contains one of `names`."""

    def chosen(graph: Graph, x: str, weights: Mapping[str, Array]) -> dict[str, str]:
        kept = {name: matrix for name, matrix in weights.items() if any(part in name for part in names)}
        rest = {name: matrix for name, matrix in weights.items() if name not in kept}
        return {**(fp32_products(graph, x, kept) if kept else {}), **(products(graph, x, rest) if rest else {})}

    return chosen


def choose(method: str, embedding: str, keep_fp32: tuple[str, ...]) -> tuple[Products, Lookup]:
    """The products and lookup that a recipe asks for."""
    products = {"none": fp32_products, "rowwise": rowwise_products(), "blockwise": blockwise_products()}[method]
    return (except_for(keep_fp32, products) if keep_fp32 else products), (
        int8_lookup if embedding == "int8" else fp32_lookup
    )
