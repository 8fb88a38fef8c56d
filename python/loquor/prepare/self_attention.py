"""Attention without a cache or a mask, written out in plain operators, becomes one MultiHeadAttention."""

from __future__ import annotations

from onnx import NodeProto

from .graph import MICROSOFT, Graph, attributes_of

__all__ = ["fuse_self_attention"]

_SCALING = ("Mul", "Div")
_HEADS_FIRST = [0, 2, 1, 3]
_TURNED = [0, 2, 3, 1]  # of the keys


def fuse_self_attention(graph: Graph) -> int:
    """softmax(q k^T / sqrt(head size)) v of [batch, sequence, heads * head size]; returns their number.

    Scales are not read, since exporters compute them from shapes: the comparison with the untouched graph
    would show another one. What is masked, or adds a term for positions, is left as it is.
    """
    fused = 0
    for softmax in graph.nodes("Softmax"):
        scores = graph.made_by(softmax.input[0], "MatMul")
        users = graph.consumers(softmax.output[0])
        if scores is None or len(users) != 1 or users[0].op_type != "MatMul":
            continue
        context = users[0]
        query = _split(graph, graph.through(scores.input[0], *_SCALING), _HEADS_FIRST)
        key = _split(graph, graph.through(scores.input[1], *_SCALING), _TURNED)
        value = _split(graph, context.input[1], _HEADS_FIRST)
        joined = _joined(graph, context)
        if query is None or key is None or value is None or joined is None:
            continue
        heads = _heads(graph, query)
        if heads is None or any(graph.rank(node.input[0]) != 3 for node in (query, key, value)):
            continue
        parts = [node.input[0] for node in (query, key, value)]
        (out,) = graph.add("MultiHeadAttention", parts, domain=MICROSOFT, num_heads=heads)
        graph.replace(joined.output[0], out)
        fused += 1
    graph.prune()
    return fused


def _split(graph: Graph, value: str, perm: list[int]) -> NodeProto | None:
    """The Reshape to [batch, sequence, heads, head_size] behind a Transpose."""
    transpose = graph.made_by(value, "Transpose")
    if transpose is None or list(attributes_of(transpose).get("perm", [])) != perm:
        return None
    return graph.made_by(transpose.input[0], "Reshape")


def _joined(graph: Graph, context: NodeProto) -> NodeProto | None:
    """The Reshape that puts the heads side by side again."""
    value = context.output[0]
    for op in ("Transpose", "Reshape"):
        users = graph.consumers(value)
        if len(users) != 1 or users[0].op_type != op:
            return None
        value = users[0].output[0]
    return users[0]


def _heads(graph: Graph, reshape: NodeProto) -> int | None:
    """The third length of a Reshape to four."""
    whole = graph.constant(reshape.input[1])
    if whole is not None:
        return int(whole[2]) if whole.size == 4 else None
    parts = graph.made_by(reshape.input[1], "Concat")
    if parts is None or len(parts.input) != 4:
        return None
    heads = graph.scalar(parts.input[2])
    return None if heads is None or heads < 1 else int(heads)
