"""What a graph keeps that the runtime computes slowly or inexactly, a warning each: nothing mends it here."""

from __future__ import annotations

from collections.abc import Callable

from onnx import NodeProto

from .graph import Graph, attributes_of
from .products import INT8_ACTIVATIONS, zeros_like_scales
from .widen import computes_in_float16

__all__ = ["remarks_on"]

_FEATURES, _RECORDING = ("audio_features", "cond_emb"), "audio_values"
_PARTS = 2  # of a prefix: the speaker's row, and what the recording says
_WRITTEN_OUT_IN_FLOAT16 = ("Gelu", "LogSoftmax", "Softmax")
_ONE_BITS_UP_TO = {4: 32, 8: 64}
"""Largest block, by bits, with which MatMulNBits at accuracy level 4 treats rows alone."""


def remarks_on(graph: Graph) -> list[str]:
    """A sentence for each of these kinds that a graph, as it runs on the CPU, has (docs/exporters.md)."""
    found = []
    for ops, applies, sentence in _KINDS:
        if number := sum(applies(graph, node) for node in graph.nodes(*ops)):
            found.append(f"{number} {sentence}")
    if _speaker_is_constant(graph):
        found.append(
            "the speaker's row of a voice is the same whatever is recorded (a voice embedding of zeros went "
            "into it): the language model knows the voice by the tokens of its recording alone"
        )
    return found


def _speaker_is_constant(graph: Graph) -> bool:
    """Whether the first row of a speech encoder's prefix does not depend on the recording."""
    features = next((name for name in _FEATURES if name in graph.outputs), None)
    if features is None or _RECORDING not in graph.inputs:
        return False
    joined = graph.made_by(graph.through(features, "Cast", "Identity"), "Concat")
    if joined is None or len(joined.input) < _PARTS or attributes_of(joined)["axis"] not in (1, -2):
        return False
    return not _hears(graph, joined.input[0]) and _hears(graph, features)


def _hears(graph: Graph, value: str) -> bool:
    """Whether a value depends on the recording by more than its shape."""
    front, seen = [value], {value}
    while front:
        name = front.pop()
        if name == _RECORDING:
            return True
        node = graph.producer(name)
        if node is None or node.op_type in ("Shape", "Size"):
            continue
        new = {each for each in node.input if each} - seen
        seen |= new
        front += new
    return False


def _neighbours_matter(graph: Graph, node: NodeProto) -> bool:
    given = attributes_of(node)
    largest = _ONE_BITS_UP_TO.get(given.get("bits", 4), given["block_size"])
    return given.get("accuracy_level") == INT8_ACTIVATIONS and given["block_size"] > largest


def _odd_length(graph: Graph, node: NodeProto) -> bool:
    place = 3 if node.op_type == "STFT" else 1
    length = graph.scalar(node.input[place]) if len(node.input) > place and node.input[place] else None
    return length is None or int(length) & (int(length) - 1) != 0


def _of_a_buffer(graph: Graph, node: NodeProto) -> bool:
    return len(node.input) > 6 and bool(node.input[6])


def _in_float16(graph: Graph, node: NodeProto) -> bool:
    return computes_in_float16(graph)


_Kind = tuple[tuple[str, ...], Callable[[Graph, NodeProto], bool], str]
_KINDS: tuple[_Kind, ...] = (
    (("ConvInteger",), lambda *_: True, "ConvInteger are left, which take three times as long as Conv"),
    (
        ("MatMulNBits",),
        zeros_like_scales,
        "MatMulNBits with float zero points are left, for which there is no fast kernel",
    ),
    (
        ("MatMulNBits",),
        _neighbours_matter,
        "MatMulNBits are in blocks so large that a row's bits hang on its neighbours",
    ),
    (
        ("STFT", "DFT"),
        _odd_length,
        "Fourier transforms are left whose length is no power of two, or unknown: they err by -75 to -90 dB",
    ),
    (
        ("Attention",),
        _of_a_buffer,
        "Attention with nonpad_kv_seqlen are left, which read the whole buffer at each step",
    ),
    (
        tuple(sorted(_WRITTEN_OUT_IN_FLOAT16)),
        _in_float16,
        "operators in float16 are left that the runtime writes out",
    ),
)
