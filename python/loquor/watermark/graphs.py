"""PerTh's two networks as ONNX graphs, made of the checkpoint's tensors.

The encoder's graph takes frames of sound and gives what marking adds to them: spectrum, network and the way
back in one run, since a change of level with the phase kept is a factor on each bin. The detector's takes
levels at three speeds and gives, for each time, a weight and a vote.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..errors import ModelError
from .spectrum import FRAME, LEAST_LEVEL, RANGE, SCALE, SILENT, SPEEDS, window

if TYPE_CHECKING:
    import numpy.typing as npt

    Tensors = dict[str, npt.NDArray[np.float32]]

__all__ = ["LAYERS", "detector_graph", "encoder_graph"]

LAYERS = 7
"""Convolutions of a stack: over 1, five times over 7, and over 1 frame."""

_OPSET = 17
_SLOPE = 0.01  # of LeakyReLU


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype), name))
        return name

    def node(self, kind: str, inputs: Iterable[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def stack(self, tensors: Tensors, prefix: str, x: str, output: str) -> str:
        """The convolutions `prefix`.0 to .6 on x, float32 [1, bins, frames]."""
        for layer in range(LAYERS):
            weight, bias = _layer(tensors, prefix, layer)
            names = [
                self.constant(f"{prefix}.{layer}.{kind}", value)
                for kind, value in (("weight", weight), ("bias", bias))
            ]
            pad = weight.shape[2] // 2
            last = layer == LAYERS - 1
            to = output if last else f"{prefix}.{layer}.sum"
            x = self.node("Conv", [x, *names], to, kernel_shape=[weight.shape[2]], pads=[pad, pad])
            if not last:
                x = self.node("LeakyRelu", [x], f"{prefix}.{layer}", alpha=_SLOPE)
        return x

    def model(self, inputs: dict[str, list[Any]], outputs: dict[str, list[Any]]) -> ModelProto:
        taken, given = (
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in those.items()]
            for those in (inputs, outputs)
        )
        graph = helper.make_graph(self.nodes, "perth", taken, given, initializer=self.constants)
        return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", _OPSET)])


def _layer(tensors: Tensors, prefix: str, layer: int) -> tuple[Any, Any]:
    try:
        weight, bias = (tensors[f"{prefix}.{layer}.conv.{kind}"] for kind in ("weight", "bias"))
    except KeyError as error:
        raise ModelError(f"the checkpoint has no tensor {error}: it is not PerTh's") from error
    taps = 1 if layer in (0, LAYERS - 1) else 7
    if weight.ndim != 3 or weight.shape[2] != taps or bias.shape != weight.shape[:1]:
        raise ModelError(f"layer {layer} of {prefix} has the shape {weight.shape}: it is not PerTh's")
    return weight, bias


def encoder_graph(tensors: Tensors) -> bytes:
    """The graph that marks: `frames`, float32 [n, FRAME], to `change`, the same; what is to be added to the
    wave is their sum where they overlap, over that of the squared window.
    """
    bins = int(_layer(tensors, "encoder.layers", 0)[0].shape[1])
    if _layer(tensors, "encoder.layers", LAYERS - 1)[0].shape[0] != bins:
        raise ModelError("the encoder of the checkpoint does not give what it takes: it is not PerTh's")
    angles = 2 * np.pi * np.outer(np.arange(FRAME), np.arange(bins)) / FRAME
    waves = np.concatenate([np.cos(angles), -np.sin(angles)], axis=1) * window()[:, None]
    shares = np.where(np.arange(bins) % (FRAME // 2) == 0, 1, 2) / FRAME  # of a bin, and its mirror image's
    build = _Builder()
    spectrum = build.node("MatMul", ["frames", build.constant("waves", waves)], "spectrum")
    build.node("Split", [spectrum, build.constant("halves", [bins, bins], np.int64)], "real", axis=1)
    build.nodes[-1].output.append("imaginary")
    squares = [build.node("Mul", [part, part], f"{part}_squared") for part in ("real", "imaginary")]
    power = build.node("Add", squares, "power")
    least = build.constant("least_power", 10 ** (LEAST_LEVEL / 10) / SCALE**2)
    logarithm = build.node("Log", [build.node("Max", [power, least], "bounded_power")], "log_power")
    decibel = 10 / math.log(10)
    scaled = build.node("Mul", [logarithm, build.constant("slope", decibel / RANGE)], "scaled")
    offset = (decibel * math.log(SCALE**2) - LEAST_LEVEL) / RANGE
    levels = build.node("Add", [scaled, build.constant("offset", offset)], "levels")
    mean = build.node("ReduceMean", [levels], "mean_level", axes=[1], keepdims=1)
    sounds = build.node("Greater", [mean, build.constant("silent", SILENT)], "sounds")
    mask = build.node("Cast", [sounds], "mask", to=TensorProto.FLOAT)
    first = build.constant("batch", [0], np.int64)
    turned = build.node("Unsqueeze", [build.node("Transpose", [levels], "turned", perm=[1, 0]), first], "in")
    change = build.stack(tensors, "encoder.layers", turned, "out")
    change = build.node("Transpose", [build.node("Squeeze", [change, first], "flat")], "louder", perm=[1, 0])
    change = build.node("Mul", [change, mask], "masked")
    nepers = build.node("Mul", [change, build.constant("nepers", RANGE / 2 / decibel)], "exponent")
    factor = build.node("Exp", [nepers], "factor")
    added = build.node("Sub", [factor, build.constant("one", 1.0)], "added")
    parts = [build.node("Mul", [part, added], f"{part}_added") for part in ("real", "imaginary")]
    both = build.node("Concat", parts, "spectrum_added", axis=1)
    back = waves.T * np.concatenate([shares, shares])[:, None]
    build.node("MatMul", [both, build.constant("waves_back", back)], "change")
    model = build.model({"frames": ["n", FRAME]}, {"change": ["n", FRAME]})
    return bytes(model.SerializeToString(deterministic=True))


def detector_graph(tensors: Tensors) -> bytes:
    """The graph that detects: levels `slow`, `normal` and `fast`, float32 [1, bins, n] each, to `slow_votes`
    and so on, float32 [1, 2, n]: weight and vote of each time.
    """
    build = _Builder()
    inputs, outputs = {}, {}
    for speed in SPEEDS:
        prefix = f"decoder.{speed}_layers"
        inputs[speed] = [1, int(_layer(tensors, prefix, 0)[0].shape[1]), f"{speed}_n"]
        outputs[f"{speed}_votes"] = [1, 2, f"{speed}_n"]
        build.stack(tensors, prefix, speed, f"{speed}_votes")
    return bytes(build.model(inputs, outputs).SerializeToString(deterministic=True))
