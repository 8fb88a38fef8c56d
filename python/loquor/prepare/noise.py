"""A decoder's random nodes become inputs, which the core fills from the request's seed.

Each input tells by its name what it wants, `loquor_normal_0` (mean 0, deviation 1) or `loquor_uniform_1` (in
[0, 1)), and by its dimensions how much: a number, or a sum such as "960*tokens-480*frames" or
"1*tokens-1*frames/2" of the decoder's two lengths, those of speech_tokens and of speaker_features. Sums are
found by running the graph at several lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from .check import Arrays
from .graph import Graph, RefusedError, attributes_of

__all__ = [
    "length_at",
    "lengths_of",
    "mean_noise",
    "noise_to_inputs",
    "random_nodes",
    "shape_probe",
    "silenced",
]

_NORMAL = ("RandomNormal", "RandomNormalLike")
_UNIFORM = ("RandomUniform", "RandomUniformLike")
_PREFIX = "loquor_shape_"
_SILENCE = 1e-20  # the runtime aborts the process at a deviation of 0

PROBES = ((24, 20), (31, 20), (31, 26), (45, 34))
"""(speech tokens, mel frames) of the runs that tell lengths: three to solve for them, one to check."""


def random_nodes(graph: Graph) -> list[NodeProto]:
    """The nodes that draw. Raises `RefusedError` for a distribution that is not known here."""
    if strange := graph.nodes("Multinomial", "Bernoulli"):
        raise RefusedError(f"it draws with {strange[0].op_type}")
    return graph.nodes(*_NORMAL, *_UNIFORM)


def shape_probe(graph: Graph, values: Sequence[str]) -> ModelProto:
    """The graph with only the shapes of these values as outputs."""
    graph.outputs.clear()
    for index, value in enumerate(values):
        name = f"{_PREFIX}{index}"
        graph.add("Shape", [value], outputs=[name])
        graph.outputs[name] = helper.make_tensor_value_info(name, TensorProto.INT64, [None])
    return graph.finish()


def lengths_of(run: Callable[[int, int], Arrays], values: Sequence[str]) -> list[list[int | str]]:
    """Dimensions of each of the shape probe's values; `run(tokens, frames)` runs it.

    Raises `RefusedError` for one that is no such sum.
    """
    seen = [run(tokens, frames) for tokens, frames in PROBES]
    system = np.array([[1, tokens, frames] for tokens, frames in PROBES], float)
    dims: list[list[int | str]] = []
    for index, value in enumerate(values):
        shapes = np.array([shape[f"{_PREFIX}{index}"] for shape in seen], float)  # [probes, rank]
        halves = (2 * np.linalg.lstsq(system, shapes, rcond=None)[0]).round().astype(int)  # [3, rank]
        if not np.array_equal(system @ halves, 2 * shapes) or (halves[0] % 2).any():
            raise RefusedError(f"the length of {value} is no sum of the decoder's lengths")
        dims.append([_spelled(*axis) for axis in halves.T.tolist()])
    return dims


def _spelled(fixed: int, tokens: int, frames: int) -> int | str:
    """A sum, of its numbers times two."""
    if not tokens and not frames:
        return fixed // 2
    terms = [(tokens, "*tokens"), (frames, "*frames"), (fixed, "")]
    spelled = [
        f"{number // 2:+d}{name}" if number % 2 == 0 else f"{number:+d}{name}/2"
        for number, name in terms
        if number
    ]
    return "".join(spelled).lstrip("+")


def noise_to_inputs(graph: Graph, dims: list[list[int | str]]) -> int:
    """Replaces the random nodes by inputs of these dimensions and returns their number."""
    nodes = random_nodes(graph)
    for index, (node, shape) in enumerate(zip(nodes, dims, strict=True)):
        given = attributes_of(node)
        if node.op_type in _NORMAL:
            name, factor, offset = "normal", given.get("scale", 1.0), given.get("mean", 0.0)
        else:
            offset = given.get("low", 0.0)
            name, factor = "uniform", given.get("high", 1.0) - offset
        value = graph.add_input(f"loquor_{name}_{index}", TensorProto.FLOAT, shape)
        for op, number, neutral in (("Mul", factor, 1.0), ("Add", offset, 0.0)):
            if number != neutral:
                value = graph.add(op, [value, graph.add_constant(np.asarray(number, np.float32), "noise")])[0]
        if (kind := given.get("dtype", _type_of_like(graph, node))) != TensorProto.FLOAT:
            value = graph.add("Cast", [value], to=kind)[0]
        graph.replace(node.output[0], value)
    return len(nodes)


def _type_of_like(graph: Graph, node: NodeProto) -> int:
    """Type of the value whose likeness is drawn: float32 unless the graph casts it to something else."""
    source = graph.made_by(node.input[0], "Cast") if node.input else None
    return int(attributes_of(source)["to"]) if source is not None else int(TensorProto.FLOAT)


def silenced(graph: Graph) -> ModelProto:
    """The untouched graph with noise that is always its mean: the rewritten one, fed so, must equal it."""
    for node in random_nodes(graph):
        given = attributes_of(node)
        changed = {"scale": _SILENCE}
        if node.op_type in _UNIFORM:
            middle = (given.get("low", 0.0) + given.get("high", 1.0)) / 2
            changed = {"low": middle, "high": middle}
        kept = [attribute for attribute in node.attribute if attribute.name not in changed]
        del node.attribute[:]
        node.attribute.extend([*kept, *(helper.make_attribute(*item) for item in changed.items())])
    return graph.finish()


def mean_noise(dims: dict[str, list[int | str]], tokens: int, frames: int) -> Iterator[tuple[str, Any]]:
    """The mean of each noise input, at these lengths."""
    for name, shape in dims.items():
        extents = [length_at(extent, tokens, frames) for extent in shape]
        yield name, np.full(extents, 0.5 if "_uniform_" in name else 0.0, np.float32)


def length_at(extent: int | str, tokens: int, frames: int) -> int:
    """A dimension at these lengths."""
    if isinstance(extent, int):
        return extent
    total = 0
    for term in extent.replace("-", "+-").split("+"):
        number, _, name = term.partition("*")
        name, _, divisor = name.partition("/")
        if term:
            total += int(int(number) * {"tokens": tokens, "frames": frames, "": 1}[name] / int(divisor or 1))
    return total
