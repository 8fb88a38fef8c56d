"""Convolutions that the core computes with fewer multiplications (docs/adr/0026-convolution.md)."""

from __future__ import annotations

from typing import Any

from onnx import NodeProto, TensorProto

from .graph import LOQUOR, Graph, attributes_of

__all__ = ["swap_convolutions"]

_TAPS = range(3, 13)
_FEWEST_CHANNELS = 16
"""Channels, in and out, below which what is saved in products is lost around them."""
_LARGEST = 4 << 20
"""Transformed weights: larger ones are made anew in each run for longer than short rows gain."""


def swap_convolutions(graph: Graph) -> int:
    """Conv of one axis, with stride 1, one group and weights in float32; returns how many were taken."""
    taken = 0
    for node in graph.nodes("Conv"):
        attributes = attributes_of(node)
        if not (_weights_fit(graph, node) and _is_plain(attributes)):
            continue
        begin, end = attributes.get("pads", (0, 0))
        (dilation,) = attributes.get("dilations", (1,))
        made = graph.add(
            "ToomCookConv", node.input, domain=LOQUOR, dilation=dilation, pad_begin=begin, pad_end=end
        )
        graph.replace(node.output[0], made[0])
        taken += 1
    graph.prune()
    return taken


def _weights_fit(graph: Graph, node: NodeProto) -> bool:
    """Whether the weights lie in the file, of a shape that gains; a bias follows from them."""
    tensor = graph.initializers.get(graph.through(node.input[1], "Identity", "Cast", "Widen"))
    widened = graph.made_by(node.input[1], "Cast", "Widen") is not None
    kinds = (TensorProto.FLOAT, TensorProto.FLOAT16) if widened else (TensorProto.FLOAT,)
    if tensor is None or tensor.data_type not in kinds or len(tensor.dims) != 3:
        return False
    filters, channels, taps = tensor.dims
    return (
        taps in _TAPS
        and min(filters, channels) >= _FEWEST_CHANNELS
        and _points(taps) * filters * channels <= _LARGEST
    )


def _points(taps: int) -> int:
    """Products for a tile of outputs, each with weights of its own."""
    return taps + 3 if taps <= 4 else 35 if taps <= 8 else 42


def _is_plain(attributes: dict[str, Any]) -> bool:
    return bool(
        attributes.get("group", 1) == 1
        and attributes.get("strides", [1]) == [1]
        and attributes.get("auto_pad", b"NOTSET") == b"NOTSET"
        and min(attributes.get("pads", [0])) >= 0
    )
