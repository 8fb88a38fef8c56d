"""English and Multilingual: embedding tables with positions of their own, and a Llama over speech codes.

The language model is written in one of three ways:

* `gqa`: as published, with com.microsoft operators fused: RMS norms with the residual sum, packed queries,
  keys and values, and GroupQueryAttention that turns them by tables in the graph;
* `gqa-positions`: as newer exports (v3) have it: the same operator with eleven inputs, positions among them,
  which the graph takes as `position_ids`;
* `concat`: plain operators, positions counted from the length of the past.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from .dims import (
    EXAGGERATION,
    LLAMA_SPEECH_ROWS,
    SPEECH_POSITIONS,
    STOP_SPEECH,
    STOP_TEXT,
    TEXT_POSITIONS,
    Dims,
    LlamaVariant,
)
from .graph import MICROSOFT, Graph
from .language_model import Pair, cache_names, split

EPSILON = 1e-5
ROTARY_BASE = 500_000.0
SCALING = {"factor": 8.0, "low": 1.0, "high": 4.0, "original": 8192.0}
"""Of rotary frequencies, as Llama 3 scales them."""


def build_llama_embed_tokens(graph: Graph, dims: Dims, variant: LlamaVariant) -> None:
    """Ids up to the first 0 are text, those behind it speech, 6563 is the feeling, each at its position.

    So a lone id 0 is text, and 6563 is a feeling wherever it stands, as in the published graphs. With
    `variant.conditioned` the text embeddings are multiplied by `text_conditioning`, one number a row.
    """
    g, sequence = graph, ["batch_size", "sequence_length"]
    ids = g.input("input_ids", TensorProto.INT64, sequence)
    positions = g.input("position_ids", TensorProto.INT64, sequence)
    exaggeration = g.input("exaggeration", TensorProto.FLOAT, ["batch_size"])

    zero = g.constant(0)
    is_stop = g.node("Cast", g.node("Equal", ids, g.constant(STOP_TEXT)), to=TensorProto.INT64)
    seen_before = g.node("CumSum", is_stop, g.constant(1), exclusive=1)
    has_stop = g.node("Greater", g.node("ReduceMax", is_stop, g.constant([1])), zero)
    feels = g.node("Equal", ids, g.constant(EXAGGERATION))
    to_stop = g.node("And", g.node("Equal", seen_before, zero), has_stop)
    reads = g.node("And", to_stop, g.node("Not", feels))
    speaks = g.node("And", g.node("Not", to_stop), g.node("Not", feels))

    def table_sum(name: str, rows: int, places: int, mask: str) -> tuple[str, str]:
        own = g.embedding(g.node("Where", mask, ids, zero), f"{name}_emb", rows, dims.hidden, std=1.0)
        at = g.node("Where", mask, positions, zero)
        return own, g.embedding(at, f"{name}_pos_emb.emb", places, dims.hidden, std=0.5)

    text, text_at = table_sum("text", variant.text_rows, TEXT_POSITIONS, reads)
    speech, speech_at = table_sum("speech", LLAMA_SPEECH_ROWS, SPEECH_POSITIONS, speaks)
    if variant.conditioned:
        kept = g.input("text_conditioning", TensorProto.FLOAT, ["batch_size"])
        text = g.node("Mul", text, g.to_inner(g.node("Unsqueeze", kept, g.constant([1, 2]))))
    feeling = g.node("Unsqueeze", g.to_inner(exaggeration), g.constant([1, 2]))
    feeling = g.node("MatMul", feeling, g.weight("emotion_adv_fc.weight", (1, dims.hidden), 1.0))

    def wide(mask: str) -> str:
        return g.node("Unsqueeze", mask, g.constant([2]))

    embeds = g.node("Where", wide(reads), g.node("Add", text, text_at), g.node("Add", speech, speech_at))
    embeds = g.node("Where", wide(feels), feeling, embeds)
    g.output(g.to_boundary(embeds), "inputs_embeds", TensorProto.FLOAT, [*sequence, dims.hidden])


def build_llama_language_model(graph: Graph, dims: Dims, form: str, stop_bias: float = 0.0) -> None:
    """Fills `graph`; `stop_bias` is added to STOP's logit by a node of its own (published ones have none)."""
    g, width = graph, dims.hidden
    batch, sequence, total = "batch_size", "sequence_length", "total_sequence_length"
    embeds = g.input("inputs_embeds", TensorProto.FLOAT, [batch, sequence, width])
    attention_mask = g.input("attention_mask", TensorProto.INT64, [batch, total])
    position_ids = ""
    if form == "gqa-positions":
        position_ids = g.input("position_ids", TensorProto.INT64, [batch, sequence])
    kv_type, heads = g.precision.float_type, [batch, dims.heads]
    pasts, presents = cache_names(dims, "past_key_values"), cache_names(dims, "present")
    for past in pasts:
        for name in past:
            g.input(name, kv_type, [*heads, "past_sequence_length", dims.head_dim])

    kind = _Concat if form == "concat" else _GroupQuery
    layers = kind(g, dims, embeds, pasts[0][0], attention_mask, position_ids)
    total_of_residual = g.to_inner(embeds)
    normed = layers.norm(total_of_residual, "layers.0.input_layernorm")
    std = width**-0.5
    for layer, (past, present) in enumerate(zip(pasts, presents, strict=True)):
        name = f"layers.{layer}"
        # Twice the usual spread: attention then picks few positions, and a wrong cache changes the tokens.
        qkv = g.product(normed, f"{name}.attn.qkv_proj", width, 3 * width, 2 * std)
        context = layers.attention(qkv, past, present)
        context = g.product(context, f"{name}.attn.o_proj", width, width, std)
        normed, total_of_residual = layers.add_norm(
            total_of_residual, context, f"{name}.post_attention_layernorm"
        )
        gate = g.product(normed, f"{name}.mlp.gate_proj", width, 4 * width, std)
        up = g.product(normed, f"{name}.mlp.up_proj", width, 4 * width, std)
        inner = g.node("Mul", g.node("Mul", gate, g.node("Sigmoid", gate)), up)
        down = g.product(inner, f"{name}.mlp.down_proj", 4 * width, width, std / 2)
        following = "norm" if layer + 1 == dims.layers else f"layers.{layer + 1}.input_layernorm"
        normed, total_of_residual = layers.add_norm(total_of_residual, down, following)
    # Logits of standard deviation 2: the best stands out from rounding noise, the rest still matter.
    logits = g.product(normed, "lm_head", width, LLAMA_SPEECH_ROWS, 2 * std)
    if stop_bias:
        bias = np.zeros(LLAMA_SPEECH_ROWS)
        bias[STOP_SPEECH] = stop_bias
        logits = g.node("Add", logits, g.constant(bias, g.precision.float_dtype))
    g.output(g.to_boundary(logits), "logits", TensorProto.FLOAT, [batch, sequence, LLAMA_SPEECH_ROWS])
    for present in presents:
        for name in present:
            g.output(name, name, kv_type, [*heads, total, dims.head_dim])


