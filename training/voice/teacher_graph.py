"""The teacher's one int8 graph becomes four in float: so that its timing and pitch can be given, and most of
it run in bfloat16.

    predictor  tokens, style, durations -> frames each token lasts, features, pitch, energy
    source     pitch -> short-time spectrum of the harmonic source
    decoder    features, pitch, energy, source, half of the style -> logarithmic magnitudes and phases
    spectrum   these -> samples

Sound needs full precision where phases are summed (source, spectrum) and where time and pitch are decided
(predictor). The decoder does nine tenths of the work, and its precision is free.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES = "/encoder/MatMul_1_output_0"
PITCH = "/decoder/decoder/Unsqueeze_output_0"
ENERGY = "/decoder/decoder/Unsqueeze_1_output_0"
DECODER_STYLE = "/decoder/Slice_output_0"
SOURCE = "/decoder/decoder/generator/Concat_3_output_0"
BINS = "/decoder/decoder/generator/conv_post/Conv_output_0"
OWN_DURATIONS = "/encoder/Clip_output_0"
"""Names of the values where the graph is cut, as the published file has them."""

SHAPES = {
    "used": ["tokens"],
    FEATURES: [1, 512, "frames"],
    PITCH: [1, 1, "halves"],
    ENERGY: [1, 1, "halves"],
    DECODER_STYLE: [1, 128],
    SOURCE: [1, 22, "steps"],
    BINS: [1, 22, "steps"],
}
"""A frame is 25 ms (600 samples), a half 12.5 ms (300), a step 5 samples; both step arrays have one more at
their end."""

GRAPHS = {
    "predictor": (("tokens", "style", "speed", "durations"), ("used", FEATURES, PITCH, ENERGY,
    DECODER_STYLE)),
    "source": ((PITCH,), (SOURCE,)),
    "decoder": ((FEATURES, PITCH, ENERGY, SOURCE, DECODER_STYLE), (BINS,)),
    "spectrum": ((BINS,), ("audio",)),
}  # fmt: skip
"""Inputs and outputs of each graph, in the order in which the teacher gives and takes them."""


def dequantize(model: onnx.ModelProto) -> None:
    """Replace products of dynamically quantised inputs by products in float32: the same weights, better
    inputs.

    ConvInteger(quantised x, w) * (scale of x * scale of w) becomes Conv(x, w - zero point) * (1 * scale of
    w).
    Biases were rounded to that scale on the way; the rounding is dropped.
    """
    graph = model.graph
    weights = {i.name: i for i in graph.initializer}
    quantizers = {n.output[0]: n for n in graph.node if n.op_type == "DynamicQuantizeLinear"}
    floats: dict[str, np.ndarray] = {}
    nodes = []
    for node in graph.node:
        if node.op_type in ("ConvInteger", "MatMulInteger"):
            name = node.input[1]
            if name not in floats:
                floats[f"{name}_float"] = _minus_zero_point(weights, node)
            product = helper.make_node(
                node.op_type.removesuffix("Integer"),
                [quantizers[node.input[0]].input[0], f"{name}_float"],
                list(node.output),
                name=node.name,
            )
            product.attribute.extend(node.attribute)
            nodes.append(product)
        elif node.op_type == "DynamicQuantizeLinear":
            one = numpy_helper.from_array(np.float32(1.0))
            nodes.append(helper.make_node("Constant", [], [node.output[1]], value=one))
        else:
            nodes.append(node)
    _float_biases(nodes)
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in floats.items())


def _minus_zero_point(weights: dict[str, TensorProto], node: onnx.NodeProto) -> np.ndarray:
    weight = numpy_helper.to_array(weights[node.input[1]]).astype(np.float32)
    zero = (
        numpy_helper.to_array(weights[node.input[3]]).astype(np.float32)
        if len(node.input) > 3
        else np.float32(0)
    )
    if node.op_type == "ConvInteger" and zero.size > 1:
        zero = zero.reshape(-1, *[1] * (weight.ndim - 1))
    return weight - zero


def _float_biases(nodes: list[onnx.NodeProto]) -> None:
    """Biases of convolutions: Div -> Floor -> Cast to int32 -> Add, made to stay in float32."""
    makers = {output: node for node in nodes for output in node.output}
    products = {output for node in nodes if node.op_type == "Conv" for output in node.output}
    for node in nodes:
        if node.op_type != "Add" or products.isdisjoint(node.input):
            continue
        maker = makers.get(next(name for name in node.input if name not in products))
        while maker is not None and maker.op_type in ("Reshape", "Cast", "Floor", "Unsqueeze"):
            if maker.op_type == "Cast":
                maker.attribute[0].i = TensorProto.FLOAT
            if maker.op_type == "Floor":
                maker.op_type = "Identity"
            maker = makers.get(maker.input[0])


def give_durations(model: onnx.ModelProto) -> None:
    """A new input `durations`, (1, tokens) float32 in frames of 25 ms: where it is 0 the teacher decides."""
    graph = model.graph
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == OWN_DURATIONS:
                node.input[index] = "used"
    graph.input.append(helper.make_tensor_value_info("durations", TensorProto.FLOAT, [1, "tokens"]))
    graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))
    at = next(i for i, node in enumerate(graph.node) if OWN_DURATIONS in node.output) + 1
    graph.node.insert(at, helper.make_node("Greater", ["durations", "zero"], ["given"]))
    graph.node.insert(at + 1, helper.make_node("Where", ["given", "durations", OWN_DURATIONS], ["used"]))


def quick_sines(model: onnx.ModelProto) -> None:
    """Sines that are squared next, as a polynomial of the input less a multiple of pi: the sign does not
    matter."""
    graph = model.graph
    squared = {node.input[0] for node in graph.node if node.op_type == "Pow"}
    terms = {
        "over_pi": 1 / np.pi,
        "pi": np.pi,
        "a": -0.16666657,
        "b": 0.00833305,
        "c": -0.000198093,
        "d": 2.6e-06,
    }
    graph.initializer.extend(numpy_helper.from_array(np.float32(v), f"squared_{k}") for k, v in terms.items())
    nodes = []
    for node in graph.node:
        if node.op_type != "Sin" or node.output[0] not in squared:
            nodes.append(node)
            continue
        here = f"{node.output[0]}_"
        steps = (
            ("Mul", (node.input[0], "squared_over_pi"), "turns"), ("Round", (here + "turns",), "whole"),
            ("Mul", (here + "whole", "squared_pi"), "less"), ("Sub", (node.input[0], here + "less"), "x"),
            ("Mul", (here + "x", here + "x"), "xx"),
            ("Mul", (here + "xx", "squared_d"), "d"), ("Add", (here + "d", "squared_c"), "c"),
            ("Mul", (here + "c", here + "xx"), "cc"), ("Add", (here + "cc", "squared_b"), "b"),
            ("Mul", (here + "b", here + "xx"), "bb"), ("Add", (here + "bb", "squared_a"), "a"),
            ("Mul", (here + "a", here + "xx"), "aa"), ("Mul", (here + "aa", here + "x"), "ax"),
        )  # fmt: skip
        nodes += [helper.make_node(kind, list(inputs), [here + out]) for kind, inputs, out in steps]
        nodes.append(helper.make_node("Add", [here + "ax", here + "x"], list(node.output)))
    del graph.node[:]
    graph.node.extend(nodes)


def cut(model: onnx.ModelProto, inputs: Iterable[str], outputs: Iterable[str]) -> onnx.ModelProto:
    """The part of `model` that makes `outputs` from `inputs`, all float32 but the tokens."""
    graph = model.graph
    makers = {output: node for node in graph.node for output in node.output}
    inputs, outputs = list(inputs), list(outputs)
    wanted, todo = set(inputs), [name for name in outputs if name not in inputs]
    kept: set[int] = set()
    while todo:
        name = todo.pop()
        if name in wanted:
            continue
        wanted.add(name)
        node = makers.get(name)
        if node is not None and id(node) not in kept:
            kept.add(id(node))
            todo += [i for i in node.input if i]
    missing = [i.name for i in graph.input if i.name in wanted and i.name not in inputs]
    if missing:
        raise ValueError(f"cutting {outputs} out of the teacher: it needs {missing} too, name them as inputs")

    def info(name: str) -> onnx.ValueInfoProto:
        known = {i.name: i for i in [*graph.input, *graph.output]}
        return known.get(name) or helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPES[name])

    part = helper.make_graph(
        [node for node in graph.node if id(node) in kept],
        "teacher",
        [info(name) for name in inputs],
        [info(name) for name in outputs],
        [i for i in graph.initializer if i.name in wanted],
    )
    return helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)


def build(int8: Path, folder: Path) -> None:
    """Write the four graphs of GRAPHS into `folder` as NAME.onnx."""
    model = onnx.load(int8)
    dequantize(model)
    give_durations(model)
    quick_sines(model)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (inputs, outputs) in GRAPHS.items():
        path = folder / f"{name}.onnx"
        onnx.save(cut(model, inputs, outputs), path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)
