"""A decoder cut in two at its mel spectrogram: the flow makes it of tokens and a voice, the vocoder makes
samples of it.

The flow hears everything at once, so each window of a stream runs it on context again. The vocoder's reach is
finite: it runs on new rows and a few before them (`CONTEXT`), whatever the flow was given.

The place is found without names. It is the last value that all that tokens and voice tell samples and phase
goes through: where the number of ways from the inputs to it, times those from it to the outputs, is the
number of all ways. Behind it there are the sine source, whose phase is carried on (phase.py), and noise of
its own (noise.py).

* flow: the decoder's inputs, its noise; output `loquor_mel`
* vocoder: input `loquor_mel`, whose axis of time is declared as its rows by token ("2*tokens"), its noise,
  the phase; outputs as the decoder's
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from onnx import ModelProto, TensorProto, helper

from .check import Arrays, Run, distance
from .graph import Graph
from .noise import mean_noise, random_nodes
from .phase import PHASE_INPUTS, PHASE_NEXT

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CUT", "MEL", "Dims", "Halves", "cut_value", "halves", "mark_cut"]

CUT = "flow and vocoder apart"

MEL = "loquor_mel"
CONTEXT = 8
"""Tokens before a chunk whose mel the vocoder hears as well, kContext of csrc/model/vocoder.hpp."""

_INPUTS = ("speech_tokens", "speaker_embeddings", "speaker_features")
_WAVE = "waveform"
Dims: TypeAlias = "list[int | str]"


def cut_value(graph: Graph, source: str) -> str | None:
    """The value to cut at; None where something goes around any one value. `source`: the sines' running sum.

    What a random node is told, its shape, is nothing: it becomes an input.
    """
    graph.prune()  # which sorts the nodes
    random = {name for node in random_nodes(graph) for name in node.output}
    to = Counter(dict.fromkeys(_INPUTS, 1))
    made = []
    for node in graph.nodes():
        ways = sum(to[name] for name in set(node.input))
        if ways and not random.intersection(node.output):
            to.update(dict.fromkeys(filter(None, node.output), ways))
            made += [name for name in node.output if name]
    behind = Counter((_WAVE, source))
    for node in reversed(graph.nodes()):
        ways = sum(behind[name] for name in node.output if name)
        if ways and not random.intersection(node.output):
            behind.update(dict.fromkeys(filter(None, set(node.input)), ways))
    every = sum(behind[name] for name in _INPUTS)
    through = [name for name in made if every and to[name] * behind[name] == every]
    return through[-1] if through else None


def _rows_of(dims: Dims) -> tuple[int, int] | None:
    """The axis of time and the rows of each token; None where the value is no sequence of the new tokens'.

    Two frames of the voice are a token, so that "2*tokens-1*frames" are two rows of each new one.
    """
    rates = {"1*tokens-1*frames/2": 1, "2*tokens-1*frames": 2, "4*tokens-2*frames": 4}
    axes = [axis for axis, extent in enumerate(dims) if extent in rates]
    if len(axes) != 1 or sum(isinstance(extent, int) for extent in dims) != len(dims) - 1:
        return None
    return axes[0], rates[str(dims[axes[0]])]


def mark_cut(graph: Graph, value: str, dims: Dims) -> int | None:
    """Makes the value an output, so that no rewrite joins what lies before with what lies behind it.

    Returns its axis of time; None where the value is no sequence of the new tokens' rows.
    """
    found = _rows_of(dims)
    if found is None or graph.producer(value) is None:
        return None
    axis, rate = found
    graph.replace(value, graph.add("Identity", [value], outputs=[MEL])[0])
    declared = [f"{rate}*tokens" if place == axis else extent for place, extent in enumerate(dims)]
    graph.outputs[MEL] = helper.make_tensor_value_info(MEL, TensorProto.FLOAT, declared)
    return axis


def halves(marked: Graph) -> tuple[ModelProto, ModelProto]:
    """Flow and vocoder of a decoder that was marked, which stays as it is."""
    content = marked.finish().SerializeToString()
    flow, vocoder = (Graph(ModelProto.FromString(content), marked.folder) for _ in range(2))
    flow.outputs = {MEL: flow.outputs[MEL]}
    vocoder.output_to_input(MEL)
    return _finished(flow, _INPUTS), _finished(vocoder, ())


def _finished(graph: Graph, kept: Collection[str]) -> ModelProto:
    """The model without inputs that nothing reads."""
    graph.prune()
    read = {name for node in graph.nodes() for name in node.input}
    graph.inputs = {name: port for name, port in graph.inputs.items() if name in read or name in kept}
    return graph.finish()


class Halves:
    """Both graphs, loaded: run as the one that they were."""

    def __init__(self, flow: ModelProto, vocoder: ModelProto, opened: Callable[[ModelProto], Run]) -> None:
        self._flow, self._vocoder = opened(flow), opened(vocoder)
        self._told = {port.name for port in flow.graph.input}
        self._heard = {port.name for port in vocoder.graph.input}
        self.flow_noise = sorted(self._told - {*_INPUTS})

    def mel(self, feeds: Arrays) -> npt.NDArray[np.float32]:
        """The flow's answer to the decoder's feeds."""
        return self._flow({name: array for name, array in feeds.items() if name in self._told})[MEL]

    def samples(self, mel: npt.NDArray[np.float32], feeds: Arrays) -> Arrays:
        heard = {name: array for name, array in feeds.items() if name in self._heard}
        return self._vocoder({**heard, MEL: mel})

    def __call__(self, feeds: Arrays) -> Arrays:
        return self.samples(self.mel(feeds), feeds)

    def check_context(
        self, mel: npt.NDArray[np.float32], axis: int, tokens: int, noise: dict[str, Dims], allowed: float
    ) -> float:
        """Return how far samples made of the last rows are from those made of all, relative to the loudest.

        `mel` has the rows of `tokens` tokens along `axis`, more than twice the context's. Raises
        `RefusedError` beyond `allowed`.
        """
        begin = tokens - (tokens - CONTEXT) // 2
        phase, at = PHASE_INPUTS

        def run(first: int, carried: Arrays) -> Arrays:
            rows = np.take(mel, range(mel.shape[axis] // tokens * first, mel.shape[axis]), axis)
            return self.samples(rows, {**dict(mean_noise(noise, tokens - first, 0)), **carried})

        whole = run(0, PHASE_INPUTS)[_WAVE]
        size = whole.shape[-1] // tokens
        reached = run(0, {phase: PHASE_INPUTS[phase], at: np.array([0, size * begin - 1], np.int64)})[
            PHASE_NEXT
        ]
        part = run(begin - CONTEXT, {phase: reached, at: np.array([size * CONTEXT, -1], np.int64)})[_WAVE]
        what = f"the samples behind {CONTEXT} tokens of context"
        return distance(part[..., size * CONTEXT :], whole[..., size * begin :], what, allowed)
