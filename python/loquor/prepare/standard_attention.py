"""ONNX's own Attention (opset 23 and 24), written out so that its cache is found as that of plain operators.

Exporters of 2026 write it in three ways: with past and present of its own, on keys and values that Concat
joins, and on whole buffers that TensorScatter writes into. The last costs the whole buffer at each step on
ONNX Runtime's CPU (1.32). Masks are left out here, since what replaces this is causal anyway and is compared
with the untouched graph.
"""

from __future__ import annotations

import numpy as np
from onnx import NodeProto

from .graph import Graph, RefusedError, attributes_of

__all__ = ["keeps_whole_buffers", "spell_out_attention"]

_HEADS_FIRST = [0, 2, 1, 3]
_PAST = "past_key_values."


def keeps_whole_buffers(graph: Graph) -> bool:
    """Whether new positions are scattered into caches that are as long as can be from the beginning."""
    return any(
        graph.through(node.input[0], "Identity").startswith(_PAST) for node in graph.nodes("TensorScatter")
    )


def spell_out_attention(graph: Graph) -> int:
    """Attention becomes products around Softmax, its past and TensorScatter's joined by Concat.

    Returns how many there were. Raises `RefusedError` for what is no plain attention over as many heads.
    """
    for node in graph.nodes("TensorScatter"):
        if graph.through(node.input[0], "Identity").startswith(_PAST):
            _join_instead(graph, node)
    found = [node for node in graph.nodes("Attention") if node.domain in ("", "ai.onnx")]
    for node in found:
        _spell_out(graph, node)
    graph.prune()
    return len(found)


def _join_instead(graph: Graph, node: NodeProto) -> None:
    given = attributes_of(node)
    if given.get("axis", -2) not in (-2, 2) or given.get("mode", b"linear") != b"linear":
        raise RefusedError("its TensorScatter does not write positions one after the other")
    past = graph.through(node.input[0], "Identity")
    made = node.output[0]
    joined = graph.add("Concat", [past, node.input[1]], axis=2)[0]
    present = past.replace("past_key_values", "present")
    for name, symbol in ((past, "past_sequence_length"), (present, "total_sequence_length")):
        value = graph.inputs.get(name) or graph.outputs.get(name)
        if value is not None:
            value.type.tensor_type.shape.dim[2].dim_param = symbol
    graph.replace(made, joined)


def _spell_out(graph: Graph, node: NodeProto) -> None:
    given = attributes_of(node)
    query, key, value, _, past_key, past_value = [*node.input, *[""] * 6][:6]
    heads = given.get("q_num_heads", 0)
    if given.get("softcap", 0.0) or (len(node.output) > 3 and node.output[3]):
        raise RefusedError(f"'{node.name}' caps or returns its scores")
    if heads != given.get("kv_num_heads", 0):
        raise RefusedError(f"'{node.name}' has other numbers of heads for queries than for keys")
    if heads:
        split = graph.int64(0, 0, heads, -1)
        query, key, value = (
            graph.add("Transpose", [graph.add("Reshape", [name, split])[0]], perm=_HEADS_FIRST)[0]
            for name in (query, key, value)
        )
    if past_key:
        joined = [
            graph.add("Concat", [past, new], axis=2)[0]
            for past, new in ((past_key, key), (past_value, value))
        ]
        for old, new in zip(node.output[1:3], joined, strict=False):
            if old:
                graph.replace(old, new)
        key, value = joined
    turned = graph.add("Transpose", [key], perm=[0, 1, 3, 2])[0]
    scores = graph.add("MatMul", [query, turned])[0]
    scale = np.asarray(given.get("scale", _head_size(graph) ** -0.5), np.float32)
    scores = graph.add("Mul", [scores, graph.add_constant(scale, "scale")])[0]
    weights = graph.add("Softmax", [scores], axis=-1)[0]
    context = graph.add("MatMul", [weights, value])[0]
    if heads:
        context = graph.add("Transpose", [context], perm=_HEADS_FIRST)[0]
        context = graph.add("Reshape", [context, graph.int64(0, 0, -1)])[0]
    graph.replace(node.output[0], context)


def _head_size(graph: Graph) -> int:
    dims = graph.inputs[f"{_PAST}0.key"].type.tensor_type.shape.dim
    return int(dims[-1].dim_value) or 1
