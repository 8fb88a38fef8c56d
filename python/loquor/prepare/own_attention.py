"""GroupQueryAttention becomes our own attention where that means the same (docs/adr/0027-attention.md).

Where it turns queries and keys by their positions (a Llama's rotary embedding), a node before it does so.
"""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, TensorProto

from .graph import LOQUOR, MICROSOFT, Graph, attributes_of

__all__ = ["GROUP_QUERY", "OWN_ATTENTION", "all_attention_is_plain", "use_own_attention"]

OWN_ATTENTION = "CausalAttention"
GROUP_QUERY = "GroupQueryAttention"

_INPUTS = 7
"""Query, key, value, past_key, past_value, seqlens_k, total_sequence_length: what follows is not served."""
_ROTARY_INPUTS = 10
"""And those of an operator that turns: cosines, sines, positions."""
_TURNING = {"do_rotary", "rotary_interleaved"}
_UNUSED = {
    "do_rotary": 0,
    "rotary_interleaved": 0,
    "local_window_size": -1,
    "softcap": 0.0,
    "smooth_softmax": 0,
    "qk_output": 0,
    "k_quant_type": b"NONE",
    "v_quant_type": b"NONE",
    "kv_cache_bit_width": 0,
}
"""Attributes that must be as if they were not there."""
_KEPT = {"num_heads", "kv_num_heads", "scale"}
_HEAD_STEP, _LARGEST_HEAD = 8, 256  # csrc/kernels/attention.hpp


def all_attention_is_plain(graph: Graph, elem_type: int) -> bool:
    """Whether the core's own, with a cache of this type, could take the place of each of the runtime's."""
    found = graph.nodes(GROUP_QUERY)
    return bool(found) and all(_is_plain(graph, node, elem_type) for node in found)


def use_own_attention(graph: Graph, elem_type: int = TensorProto.FLOAT) -> int:
    """Returns how many were replaced. Any node that asks for more than the core's can do stays.

    `elem_type` is that of the cache; queries are in float32.
    """
    replaced = 0
    turned = _Turned(graph)
    for node in graph.nodes(GROUP_QUERY):
        if not _is_plain(graph, node, elem_type):
            continue
        given = attributes_of(node)
        kept = {name: value for name, value in given.items() if name in _KEPT}
        inputs = turned.inputs(node) if given.get("do_rotary") else list(node.input[:_INPUTS])
        made = graph.add(OWN_ATTENTION, inputs, outputs=3, domain=LOQUOR, **kept)
        for old, new in zip(node.output, made, strict=True):
            if old in graph.outputs:
                graph.name_output(old, new)
            else:
                graph.replace(old, new)
        replaced += 1
    graph.prune()
    return replaced


def _is_plain(graph: Graph, node: NodeProto, elem_type: int) -> bool:
    """Whether the cache is of this type and nothing but causal attention is asked for."""
    given = attributes_of(node)
    if node.domain != MICROSOFT or len(node.output) != 3 or not all(node.output):
        return False
    if given.get("do_rotary") and len(node.input) >= _ROTARY_INPUTS - 1:
        understood, unused = _ROTARY_INPUTS, {name for name in _UNUSED if name not in _TURNING}
    else:
        understood, unused = _INPUTS, set(_UNUSED)
    if len(node.input) < _INPUTS or bool(node.input[1]) != bool(node.input[2]):
        return False
    if any(node.input[understood:]):
        return False
    others = {name: value for name, value in given.items() if name not in _KEPT}
    if any(name in unused and _UNUSED[name] != value for name, value in others.items()):
        return False
    if not set(others) <= set(_UNUSED):
        return False
    for past in node.input[3:5]:
        if past not in graph.inputs:
            return False
        tensor = graph.inputs[past].type.tensor_type
        dims = [dim.dim_value for dim in tensor.shape.dim]
        if tensor.elem_type != elem_type or len(dims) != 4 or dims[1] != given.get("kv_num_heads"):
            return False
        if dims[3] == 0 or dims[3] % _HEAD_STEP or dims[3] > _LARGEST_HEAD:
            return False
    return bool(given.get("num_heads", 0) % dims[1] == 0)


class _Turned:
    """Queries and keys turned by com.microsoft's RotaryEmbedding; the positions are computed once a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._counted = ""

    def inputs(self, node: NodeProto) -> list[str]:
        """What the attention takes in place of the inputs of `node`, which turned them itself."""
        graph, given = self._graph, attributes_of(node)
        heads, kv_heads = given["num_heads"], given["kv_num_heads"]
        query, key, value = node.input[:3]
        if not key:  # packed
            dim = graph.inputs[node.input[3]].type.tensor_type.shape.dim[3].dim_value
            sizes = graph.int64(heads * dim, kv_heads * dim, kv_heads * dim)
            query, key, value = graph.add("Split", [query, sizes], outputs=3, axis=-1)
        positions = node.input[9] if len(node.input) > 9 and node.input[9] else self._positions()
        interleaved = given.get("rotary_interleaved", 0)

        def turn(x: str, count: int) -> str:
            inputs = [x, positions, *node.input[7:9]]
            made = graph.add(
                "RotaryEmbedding", inputs, domain=MICROSOFT, num_heads=count, interleaved=interleaved
            )
            return made[0]

        return [turn(query, heads), turn(key, kv_heads), value, *node.input[3:_INPUTS]]

    def _positions(self) -> str:
        """int64 [rows, sequence]: from each row's past on, which is what its mask has beyond the new ones.

        Of a first run whose shorter rows are padded on the right, from 0.
        """
        if not self._counted:
            graph = self._graph
            real = graph.add("ReduceSum", ["attention_mask", graph.int64(1)], keepdims=1)[0]
            new = graph.add("Shape", ["inputs_embeds"], start=1, end=2)[0]
            past = graph.add("Max", [graph.add("Sub", [real, new])[0], graph.int64(0)])[0]
            count = graph.add("Squeeze", [new])[0]
            zero, one = (graph.add_constant(np.array(number, np.int64), "number") for number in (0, 1))
            self._counted = graph.add("Add", [past, graph.add("Range", [zero, count, one])[0]])[0]
        return self._counted
