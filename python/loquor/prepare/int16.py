"""Products in 16 bits, with what follows one in its node; attention in 16 bits (docs/adr/0130)."""

from __future__ import annotations

from onnx import NodeProto, TensorProto

from .graph import LOQUOR, MICROSOFT, Graph, attributes_of

__all__ = ["fuse_int16_products", "use_int16_attention"]

_SMALLEST = 128
"""Rows and columns of weights below which rounding costs what is gained."""


def fuse_int16_products(graph: Graph) -> int:
    """MatMul with weights in float32, with its bias, Gelu and residual; returns how many were replaced."""
    replaced = 0
    for product in graph.nodes("MatMul"):
        weights = graph.through(product.input[1], "Identity")
        if not _is_stored(graph, weights):
            continue
        value, bias = _with_bias(graph, product.output[0])
        value, gelu = _with_gelu(graph, value)
        value, residual = _with_residual(graph, value)
        inputs = [product.input[0], weights, bias, residual]
        while not inputs[-1]:
            inputs.pop()
        graph.replace(value, graph.add("Int16Product", inputs, domain=LOQUOR, gelu=int(gelu))[0])
        replaced += 1
    graph.prune()
    return replaced


def use_int16_attention(graph: Graph) -> int:
    """MultiHeadAttention of queries, keys and values alone; returns how many were replaced."""
    replaced = 0
    for node in graph.nodes("MultiHeadAttention"):
        given = attributes_of(node)
        if (
            node.domain != MICROSOFT
            or len(node.input) != 3
            or len(node.output) != 1
            or not given.keys() <= {"num_heads", "scale"}
        ):
            continue
        out = graph.add("Int16Attention", list(node.input), domain=LOQUOR, **given)[0]
        graph.replace(node.output[0], out)
        replaced += 1
    graph.prune()
    return replaced


def _is_stored(graph: Graph, weights: str) -> bool:
    tensor = graph.initializers.get(weights)
    return (
        tensor is not None
        and tensor.data_type == TensorProto.FLOAT
        and len(tensor.dims) == 2
        and min(tensor.dims) >= _SMALLEST
    )


def _with_bias(graph: Graph, value: str) -> tuple[str, str]:
    """The sum with a vector, and the vector; else the value itself, and ""."""
    total = _only(graph, value, "Add")
    if total is None:
        return value, ""
    bias = _other(total, value)
    tensor = graph.initializers.get(bias)
    if (
        tensor is None
        or len(tensor.dims) != 1
        or tensor.data_type != TensorProto.FLOAT
        or tensor.dims[0] == 1
    ):
        return value, ""
    return total.output[0], bias


def _with_gelu(graph: Graph, value: str) -> tuple[str, bool]:
    gelu = _only(graph, value, "Gelu")
    if gelu is None or attributes_of(gelu).get("approximate", b"none") != b"none":
        return value, False
    return gelu.output[0], True


def _with_residual(graph: Graph, value: str) -> tuple[str, str]:
    """The sum with a value of as many axes, also behind factors of one, and that value; else "".

    That they are of one shape shows when the graph is run.
    """
    total = _only(graph, _behind_ones(graph, value), "Add")
    if total is None:
        return value, ""
    other = _other(total, _behind_ones(graph, value))
    if other in graph.initializers or graph.rank(other) is None or graph.rank(other) != graph.rank(value):
        return value, ""
    return total.output[0], other


def _behind_ones(graph: Graph, value: str) -> str:
    while node := _only(graph, value, "Div", "Mul"):
        if node.input[0] != value or graph.scalar(node.input[1]) != 1:
            break
        value = node.output[0]
    return value


def _only(graph: Graph, value: str, *ops: str) -> NodeProto | None:
    """The one user of a value, if its operator is one of these."""
    users = graph.consumers(value)
    found = len(users) == 1 and users[0].op_type in ops and value not in graph.outputs
    return users[0] if found else None


def _other(node: NodeProto, value: str) -> str:
    return str(node.input[1] if node.input[0] == value else node.input[0])