def rotary_tables(positions: int, head_dim: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosines and sines [positions, head_dim / 2] of the angles that Llama 3.1 turns heads by.

    Wavelengths above `original / low` are stretched by `factor`, those below `original / high` stay, and
    between the two it is a mixture (Hugging Face's rope type "llama3").
    """
    frequencies = ROTARY_BASE ** -(np.arange(0, head_dim, 2) / head_dim)
    waves = 2 * np.pi / frequencies
    share = (SCALING["original"] / waves - SCALING["low"]) / (SCALING["high"] - SCALING["low"])
    share = np.clip(share, 0, 1)
    scaled = (1 - share) * frequencies / SCALING["factor"] + share * frequencies
    angles = np.arange(positions)[:, None] * scaled
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


class _Layers:
    def __init__(
        self, graph: Graph, dims: Dims, embeds: str, past: str, attention_mask: str, position_ids: str
    ) -> None:
        self.graph, self.dims = graph, dims
        cosines, sines = rotary_tables(dims.rotary_rows, dims.head_dim)
        self.cosines = graph.table("cos_cache", cosines)
        self.sines = graph.table("sin_cache", sines)
        self.position_ids = position_ids
        self.prepare(embeds, past, attention_mask)

    def prepare(self, embeds: str, past: str, attention_mask: str) -> None:
        raise NotImplementedError

    def scale(self, name: str) -> str:
        return self.graph.weight(f"{name}.weight", (self.dims.hidden,), 0.05, mean=1.0)


class _GroupQuery(_Layers):
    def prepare(self, embeds: str, past: str, attention_mask: str) -> None:
        g = self.graph
        length = g.node("ReduceSum", attention_mask, g.constant([1]), keepdims=0)
        self.seqlens_k = g.node("Cast", g.node("Sub", length, g.constant([1])), to=TensorProto.INT32)
        total = g.node("Gather", g.node("Shape", attention_mask), g.constant(1))
        self.total_length = g.node("Cast", total, to=TensorProto.INT32)

    def norm(self, x: str, name: str) -> str:
        return self.graph.node(
            "SimplifiedLayerNormalization", x, self.scale(name), axis=-1, epsilon=EPSILON, stash_type=1
        )

    def add_norm(self, residual: str, x: str, name: str) -> tuple[str, str]:
        outs = (f"{name}/output_0", "", "", f"{name}/output_3")
        self.graph.multi(
            "SkipSimplifiedLayerNormalization",
            *(residual, x, self.scale(name)),
            outs=outs,
            domain=MICROSOFT,
            epsilon=EPSILON,
        )
        return outs[0], outs[3]

    def attention(self, qkv: str, past: Pair, present: Pair) -> str:
        more = (self.position_ids, "") if self.position_ids else ()
        inputs = (qkv, "", "", *past, self.seqlens_k, self.total_length, self.cosines, self.sines, *more)
        return self.graph.multi(
            "GroupQueryAttention",
            *inputs,
            outs=(f"{qkv}_context", *present),
            domain=MICROSOFT,
            num_heads=self.dims.heads,
            kv_num_heads=self.dims.heads,
            scale=self.dims.head_dim**-0.5,
            do_rotary=1,
            rotary_interleaved=0,
        )[0]


class _Concat(_Layers):
    def prepare(self, embeds: str, past: str, attention_mask: str) -> None:
        g = self.graph
        first = g.node("Squeeze", g.dim(past, 2))
        end, one = g.node("Add", first, g.node("Squeeze", g.dim(embeds, 1))), g.constant(1)
        positions = g.node("Range", first, end, one)
        turned = [g.node("Gather", table, positions) for table in (self.cosines, self.sines)]
        self.cos, self.sin = (g.node("Unsqueeze", part, g.constant([0, 1])) for part in turned)
        keys = g.node("Range", g.constant(0), end, one)
        causal = g.node("LessOrEqual", keys, g.node("Unsqueeze", positions, g.constant([1])))
        real = g.node("Unsqueeze", g.node("Cast", attention_mask, to=TensorProto.BOOL), g.constant([1, 2]))
        lowest = float(np.finfo(g.precision.float_dtype).min)
        self.mask = g.node("Where", g.node("And", causal, real), g.scalar(0.0), g.scalar(lowest))

    def norm(self, x: str, name: str) -> str:
        g = self.graph
        wide = g.node("Cast", x, to=TensorProto.FLOAT)
        square = g.node("ReduceMean", g.node("Mul", wide, wide), g.constant([-1]))
        root = g.node("Sqrt", g.node("Add", square, g.constant(EPSILON, np.float32)))
        unit = g.node("Cast", g.node("Div", wide, root), to=g.precision.float_type)
        return g.node("Mul", unit, self.scale(name))

    def add_norm(self, residual: str, x: str, name: str) -> tuple[str, str]:
        total = self.graph.node("Add", residual, x)
        return self.norm(total, name), total

    def attention(self, qkv: str, past: Pair, present: Pair) -> str:
        g = self.graph
        query, key, value = (self._heads(part) for part in split(g, qkv))
        key = g.node("Concat", past[0], self._turn(key), out=present[0], axis=2)
        value = g.node("Concat", past[1], value, out=present[1], axis=2)
        scores = g.node("MatMul", self._turn(query), g.node("Transpose", key, perm=[0, 1, 3, 2]))
        scores = g.node("Add", g.node("Mul", scores, g.scalar(self.dims.head_dim**-0.5)), self.mask)
        context = g.node("MatMul", g.node("Softmax", scores, axis=-1), value)
        context = g.node("Transpose", context, perm=[0, 2, 1, 3])
        return g.node("Reshape", context, g.constant([0, 0, self.dims.hidden]))

    def _heads(self, x: str) -> str:
        shape = self.graph.constant([0, 0, self.dims.heads, self.dims.head_dim])
        return self.graph.node("Transpose", self.graph.node("Reshape", x, shape), perm=[0, 2, 1, 3])

    def _turn(self, x: str) -> str:
        """Each half of a head's numbers is turned with the other."""
        g = self.graph
        low, high = g.multi("Split", x, outs=[f"{x}_low", f"{x}_high"], axis=-1, num_outputs=2)
        parts = (
            g.node("Sub", g.node("Mul", low, self.cos), g.node("Mul", high, self.sin)),
            g.node("Add", g.node("Mul", high, self.cos), g.node("Mul", low, self.sin)),
        )
        return g.node("Concat", *parts, axis=-1)
