"""A GPT-2 language model over speech codes, with its attention written in one of three ways.

* `concat`: plain operators, past and new keys joined by Concat, as exporters write it;
* `mha`: com.microsoft MultiHeadAttention with past and present, which also joins;
* `gqa`: com.microsoft GroupQueryAttention, whose past and present may also be one shared buffer of a larger
  capacity, because the attention mask's length says how much of it is filled.

`gqa-past-positions` is the last with positions counted from the length of the past instead of `position_ids`:
right with a past of its own, wrong in a shared buffer, whose capacity it takes for the length.

Two more, `torchscript` and `dynamo`, spell the same model as PyTorch's exporters do: see exported.py. Three
have ONNX's own Attention: see standard.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from onnx import TensorProto

from .dims import MAX_POSITIONS, SPEECH_ROWS, STOP_SPEECH, Dims
from .graph import MICROSOFT, Graph

Pair = tuple[str, str]  # names of a layer's key and value


class Attention(ABC):
    """One form of attention: `prepare` once a graph, `layer` once a layer."""

    def __init__(self, graph: Graph, dims: Dims) -> None:
        self.graph = graph
        self.dims = dims
        self.scale = dims.head_dim**-0.5
        self.position_ids = ""

    @abstractmethod
    def prepare(self, sequence: str, past: str, attention_mask: str) -> None:
        """Computes what all layers share from the input embeddings, any past and the attention mask."""

    @abstractmethod
    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        """Maps `qkv` [batch, sequence, 3 * hidden] to [batch, sequence, hidden] and writes `present`."""

    def positions(self, position_ids: str, sequence: str, past: str) -> str:
        return position_ids

    def linear(self, x: str, name: str, k: int, n: int, std: float) -> str:
        return self.graph.linear(x, name, k, n, std)

    def layer_norm(self, x: str, scale: str, bias: str) -> str:
        return self.graph.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)

    def gelu(self, x: str) -> str:
        return _gelu_new(self.graph, x)

    def additive_mask(self, sequence: str, past: str, attention_mask: str) -> str:
        """[batch, 1, sequence, total]: zero where a query may look, the lowest finite number elsewhere."""
        g = self.graph
        past_length = g.node("Squeeze", g.dim(past, 2))
        total = g.node("Add", past_length, g.node("Squeeze", g.dim(sequence, 1)))
        zero, one = g.constant(0), g.constant(1)
        keys = g.node("Range", zero, total, one)
        queries = g.node("Unsqueeze", g.node("Range", past_length, total, one), g.constant([1]))
        causal = g.node("LessOrEqual", keys, queries)
        real = g.node("Unsqueeze", g.node("Cast", attention_mask, to=TensorProto.BOOL), g.constant([1, 2]))
        lowest = float(np.finfo(g.precision.float_dtype).min)
        return g.node("Where", g.node("And", causal, real), g.scalar(0.0), g.scalar(lowest))


class ConcatAttention(Attention):
    def prepare(self, sequence: str, past: str, attention_mask: str) -> None:
        self.mask = self.additive_mask(sequence, past, attention_mask)

    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        g = self.graph
        query, key, value = (self._heads(part) for part in split(g, qkv))
        key = g.node("Concat", past[0], key, out=present[0], axis=2)
        value = g.node("Concat", past[1], value, out=present[1], axis=2)
        scores = g.node("MatMul", query, g.node("Transpose", key, perm=[0, 1, 3, 2]))
        scores = g.node("Add", g.node("Mul", scores, g.scalar(self.scale)), self.mask)
        context = g.node("MatMul", g.node("Softmax", scores, axis=-1), value)
        context = g.node("Transpose", context, perm=[0, 2, 1, 3])
        return g.node("Reshape", context, g.constant([0, 0, self.dims.hidden]))

    def _heads(self, x: str) -> str:
        split = self.graph.constant([0, 0, self.dims.heads, self.dims.head_dim])
        return self.graph.node("Transpose", self.graph.node("Reshape", x, split), perm=[0, 2, 1, 3])


class MultiHeadAttention(Attention):
    def prepare(self, sequence: str, past: str, attention_mask: str) -> None:
        self.mask = self.additive_mask(sequence, past, attention_mask)

    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        g = self.graph
        out, *_ = g.multi(
            "MultiHeadAttention",
            *split(g, qkv),
            "",
            "",
            self.mask,
            *past,
            outs=(f"{qkv}_context", *present),
            domain=MICROSOFT,
            num_heads=self.dims.heads,
            scale=self.scale,
        )
        return out


class GroupQueryAttention(Attention):
    def prepare(self, sequence: str, past: str, attention_mask: str) -> None:
        g = self.graph
        length = g.node("ReduceSum", attention_mask, g.constant([1]), keepdims=0)
        self.seqlens_k = g.node("Cast", g.node("Sub", length, g.constant([1])), to=TensorProto.INT32)
        total = g.node("Gather", g.node("Shape", attention_mask), g.constant(1))
        self.total_length = g.node("Cast", total, to=TensorProto.INT32)

    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        out, *_ = self.graph.multi(
            "GroupQueryAttention",
            qkv,
            "",
            "",
            *past,
            self.seqlens_k,
            self.total_length,
            outs=(f"{qkv}_context", *present),
            domain=MICROSOFT,
            num_heads=self.dims.heads,
            kv_num_heads=self.dims.heads,
            scale=self.scale,
        )
        return out


class PastPositionsAttention(GroupQueryAttention):
    def positions(self, position_ids: str, sequence: str, past: str) -> str:
        g = self.graph
        first = g.node("Squeeze", g.dim(past, 2))
        end = g.node("Add", first, g.node("Squeeze", g.dim(sequence, 1)))
        return g.node("Unsqueeze", g.node("Range", first, end, g.constant(1)), g.constant([0]))


def build_language_model(graph: Graph, dims: Dims, form: str, stop_bias: float = 0.0) -> None:
    """Fills `graph`; `stop_bias` is added to STOP's logit, so that random weights can be made to stop."""
    g, width = graph, dims.hidden
    batch, sequence, total = "batch_size", "sequence_length", "total_sequence_length"
    embeds = g.input("inputs_embeds", TensorProto.FLOAT, [batch, sequence, width])
    attention_mask = g.input("attention_mask", TensorProto.INT64, [batch, total])
    position_ids = g.input("position_ids", TensorProto.INT64, [batch, sequence])
    kv_type, heads = g.precision.float_type, [batch, dims.heads]
    pasts, presents = cache_names(dims, "past_key_values"), cache_names(dims, "present")
    for past in pasts:
        for name in past:
            g.input(name, kv_type, [*heads, "past_sequence_length", dims.head_dim])

    attention = attention_of(form)(g, dims)
    attention.position_ids = position_ids
    attention.prepare(embeds, pasts[0][0], attention_mask)
    positions = attention.positions(position_ids, embeds, pasts[0][0])
    x = g.node("Add", g.to_inner(embeds), g.embedding(positions, "wpe", MAX_POSITIONS, width, std=0.5))
    for layer, (past, present) in enumerate(zip(pasts, presents, strict=True)):
        x = _block(attention, f"h.{layer}", x, past, present)
    x = _layer_norm(attention, "ln_f", x, width)
    # Logits of standard deviation 2: the best of 6563 stands out from rounding noise, the rest still matter.
    stop = np.zeros(SPEECH_ROWS, np.float32)
    stop[STOP_SPEECH] = stop_bias
    logits = g.linear(x, "speech_head", width, SPEECH_ROWS, std=2 * width**-0.5, bias=stop)

    g.output(g.to_boundary(logits), "logits", TensorProto.FLOAT, [batch, sequence, SPEECH_ROWS])
    for present in presents:
        for name in present:
            g.output(name, name, kv_type, [*heads, total, dims.head_dim])


