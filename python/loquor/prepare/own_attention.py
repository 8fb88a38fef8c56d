"""GroupQueryAttention becomes our own attention where that means the same (docs/adr/0027-attention.md)."""

from __future__ import annotations

from onnx import NodeProto, TensorProto

from .graph import LOQUOR, MICROSOFT, Graph, attributes_of

__all__ = ["GROUP_QUERY", "OWN_ATTENTION", "all_attention_is_plain", "use_own_attention"]

OWN_ATTENTION = "CausalAttention"
GROUP_QUERY = "GroupQueryAttention"

_INPUTS = 7
"""Query, key, value, past_key, past_value, seqlens_k, total_sequence_length: what follows is not served."""
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
    for node in graph.nodes(GROUP_QUERY):
        if not _is_plain(graph, node, elem_type):
            continue
        given = attributes_of(node)
        kept = {name: value for name, value in given.items() if name in _KEPT}
        made = graph.add(OWN_ATTENTION, list(node.input[:_INPUTS]), outputs=3, domain=LOQUOR, **kept)
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
    if len(node.input) < _INPUTS or any(node.input[_INPUTS:]) or bool(node.input[1]) != bool(node.input[2]):
        return False
    if any(name not in _KEPT and _UNUSED.get(name) != value for name, value in given.items()):
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
