"""Attention, products, norms and gates in the spellings of PyTorch's exporters, which preparation must know.

* `torchscript`: products as Gemm on rows that are flattened and shaped back, with shapes computed in the
  graph; scaled_dot_product_attention with the scale's root on queries and keys; causal mask cut from the
  past's own length; layer norms written out; the gate as Pow and Mul.
* `dynamo`: queries, keys and values cut by Slice; keys turned by way of three axes; scores divided; a guard
  against rows of NaN; layer norms whole; x * x * x in the gate.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .language_model import Attention, Pair

COPY_BATCH_AND_SEQUENCE = [0, 0]


class TorchScriptAttention(Attention):
    def prepare(self, sequence: str, past: str, attention_mask: str) -> None:
        g = self.graph
        lowest = float(np.finfo(g.precision.float_dtype).min)
        real = g.node("Unsqueeze", attention_mask, g.constant([1, 2]))
        absent = g.node("Sub", g.constant(1), real)
        self.padding = g.node("Mul", g.node("Cast", absent, to=g.precision.float_type), g.scalar(lowest))
        self.lowest = g.scalar(lowest)
        # Where this layer's causal mask begins: the length of the past, read from the cache itself.
        past_length = g.node("Gather", g.node("Shape", past), g.constant(2))
        new = g.node("Gather", g.node("Shape", sequence), g.constant(1))
        total = g.node("Add", past_length, new)
        keys = g.node("Range", g.constant(0), total, g.constant(1))
        queries = g.node("Range", past_length, total, g.constant(1))
        self.causal = g.node("LessOrEqual", keys, g.node("Unsqueeze", queries, g.constant([1])))

    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        g, dims = self.graph, self.dims
        sizes = g.constant([dims.hidden] * 3)
        parts = g.multi("Split", qkv, sizes, outs=[f"{qkv}_{part}" for part in "qkv"], axis=2)
        query, key, value = (self._heads(part) for part in parts)
        key = g.node("Concat", past[0], key, out=present[0], axis=-2)
        value = g.node("Concat", past[1], value, out=present[1], axis=-2)
        # sqrt(1 / sqrt(head size)) computed from the query's own shape
        size = g.node("Gather", g.node("Shape", query), g.constant([3]))
        root = g.node("Sqrt", g.node("Cast", size, to=g.precision.float_type))
        scale = g.node("Sqrt", g.node("Div", g.scalar(1.0), root))
        turned = g.node("Mul", g.node("Transpose", key, perm=[0, 1, 3, 2]), scale)
        scores = g.node("MatMul", g.node("Mul", query, scale), turned)
        scores = g.node("Where", self.causal, scores, self.lowest)
        weights = g.node("Softmax", g.node("Add", scores, self.padding), axis=-1)
        context = g.node("Transpose", g.node("MatMul", weights, value), perm=[0, 2, 1, 3])
        return g.reshape(context, *self._lengths(context), g.constant([dims.hidden]))

    def linear(self, x: str, name: str, k: int, n: int, std: float) -> str:
        g = self.graph
        rows = g.node("Reshape", x, g.constant([-1, k]))
        weight, bias = g.weight(f"{name}.weight", (k, n), std), g.weight(f"{name}.bias", (n,), 0.1)
        product = g.node("Gemm", rows, weight, bias)
        return g.reshape(product, *self._lengths(x), g.constant([n]))

    def layer_norm(self, x: str, scale: str, bias: str) -> str:
        g = self.graph
        centred = g.node("Sub", x, g.node("ReduceMean", x, g.constant([-1])))
        variance = g.node("ReduceMean", g.node("Pow", centred, g.scalar(2.0)), g.constant([-1]))
        root = g.node("Sqrt", g.node("Add", variance, g.scalar(1e-5)))
        return g.node("Add", g.node("Mul", g.node("Div", centred, root), scale), bias)

    def _heads(self, x: str) -> str:
        g, dims = self.graph, self.dims
        apart = g.reshape(x, *self._lengths(x), g.constant([dims.heads]), g.constant([dims.head_dim]))
        return g.node("Transpose", apart, perm=[0, 2, 1, 3])

    def _lengths(self, x: str) -> tuple[str, str]:
        shape = self.graph.node("Shape", x)
        batch, sequence = (self.graph.node("Gather", shape, self.graph.constant([axis])) for axis in (0, 1))
        return batch, sequence


class DynamoAttention(Attention):
    def prepare(self, sequence: str, past: str, attention_mask: str) -> None:
        self.mask = self.additive_mask(sequence, past, attention_mask)

    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        g, dims = self.graph, self.dims
        cuts = [0, dims.hidden, 2 * dims.hidden, 2**63 - 1]
        parts = [
            g.slice(qkv, g.constant([start]), g.constant([end]), axis=2) for start, end in pairwise(cuts)
        ]
        query, key, value = (self._heads(part) for part in parts)
        key = g.node("Concat", past[0], key, out=present[0], axis=2)
        value = g.node("Concat", past[1], value, out=present[1], axis=2)
        flat = g.node(
            "Reshape",
            key,
            g.node("Concat", g.constant([-1]), g.dim(key, 2), g.constant([dims.head_dim]), axis=0),
        )
        turned = g.node("Transpose", flat, perm=[0, 2, 1])
        shape = g.node(
            "Concat", g.dim(key, 0), g.constant([dims.heads, dims.head_dim]), g.dim(key, 2), axis=0
        )
        scores = g.node("MatMul", query, g.node("Reshape", turned, shape))
        scores = g.node("Add", g.node("Div", scores, g.scalar(dims.head_dim**0.5)), self.mask)
        weights = g.node("Softmax", scores, axis=-1)
        weights = g.node("Where", g.node("IsNaN", weights), g.scalar(0.0), weights)
        context = g.node("Transpose", g.node("MatMul", weights, value), perm=[0, 2, 1, 3])
        return g.node("Reshape", context, g.constant([*COPY_BATCH_AND_SEQUENCE, dims.hidden]))

    def gelu(self, x: str) -> str:
        g = self.graph
        cube = g.node("Mul", g.node("Mul", x, x), x)
        inner = g.node(
            "Mul", g.scalar((2 / np.pi) ** 0.5), g.node("Add", g.node("Mul", g.scalar(0.044715), cube), x)
        )
        gate = g.node("Add", g.scalar(1.0), g.node("Tanh", inner))
        return g.node("Mul", g.node("Mul", g.scalar(0.5), x), gate)

    def _heads(self, x: str) -> str:
        split = self.graph.constant([*COPY_BATCH_AND_SEQUENCE, self.dims.heads, self.dims.head_dim])
        return self.graph.node("Transpose", self.graph.node("Reshape", x, split), perm=[0, 2, 1, 3])
