"""Attention as ONNX's own operator, in the three ways that exporters write its cache.

* `attention`: Concat joins past and new positions, as torch.onnx writes scaled_dot_product_attention since
  opset 23;
* `attention-past`: the operator takes the past and gives the present, which fusions by onnxscript end in;
* `attention-buffer`: TensorScatter writes new positions into buffers that are as long as can be from the
  beginning, and nonpad_kv_seqlen says how much of them is filled (opset 24).
"""

from __future__ import annotations

from .language_model import Attention, Pair, split


class JoinedAttention(Attention):
    def prepare(self, sequence: str, past: str, attention_mask: str) -> None:
        self.graph.opset = 23
        self.mask = self.additive_mask(sequence, past, attention_mask)

    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        g = self.graph
        query, key, value = (self.heads(part) for part in split(g, qkv))
        key = g.node("Concat", past[0], key, out=present[0], axis=2)
        value = g.node("Concat", past[1], value, out=present[1], axis=2)
        context = g.node("Attention", query, key, value, self.mask, scale=self.scale)
        context = g.node("Transpose", context, perm=[0, 2, 1, 3])
        return g.node("Reshape", context, g.constant([0, 0, self.dims.hidden]))

    def heads(self, x: str) -> str:
        split = self.graph.constant([0, 0, self.dims.heads, self.dims.head_dim])
        return self.graph.node("Transpose", self.graph.node("Reshape", x, split), perm=[0, 2, 1, 3])


class PastAttention(JoinedAttention):
    """The scale is left to the operator."""

    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        g, heads = self.graph, self.dims.heads
        inputs = (*split(g, qkv), self.mask, *past)
        outs = (f"{qkv}_context", *present)
        return g.multi("Attention", *inputs, outs=outs, q_num_heads=heads, kv_num_heads=heads)[0]


class BufferAttention(JoinedAttention):
    def prepare(self, sequence: str, past: str, attention_mask: str) -> None:
        g = self.graph
        g.opset = 24
        self.begin = g.node("Gather", self.position_ids, g.constant(0), axis=1)
        self.end = g.node("Add", self.begin, g.node("Squeeze", g.dim(sequence, 1), g.constant([0])))

    def layer(self, qkv: str, past: Pair, present: Pair) -> str:
        g = self.graph
        query, key, value = (self.heads(part) for part in split(g, qkv))
        key = g.node("TensorScatter", past[0], key, self.begin, out=present[0])
        value = g.node("TensorScatter", past[1], value, self.begin, out=present[1])
        inputs = (query, key, value, "", "", "", self.end)
        context = g.node("Attention", *inputs, is_causal=1, scale=self.scale)
        context = g.node("Transpose", context, perm=[0, 2, 1, 3])
        return g.node("Reshape", context, g.constant([0, 0, self.dims.hidden]))
