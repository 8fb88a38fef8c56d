"""A graph in float16 computed in float32, on the weights as they are stored (docs/adr/0101-float16.md).

ONNX Runtime's CPU has few kernels in float16: most nodes stand between two Casts, Softmax, Gelu and others
fall apart into their definitions, and the core's own operators take float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from .graph import LOQUOR, Graph

__all__ = ["WIDENED", "computes_in_float16", "widen"]

WIDENED = "float16 weights widened to float32"

_DTYPES = ("dtype", "output_dtype")
_LOOKUPS = {"Gather": 0, "GatherBlockQuantized": 2}
"""Place, by operator, of the table whose type a looked-up row has: rows are widened, not tables."""
_READ_HALVES = {*_LOOKUPS, "BlockProduct", "Widen"}
_LARGE = 1 << 14
"""Elements of a weight: smaller ones are not worth a node in each run."""
_BODIES = (AttributeProto.GRAPH, AttributeProto.GRAPHS)


def computes_in_float16(graph: Graph) -> bool:
    """Whether a weight in float16 is used as such, or a value cast to it is."""
    for name, tensor in graph.initializers.items():
        users = graph.consumers(name) if tensor.data_type == TensorProto.FLOAT16 else ()
        if not all(user.op_type in _READ_HALVES or _casts_to(user, TensorProto.FLOAT) for user in users):
            return True
    return any(
        _casts_to(node, TensorProto.FLOAT16) and node.output[0] not in graph.outputs
        for node in graph.nodes("Cast")
    )


def widen(graph: Graph, *, at_each_run: bool = False, caches_of: str = "") -> int:
    """Every value is in float32 from now on, but for inputs and outputs; returns how many weights there were.

    The runtime widens weights as it loads them, and keeps them in twice the memory, or the core does so
    `at_each_run`. The KV cache keeps its type where it belongs to nodes of the operator `caches_of`.
    """
    widened = 0
    for tensor in list(graph.initializers.values()):
        if tensor.data_type == TensorProto.FLOAT16:
            _widen_weight(graph, tensor, at_each_run)
            widened += 1
    for node in graph.nodes():
        for inner in _with_bodies(node):
            _widen_attributes(inner)
    for name, value in graph.inputs.items():
        if not _is_half(value):
            continue
        users = [node for node in graph.consumers(name) if node.op_type != caches_of]
        wide = graph.add("Cast", [name], to=TensorProto.FLOAT)[0] if users else ""
        for node in users:
            for index, given in enumerate(node.input):
                if given == name:
                    graph.set_input(node, index, wide)
    for name, value in list(graph.outputs.items()):
        maker = graph.producer(name)
        if maker is not None and maker.op_type != caches_of and _is_half(value):
            graph.cast_output(name, TensorProto.FLOAT16)
    return widened


def _is_half(value: ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT16)


def _casts_to(node: NodeProto, elem_type: int) -> bool:
    return node.op_type == "Cast" and any(a.name == "to" and a.i == elem_type for a in node.attribute)


def _widen_weight(graph: Graph, tensor: TensorProto, at_each_run: bool) -> None:
    """Those in the graph file are rewritten."""
    if tensor.data_location != TensorProto.EXTERNAL:
        _widen_tensor(tensor)
        return
    name = tensor.name
    graph.rename_initializer(name, half := graph.fresh("half"))
    for node in graph.consumers(name):
        place = _LOOKUPS.get(node.op_type)
        if place is not None and node.input[place] == name:
            graph.set_input(node, place, half)
            graph.cast_value(node.output[0], TensorProto.FLOAT)
    if at_each_run and int(np.prod(tensor.dims)) >= _LARGE:
        graph.add("Widen", [half], outputs=[name], domain=LOQUOR)
    else:
        graph.add("Cast", [half], outputs=[name], to=TensorProto.FLOAT)


def _widen_tensor(tensor: TensorProto) -> None:
    array = numpy_helper.to_array(tensor).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _with_bodies(node: NodeProto) -> Iterator[NodeProto]:
    yield node
    for body in _bodies(node):
        for tensor in body.initializer:
            if tensor.data_type == TensorProto.FLOAT16:
                _widen_tensor(tensor)
        for value in (*body.input, *body.output, *body.value_info):
            if _is_half(value):
                value.type.tensor_type.elem_type = TensorProto.FLOAT
        for inner in body.node:
            yield from _with_bodies(inner)


def _bodies(node: NodeProto) -> Iterable[GraphProto]:
    for attribute in node.attribute:
        if attribute.type in _BODIES:
            yield from (attribute.g, *attribute.graphs)


def _widen_attributes(node: NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT16:
            _widen_tensor(attribute.t)
        elif (
            attribute.type == AttributeProto.INT
            and attribute.i == TensorProto.FLOAT16
            and (attribute.name in _DTYPES or (attribute.name == "to" and node.op_type == "Cast"))
        ):
            attribute.i = TensorProto.FLOAT
