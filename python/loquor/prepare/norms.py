"""Layer norms and gates in plain operators become one node each; residual sums join their norm."""

from __future__ import annotations

import math

from onnx import NodeProto

from .graph import MICROSOFT, Graph, attributes_of

__all__ = ["fuse_fast_gelu", "fuse_layer_norms", "fuse_skip_layer_norms"]


def fuse_layer_norms(graph: Graph) -> int:
    """(x - mean) / sqrt(variance + eps) * gamma + beta over the last axis: LayerNormalization."""
    fused = 0
    for division in graph.nodes("Div"):
        found = _centred(graph, division)
        if found is None:
            continue
        x, epsilon = found
        scaled = _only_consumer(graph, division.output[0], "Mul")
        shifted = scaled and _only_consumer(graph, scaled.output[0], "Add")
        if scaled is None or shifted is None:
            continue
        gamma, beta = _other(scaled, division.output[0]), _other(shifted, scaled.output[0])
        if graph.rank(gamma) != 1 or graph.rank(beta) != 1:
            continue
        (out,) = graph.add("LayerNormalization", [x, gamma, beta], axis=-1, epsilon=epsilon)
        graph.replace(shifted.output[0], out)
        fused += 1
    return fused


def _centred(graph: Graph, division: NodeProto) -> tuple[str, float] | None:
    """x and epsilon where `division` is (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon)."""
    difference = graph.made_by(division.input[0], "Sub")
    root = graph.made_by(division.input[1], "Sqrt")
    total = root and graph.made_by(root.input[0], "Add")
    if difference is None or total is None:
        return None
    centred, x = difference.output[0], difference.input[0]
    mean = graph.made_by(difference.input[1], "ReduceMean")
    if mean is None or mean.input[0] != x or not _over_last_axis(graph, mean):
        return None
    for variance_name, epsilon_name in (total.input, reversed(total.input)):
        variance, epsilon = graph.made_by(variance_name, "ReduceMean"), graph.scalar(epsilon_name)
        if variance is None or epsilon is None or not _over_last_axis(graph, variance):
            continue
        square = graph.made_by(variance.input[0], "Pow", "Mul")
        if square is None or square.input[0] != centred:
            continue
        if square.op_type == "Pow" and graph.scalar(square.input[1]) == 2:
            return x, epsilon
        if square.op_type == "Mul" and square.input[1] == centred:
            return x, epsilon
    return None


def _over_last_axis(graph: Graph, mean: NodeProto) -> bool:
    axes = attributes_of(mean).get("axes")
    if axes is None and len(mean.input) > 1:
        given = graph.constant(mean.input[1])
        axes = None if given is None else given.tolist()
    rank = graph.rank(mean.input[0])
    return axes in ([-1], [rank - 1] if rank else [-1]) and attributes_of(mean).get("keepdims", 1) == 1


def fuse_fast_gelu(graph: Graph) -> int:
    """0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), however its products are grouped: FastGelu."""
    fused = 0
    for tanh in graph.nodes("Tanh"):
        x = _inside_tanh(graph, tanh)
        if x is None:
            continue
        gate = _only_consumer(graph, tanh.output[0], "Add")
        if gate is None or not _near(graph.scalar(_other(gate, tanh.output[0])), 1.0):
            continue
        product = _half_x_times(graph, gate, x)
        if product is None:
            continue
        graph.replace(product, graph.add("FastGelu", [x], domain=MICROSOFT)[0])
        fused += 1
    for gelu in graph.nodes("Gelu"):
        if gelu.domain == "" and attributes_of(gelu).get("approximate") == b"tanh":
            graph.replace(gelu.output[0], graph.add("FastGelu", [gelu.input[0]], domain=MICROSOFT)[0])
            fused += 1
    graph.prune()
    for gelu in graph.nodes("FastGelu"):
        _take_bias(graph, gelu)
    return fused


def _inside_tanh(graph: Graph, tanh: NodeProto) -> str | None:
    """x where `tanh` is of sqrt(2 / pi) (x + 0.044715 x^3)."""
    inner = _scaled(graph, tanh.input[0], math.sqrt(2 / math.pi))
    total = inner and graph.made_by(inner, "Add")
    if not total:
        return None
    for x, cubic in (total.input, reversed(total.input)):
        cube = _scaled(graph, cubic, 0.044715)
        if cube is not None and _is_cube(graph, cube, x):
            return str(x)
        # 0.044715 x * x^2 and its kin
        product = graph.made_by(cubic, "Mul")
        for one, other in (product.input, reversed(product.input)) if product else ():
            if _scaled(graph, one, 0.044715) == x and _is_square(graph, other, x):
                return str(x)
            square = _scaled(graph, one, 0.044715)
            if other == x and square is not None and _is_square(graph, square, x):
                return str(x)
    return None


