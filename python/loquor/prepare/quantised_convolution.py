"""Convolutions whose activations are quantised in each run become float ones, on the same stored weights.

ONNX Runtime (1.32) computes ConvInteger without a fast kernel: it takes three times as long as Conv. Weights
that were quantised statically (QDQ) are fast, and stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from .check import Arrays, Run, distance
from .graph import Graph, attributes_of

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["check_convolutions", "widen_convolutions"]

EXACT = 1e-4
"""Allowed difference of an output, of its range, on input that quantisation leaves as it is."""
_FREE = 16
"""Places that a kernel of the check may move over."""


@dataclass(frozen=True)
class _Convolution:
    """DynamicQuantizeLinear, ConvInteger, Cast and Mul, as quantize_dynamic writes them."""

    quantise: NodeProto
    node: NodeProto
    weights: TensorProto
    zero: str  # of the weights, or ""
    scale: str  # of the weights
    output: str


def widen_convolutions(graph: Graph) -> int:
    """Each becomes Conv with weights that the runtime computes as it loads; returns how many there were."""
    found = _find(graph)
    for each in found:
        filters, rank = each.weights.dims[0], len(each.weights.dims)
        weights = graph.add("Cast", [each.weights.name], to=TensorProto.FLOAT)[0]
        for op, name in (("Sub", each.zero), ("Mul", each.scale)):
            if not name:
                continue
            wide = name if op == "Mul" else graph.add("Cast", [name], to=TensorProto.FLOAT)[0]
            count = filters if int(np.prod(graph.initializers[name].dims)) > 1 else 1
            wide = graph.add("Reshape", [wide, graph.int64(count, *[1] * (rank - 1))])[0]
            weights = graph.add(op, [weights, wide])[0]
        inputs = [each.quantise.input[0], weights]
        graph.replace(each.output, graph.add("Conv", inputs, **attributes_of(each.node))[0])
    graph.prune()
    return len(found)


def check_convolutions(
    loadable: Callable[[], Graph], opened: Callable[[ModelProto], Run]
) -> dict[str, float]:
    """Each convolution of a graph by itself, as published and in floats, on the same made-up input.

    Its values are small whole numbers up to 255, which quantisation keeps as they are: both must agree, but
    for the order of sums. Larger ones would saturate where the processor has no 8-bit dot product. Raises
    `RefusedError`.
    """
    published, changed = loadable(), loadable()
    feeds = _alone(published)
    if not feeds:
        return {}
    _alone(changed)
    widen_convolutions(changed)
    expected, found = opened(published.finish())(feeds), opened(changed.finish())(feeds)
    worst = [distance(found[name], array, f"'{name}'", EXACT) for name, array in expected.items()]
    return {"convolutions": max(worst)}


def _find(graph: Graph) -> list[_Convolution]:
    found = (_convolution(graph, node) for node in graph.nodes("ConvInteger"))
    return [each for each in found if each is not None]


def _convolution(graph: Graph, node: NodeProto) -> _Convolution | None:
    inputs = [*node.input, "", ""]
    quantise = graph.made_by(inputs[0], "DynamicQuantizeLinear")
    weights = graph.initializers.get(inputs[1])
    if quantise is None or weights is None or len(weights.dims) < 3 or inputs[2] != quantise.output[2]:
        return None
    cast = _only(graph, node.output[0], "Cast")
    product = _only(graph, cast.output[0], "Mul") if cast is not None else None
    if cast is None or product is None or attributes_of(cast)["to"] != TensorProto.FLOAT:
        return None
    scales = graph.made_by(next((n for n in product.input if n != cast.output[0]), ""), "Mul")
    if scales is None or quantise.output[1] not in scales.input:
        return None
    scale = next((name for name in scales.input if name != quantise.output[1]), "")
    for name in (scale, *([inputs[3]] if inputs[3] else [])):
        tensor = graph.initializers.get(name)
        if tensor is None or int(np.prod(tensor.dims)) not in (1, weights.dims[0]):
            return None
    return _Convolution(quantise, node, weights, inputs[3], scale, str(product.output[0]))


def _only(graph: Graph, value: str, op: str) -> NodeProto | None:
    users = graph.consumers(value)
    return users[0] if len(users) == 1 and users[0].op_type == op and value not in graph.outputs else None


def _alone(graph: Graph) -> Arrays:
    """Leaves nothing but the convolutions, each with an input of its own; what to feed them."""
    found = _find(graph)
    graph.inputs.clear()
    graph.outputs.clear()
    feeds: dict[str, npt.NDArray[Any]] = {}
    names: dict[int, str] = {}
    for index, each in enumerate(found):
        name = names.get(id(each.quantise))  # several may share what they quantise
        shape = _input_shape(each)
        if name is None or feeds[name].shape != shape:
            name = names[id(each.quantise)] = f"loquor_x_{index}"
            feeds[name] = _whole_numbers(index, shape)
            graph.add_input(name, TensorProto.FLOAT, shape)
            graph.set_input(each.quantise, 0, name)
        made = f"convolution {index} ({each.node.name})"
        graph.add("Identity", [each.output], outputs=[made])
        graph.outputs[made] = helper.make_tensor_value_info(made, TensorProto.FLOAT, None)
    return feeds


def _input_shape(each: _Convolution) -> tuple[int, ...]:
    given, dims = attributes_of(each.node), each.weights.dims
    dilations = given.get("dilations") or [1] * (len(dims) - 2)
    reach = [step * (taps - 1) + 1 + _FREE for step, taps in zip(dilations, dims[2:], strict=True)]
    return (1, dims[1] * given.get("group", 1), *reach)


def _whole_numbers(seed: int, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    values = np.random.default_rng(seed).integers(0, 4, shape).astype(np.float32)
    values.flat[0] = 255
    return values