def attention_of(form: str) -> type[Attention]:
    from .exported import DynamoAttention, TorchScriptAttention
    from .standard import BufferAttention, JoinedAttention, PastAttention

    forms: dict[str, type[Attention]] = {
        "concat": ConcatAttention,
        "mha": MultiHeadAttention,
        "gqa": GroupQueryAttention,
        "gqa-past-positions": PastPositionsAttention,
        "torchscript": TorchScriptAttention,
        "dynamo": DynamoAttention,
        "attention": JoinedAttention,
        "attention-past": PastAttention,
        "attention-buffer": BufferAttention,
    }
    return forms[form]


def _block(attention: Attention, name: str, x: str, past: Pair, present: Pair) -> str:
    g, width, std = attention.graph, attention.dims.hidden, attention.dims.hidden**-0.5
    normed = _layer_norm(attention, f"{name}.ln_1", x, width)
    # Twice the usual spread: attention then picks few positions, so that a wrong cache changes the tokens.
    qkv = attention.linear(normed, f"{name}.attn.c_attn", width, 3 * width, 2 * std)
    context = attention.layer(qkv, past, present)
    x = g.node("Add", x, attention.linear(context, f"{name}.attn.c_proj", width, width, std))
    normed = _layer_norm(attention, f"{name}.ln_2", x, width)
    inner = attention.gelu(attention.linear(normed, f"{name}.mlp.c_fc", width, 4 * width, std))
    return g.node("Add", x, attention.linear(inner, f"{name}.mlp.c_proj", 4 * width, width, std / 2))


def _layer_norm(attention: Attention, name: str, x: str, width: int) -> str:
    g = attention.graph
    scale = g.weight(f"{name}.weight", (width,), 0.05, mean=1.0)
    bias = g.weight(f"{name}.bias", (width,), 0.05)
    return attention.layer_norm(x, scale, bias)


def _gelu_new(g: Graph, x: str) -> str:
    """0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) (Hendrycks and Gimpel, 2016)."""
    cubic = g.node("Mul", g.node("Pow", x, g.scalar(3.0)), g.scalar(0.044715))
    inner = g.node("Mul", g.node("Add", x, cubic), g.scalar((2 / np.pi) ** 0.5))
    gate = g.node("Add", g.node("Tanh", inner), g.scalar(1.0))
    return g.node("Mul", g.node("Mul", x, g.scalar(0.5)), gate)


def split(g: Graph, qkv: str) -> list[str]:
    return list(g.multi("Split", qkv, outs=[f"{qkv}_{part}" for part in "qkv"], axis=-1, num_outputs=3))


def cache_names(dims: Dims, prefix: str) -> list[Pair]:
    return [(f"{prefix}.{layer}.key", f"{prefix}.{layer}.value") for layer in range(dims.layers)]
