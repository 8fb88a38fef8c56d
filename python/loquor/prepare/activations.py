"""Activations that exporters write out, Snake and Mish, become one node each (docs/adr/0023-kernels.md)."""

from __future__ import annotations

from onnx import NodeProto, TensorProto

from .graph import LOQUOR, Graph

__all__ = ["fuse_mish", "fuse_snake"]


def fuse_mish(graph: Graph) -> int:
    """x tanh(softplus(x)); returns how many were found. What is not float32 the runtime refuses."""
    found = 0
    for softplus in graph.nodes("Softplus"):
        x = softplus.input[0]
        tanh = graph.consumers(softplus.output[0])
        product = graph.consumers(tanh[0].output[0]) if len(tanh) == 1 and tanh[0].op_type == "Tanh" else []
        if len(product) != 1 or product[0].op_type != "Mul" or x not in product[0].input:
            continue
        graph.replace(product[0].output[0], graph.add("Mish", [x], domain=LOQUOR)[0])
        found += 1
    graph.prune()
    return found


def fuse_snake(graph: Graph) -> int:
    """x + gain sin(rate x)^2 with weights [1, channels, 1], in float32; returns how many were found."""
    found = 0
    for sine in graph.nodes("Sin"):
        scaled = graph.made_by(sine.input[0], "Mul")
        square = _square(graph, sine)
        if scaled is None or square is None:
            continue
        weighted = _only(graph, square, "Mul")
        added = _only(graph, weighted, "Add") if weighted is not None else None
        if weighted is None or added is None:
            continue
        x, rate = _sides(graph, scaled)
        product, gain = _sides(graph, weighted)
        if (
            product != square.output[0]
            or x not in added.input
            or not (_fits(graph, rate) and _fits(graph, gain))
        ):
            continue
        graph.replace(added.output[0], graph.add("Snake", [x, rate, gain], domain=LOQUOR)[0])
        found += 1
    graph.prune()
    return found


def _only(graph: Graph, node: NodeProto, op: str) -> NodeProto | None:
    """The one user of a node's output, if its operator is this."""
    users = graph.consumers(node.output[0])
    return users[0] if len(users) == 1 and users[0].op_type == op else None


def _square(graph: Graph, node: NodeProto) -> NodeProto | None:
    """The node that multiplies the output of `node` by itself."""
    if (power := _only(graph, node, "Pow")) is not None:
        return power if power.input[0] == node.output[0] and graph.scalar(power.input[1]) == 2 else None
    product = _only(graph, node, "Mul")
    return product if product is not None and product.input[0] == product.input[1] else None


def _sides(graph: Graph, product: NodeProto) -> tuple[str, str]:
    """A product's factors, a weight second if there is one."""
    one, other = product.input
    return (other, one) if graph.is_weight(one) else (one, other)


def _fits(graph: Graph, value: str) -> bool:
    """Whether it is a weight of three axes in float32; their lengths are the kernel's to check."""
    return graph.is_weight(value) and graph.rank(value) == 3 and _is_float32(graph, value)


def _is_float32(graph: Graph, value: str) -> bool:
    if value in graph.initializers:
        return graph.initializers[value].data_type == TensorProto.FLOAT
    node = graph.producer(value)
    if node is None or node.op_type == "Cast":
        return False
    if (constant := graph.constant(value)) is not None:
        return str(constant.dtype) == "float32"
    return _is_float32(graph, node.input[0])