def _half_x_times(graph: Graph, gate: NodeProto, x: str) -> str | None:
    """The value 0.5 * x * gate."""
    product = _only_consumer(graph, gate.output[0], "Mul")
    if product is None:
        return None
    other = _other(product, gate.output[0])
    if _scaled(graph, other, 0.5) == x:
        return str(product.output[0])
    # (x * gate) * 0.5, or (gate * 0.5) * x
    last = _only_consumer(graph, product.output[0], "Mul")
    if last is None:
        return None
    pair = {other, _other(last, product.output[0])}
    halves = [name for name in pair if _near(graph.scalar(name), 0.5)]
    return str(last.output[0]) if halves and pair == {x, halves[0]} else None


def _is_cube(graph: Graph, value: str, x: str) -> bool:
    power = graph.made_by(value, "Pow")
    if power is not None:
        return power.input[0] == x and _near(graph.scalar(power.input[1]), 3.0)
    product = graph.made_by(value, "Mul")
    return product is not None and any(
        one == x and _is_square(graph, other, x) for one, other in (product.input, reversed(product.input))
    )


def _is_square(graph: Graph, value: str, x: str) -> bool:
    node = graph.made_by(value, "Pow", "Mul")
    if node is None or node.input[0] != x:
        return False
    return node.input[1] == x if node.op_type == "Mul" else _near(graph.scalar(node.input[1]), 2.0)


def _scaled(graph: Graph, value: str, factor: float) -> str | None:
    """y where `value` is factor * y."""
    node = graph.made_by(value, "Mul")
    for one, other in (node.input, reversed(node.input)) if node else ():
        if _near(graph.scalar(one), factor):
            return str(other)
    return None


def _near(found: float | None, expected: float) -> bool:
    return found is not None and abs(found - expected) <= 1e-3 * expected  # float16 keeps eleven bits


def fuse_skip_layer_norms(graph: Graph) -> int:
    """LayerNormalization of a sum, which also goes on as the residual: SkipLayerNormalization."""
    fused = 0
    for norm in graph.nodes("LayerNormalization"):
        total = graph.made_by(norm.input[0], "Add")
        rank = graph.rank(norm.input[0])
        if total is None or len(norm.input) < 3 or attributes_of(norm).get("axis", -1) not in (-1, rank):
            continue
        one, other = total.input
        if graph.rank(one) != 3 or graph.rank(other) != 3 or len(norm.output) > 1:
            continue
        if graph.made_by(one, "Gather", "GatherBlockQuantized"):  # only `skip` may lack the batch axis
            one, other = other, one
        inputs = [one, other, norm.input[1], norm.input[2]]
        for place in (0, 1):
            inner = graph.made_by(inputs[place], "Add")
            bias = inner and _bias_of(graph, inner)
            if inner and bias and graph.only_used_by(inner.output[0], total):
                inputs = [_other(inner, bias), inputs[1 - place], *inputs[2:4], bias]
                break
        out, _, _, summed = graph.add(
            "SkipLayerNormalization",
            inputs,
            outputs=[graph.fresh("normed"), "", "", graph.fresh("residual")],
            domain=MICROSOFT,
            epsilon=float(attributes_of(norm).get("epsilon", 1e-5)),
        )
        graph.replace(norm.output[0], out)
        graph.replace(total.output[0], summed)
        fused += 1
    return fused


def _take_bias(graph: Graph, gelu: NodeProto) -> None:
    total = graph.made_by(gelu.input[0], "Add")
    bias = total and _bias_of(graph, total)
    if total and bias and graph.only_used_by(total.output[0], gelu):
        graph.set_input(gelu, 0, _other(total, bias))
        graph.set_input(gelu, 1, bias)


def _bias_of(graph: Graph, total: NodeProto) -> str | None:
    """The vector in product + vector."""
    for one, other in (total.input, reversed(total.input)):
        if graph.is_weight(one) and graph.rank(one) == 1 and graph.made_by(other, "MatMul", "MatMulNBits"):
            return str(one)
    return None


def _only_consumer(graph: Graph, value: str, op: str) -> NodeProto | None:
    users = graph.consumers(value)
    return users[0] if len(users) == 1 and users[0].op_type == op and value not in graph.outputs else None


def _other(node: NodeProto, value: str) -> str:
    """The other input of a node with two."""
    return str(node.input[1] if node.input[0] == value else node.input[0])
