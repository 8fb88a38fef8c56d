"""Fourier transforms as products with tables of sines: exact, and where the runtime is slow, faster.

ONNX Runtime (1.32) computes STFT and DFT of a length that is no power of two by Bluestein's method in
the type of the signal: in float32 they err a hundred times as much as a plain sum, and a quiet band beside a
loud one gets energy that nobody recorded (docs/adr/0100-exporters.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto, TensorProto

from .graph import Graph, attributes_of

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["spectra_as_products", "spectra_in_double"]

_FASTER_UP_TO = 512
"""Samples of an STFT whose length is a power of two: beyond, the runtime's own is faster and as exact."""
_LONGEST = 8192


def spectra_as_products(graph: Graph) -> int:
    """STFT becomes Conv and DFT becomes MatMul where that is more exact or faster; returns how many did."""
    done = 0
    for node in graph.nodes("STFT"):
        length, window = _length(graph, node), _window(graph, node)
        if length and window is not None and (length & (length - 1) or length <= _FASTER_UP_TO):
            done += _stft_as_convolution(graph, node, length, window)
    for node in graph.nodes("DFT"):
        done += _dft_as_product(graph, node)
    graph.prune()
    return done


def spectra_in_double(graph: Graph) -> int:
    """The same transforms in float64, in which the runtime's own are exact; returns how many there were."""
    found = graph.nodes("STFT", "DFT")
    for node in found:
        wide = graph.add("Cast", [node.input[0]], to=TensorProto.DOUBLE)[0]
        inputs = [wide, *node.input[1:]]
        if node.op_type == "STFT" and len(inputs) > 2 and inputs[2]:
            inputs[2] = graph.add("Cast", [inputs[2]], to=TensorProto.DOUBLE)[0]
        exact = graph.add(node.op_type, inputs, **attributes_of(node))[0]
        graph.replace(node.output[0], graph.add("Cast", [exact], to=TensorProto.FLOAT)[0])
    graph.prune()
    return len(found)


def _length(graph: Graph, node: NodeProto) -> int:
    """Samples of a frame, 0 where they cannot be read."""
    window, length = [*node.input, "", ""][2:4]
    if length:
        number = graph.scalar(length)
        return int(number) if number is not None and 2 <= number <= _LONGEST else 0
    array = graph.constant(window) if window else None
    return 0 if array is None else int(array.size)


def _window(graph: Graph, node: NodeProto) -> str | None:
    """The window's name, "" where there is none; None where the frame is padded around it."""
    window = [*node.input, ""][2]
    if not window:
        return ""
    array = graph.constant(window)
    return window if array is not None and array.size == _length(graph, node) else None


def _stft_as_convolution(graph: Graph, node: NodeProto, length: int, window: str) -> bool:
    step = graph.scalar(node.input[1])
    if step is None or step < 1:
        return False
    bins = length // 2 + 1 if attributes_of(node).get("onesided", 1) else length
    # [batch, time, 1] or [batch, time] to [batch, 1, time]; of a complex signal the comparison tells.
    rows = graph.add("Reshape", [node.input[0], graph.int64(0, 1, -1)])[0]
    table = _table(graph, length, bins)
    if window:
        table = graph.add("Mul", [table, window])[0]
    weights = graph.add("Unsqueeze", [table, graph.int64(1)])[0]
    parts = graph.add("Conv", [rows, weights], kernel_shape=[length], strides=[int(step)])[0]
    apart = graph.add("Reshape", [parts, graph.int64(0, 2, bins, -1)])[0]
    graph.replace(node.output[0], graph.add("Transpose", [apart], perm=[0, 3, 2, 1])[0])
    return True


def _dft_as_product(graph: Graph, node: NodeProto) -> bool:
    """Make a product of a one-sided DFT of real frames [..., frame, 1] of a given length, no power of two."""
    given = attributes_of(node)
    inputs = [*node.input, "", ""]
    length = graph.scalar(inputs[1]) if inputs[1] else None
    rank = graph.rank(inputs[0])
    axis = graph.scalar(inputs[2]) if inputs[2] else given.get("axis")
    last_but_one = (-2,) if rank is None else (-2, rank - 2)
    if not given.get("onesided") or given.get("inverse") or length is None or axis not in last_but_one:
        return False
    count = int(length)
    if not count & (count - 1) or not 2 <= count <= _LONGEST:
        return False
    bins = count // 2 + 1
    # The transform cuts longer frames and fills up shorter ones; those that are as long need neither.
    frames = graph.add("Squeeze", [inputs[0], graph.int64(-1)])[0]
    table = graph.add("Transpose", [_table(graph, count, bins)], perm=[1, 0])[0]
    product = graph.add("MatMul", [frames, table])[0]
    halves = graph.add("Split", [product, graph.int64(bins, bins)], outputs=2, axis=-1)
    last = graph.int64(-1)
    parts = [graph.add("Unsqueeze", [half, last])[0] for half in halves]
    graph.replace(node.output[0], graph.add("Concat", parts, axis=-1)[0])
    return True


def _table(graph: Graph, length: int, bins: int) -> str:
    """Cosines, then negative sines of each bin, float32 [2 * bins, length].

    Looked up in the graph among the `length` values that there are: the file stays small, and the runtime
    makes the table when it loads it.
    """
    turns = 2 * np.pi * np.arange(length) / length
    circle = np.stack([np.cos(turns), -np.sin(turns)]).astype(np.float32)
    bin_numbers = graph.add_constant(np.arange(bins, dtype=np.int64)[:, np.newaxis], "bins")
    places = graph.add("Mul", [bin_numbers, graph.add_constant(_range(length), "places")])[0]
    places = graph.add("Mod", [places, graph.int64(length)])[0]
    values = graph.add("Gather", [graph.add_constant(circle, "circle"), places], axis=1)[0]
    return graph.add("Reshape", [values, graph.int64(2 * bins, length)])[0]


def _range(length: int) -> npt.NDArray[Any]:
    return np.arange(length, dtype=np.int64)[np.newaxis]
