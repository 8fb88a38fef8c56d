"""Scores by relative position, which exporters shift into place by padding and reshaping, become one node.

docs/adr/0023-kernels.md.
"""

from __future__ import annotations

from onnx import NodeProto, TensorProto

from .graph import LOQUOR, Graph, attributes_of

__all__ = ["fuse_relative_shift"]


def fuse_relative_shift(graph: Graph) -> int:
    """Content scores plus shifted position scores, and their common scale; returns how many were found.

    Transformer-XL's shift: a column of zeros before the scores, rows and columns read the other way round,
    the first row dropped, the first columns kept. How many are kept shows in the check of the whole graph.
    """
    found = 0
    for concat in graph.nodes("Concat"):
        positions = _behind_zeros(graph, concat)
        reshaped = _only(graph, concat.output[0], "Reshape") if positions else None
        dropped = _only(graph, reshaped.output[0], "Slice") if reshaped is not None else None
        if dropped is None or not _cuts(graph, dropped, start=1, axes=(2, -2)):
            continue
        back = _only(graph, dropped.output[0], "Reshape")
        kept = _only(graph, back.output[0], "Slice") if back is not None else None
        if kept is None or not _cuts(graph, kept, start=0, axes=(3, -1)):
            continue
        added = _only(graph, kept.output[0], "Add")
        if added is None:
            continue
        content = added.input[1] if added.input[0] == kept.output[0] else added.input[0]
        last, scale = _scaled(graph, added)
        shift = graph.add("RelativeShift", [content, positions], domain=LOQUOR, scale=scale)
        graph.replace(last.output[0], shift[0])
        found += 1
    graph.prune()
    return found


def _behind_zeros(graph: Graph, concat: NodeProto) -> str:
    """The float32 scores that a Concat along the last axis puts behind zeros; else ""."""
    if len(concat.input) != 2 or attributes_of(concat).get("axis") not in (-1, 3):
        return ""
    zeros = graph.made_by(concat.input[0], "ConstantOfShape")
    if zeros is None or graph.made_by(concat.input[1], "MatMul") is None:
        return ""
    value = attributes_of(zeros).get("value")
    if value is not None and (value.data_type != TensorProto.FLOAT or any(value.raw_data)):
        return ""
    return str(concat.input[1])


def _only(graph: Graph, value: str, op: str) -> NodeProto | None:
    """The one user of a value that reads its elements, if its operator is this."""
    users = [node for node in graph.consumers(value) if node.op_type != "Shape"]
    return users[0] if len(users) == 1 and users[0].op_type == op else None


def _cuts(graph: Graph, node: NodeProto, start: int, axes: tuple[int, ...]) -> bool:
    """Whether a Slice begins at `start` of one of these axes and skips nothing."""
    names = [*node.input, *[""] * (5 - len(node.input))]
    step = graph.scalar(names[4]) if names[4] else 1
    return graph.scalar(names[1]) == start and graph.scalar(names[3]) in axes and step == 1


def _scaled(graph: Graph, added: NodeProto) -> tuple[NodeProto, float]:
    """The node that scales the sum by a constant, and by what; else the sum's own, and 1."""
    for op in ("Div", "Mul"):
        node = _only(graph, added.output[0], op)
        number = graph.scalar(node.input[1]) if node is not None else None
        if node is not None and number and node.input[0] == added.output[0]:
            return node, float(number) if op == "Mul" else 1.0 / float(number)
    return added, 1.0
